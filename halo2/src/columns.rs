//! The columns of the challenge region, and how gates read them.

use halo2_proofs::plonk::{
    Advice, Column, ConstraintSystem, Expression, Fixed, TableColumn, VirtualCells,
};
use halo2_proofs::poly::Rotation;
use pasta_curves::Fp;

use crate::layout::{Chunk, BLOCK_COLUMNS, BLOCK_ROWS, FIRST_BYTE_COLUMN};

/// Columns of the challenge region.
#[derive(Clone, Copy, Debug)]
pub struct BlockColumns {
    /// Parameters, state, and four byte columns.
    pub advice: [Column<Advice>; BLOCK_COLUMNS],
    /// 256 where a running quotient goes on in the next row, 0 at the end of a chunk. Byte
    /// columns 0 and 1 share one.
    pub radix: [Column<Fixed>; 3],
    /// The numbers 0 to 255.
    pub bytes: TableColumn,
}

/// Which radix column belongs to a byte column.
pub const fn radix_of(byte_column: usize) -> usize {
    byte_column.saturating_sub(1)
}

impl BlockColumns {
    /// Adds the columns, and the byte lookup of each byte column.
    pub fn configure(meta: &mut ConstraintSystem<Fp>) -> Self {
        let columns = Self {
            advice: std::array::from_fn(|_| meta.advice_column()),
            radix: std::array::from_fn(|_| meta.fixed_column()),
            bytes: meta.lookup_table_column(),
        };
        for (byte_column, &advice) in columns.advice[FIRST_BYTE_COLUMN..].iter().enumerate() {
            meta.lookup(|meta| {
                let here = meta.query_advice(advice, Rotation::cur());
                let next = meta.query_advice(advice, Rotation::next());
                let radix = meta.query_fixed(columns.radix[radix_of(byte_column)]);
                vec![(here - radix * next, columns.bytes)]
            });
        }
        columns
    }
}

/// Reads the cells of a block, of the block before and of the block after.
pub struct BlockReader<'a, 'b> {
    meta: &'a mut VirtualCells<'b, Fp>,
    columns: &'a BlockColumns,
}

/// A block relative to the one that a gate stands in.
#[derive(Clone, Copy, Debug)]
pub enum Which {
    /// The block before.
    Before,
    /// The block itself.
    Here,
    /// The block after.
    After,
}

impl<'a, 'b> BlockReader<'a, 'b> {
    /// A reader for a gate.
    pub fn new(meta: &'a mut VirtualCells<'b, Fp>, columns: &'a BlockColumns) -> Self {
        Self { meta, columns }
    }

    /// A cell by column of the block and row.
    pub fn cell(&mut self, which: Which, column: usize, row: usize) -> Expression<Fp> {
        // A block is 14 rows: no row number comes near the range of i32.
        let (row, block) = (row as i32, BLOCK_ROWS as i32);
        let rotation = match which {
            Which::Before => row - block,
            Which::Here => row,
            Which::After => row + block,
        };
        let column = self.columns.advice[column];
        self.meta.query_advice(column, Rotation(rotation))
    }

    /// A parameter.
    pub fn parameter(&mut self, row: usize) -> Expression<Fp> {
        self.cell(Which::Here, crate::layout::PARAMETER_COLUMN, row)
    }

    /// A cell of the state column.
    pub fn state(&mut self, row: usize) -> Expression<Fp> {
        self.cell(Which::Here, crate::layout::STATE_COLUMN, row)
    }

    /// A cell of the state column in the block before.
    pub fn state_before(&mut self, row: usize) -> Expression<Fp> {
        self.cell(Which::Before, crate::layout::STATE_COLUMN, row)
    }

    /// The value of a chunk, known to have no more bytes than the chunk.
    pub fn chunk(&mut self, chunk: Chunk) -> Expression<Fp> {
        self.quotient(chunk, 0)
    }

    /// The value of a chunk in the block before.
    pub fn chunk_before(&mut self, chunk: Chunk) -> Expression<Fp> {
        self.cell(Which::Before, chunk.column + FIRST_BYTE_COLUMN, chunk.row)
    }

    /// The value of a chunk divided by 256^bytes, rounded down.
    pub fn quotient(&mut self, chunk: Chunk, bytes: usize) -> Expression<Fp> {
        self.cell(
            Which::Here,
            chunk.column + FIRST_BYTE_COLUMN,
            chunk.row + bytes,
        )
    }

    /// A fixed column in the first row of the block.
    pub fn fixed(&mut self, column: Column<Fixed>) -> Expression<Fp> {
        self.meta.query_fixed(column)
    }
}

/// A constant.
pub fn constant(value: u128) -> Expression<Fp> {
    Expression::Constant(<Fp as ff::PrimeField>::from_u128(value))
}

/// 1 - value.
pub fn not(value: Expression<Fp>) -> Expression<Fp> {
    constant(1) - value
}

/// Zero exactly where value is 0 or 1.
pub fn is_boolean(value: Expression<Fp>) -> Expression<Fp> {
    value.clone() * not(value)
}

/// Zero exactly where `magnitude` is value, if `positive`, or -value - 1, if not. With magnitude
/// in a range far below the field's, `positive` says whether value >= 0, and zero has one sign.
pub fn has_sign(
    positive: Expression<Fp>,
    value: Expression<Fp>,
    magnitude: Expression<Fp>,
) -> Expression<Fp> {
    (positive.clone() * constant(2) - constant(1)) * value - not(positive) - magnitude
}

/// -value - 1: not negative exactly where value is negative.
pub fn missing(value: Expression<Fp>) -> Expression<Fp> {
    -value - constant(1)
}
