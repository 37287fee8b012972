//! Where each value of a challenge stands: a block of 14 rows by 6 columns, without a spare cell.
//!
//! The region is a parameter block, a start block, one block a challenge, an outcome block, and one
//! cell with `n_max`. A chunk of m bytes fills m rows of a byte column with its running quotients
//! by 256: the first row is the value.

use std::ops::Range;

/// Rows of a block.
pub const BLOCK_ROWS: usize = 14;
/// Byte columns.
pub const BYTE_COLUMNS: usize = 4;
/// All columns of a block: parameters, state, and the byte columns.
pub const BLOCK_COLUMNS: usize = 2 + BYTE_COLUMNS;
/// Index of the parameter column in a block; its rows are `public_inputs::parameter`.
pub const PARAMETER_COLUMN: usize = 0;
/// Index of the state column in a block.
pub const STATE_COLUMN: usize = 1;
/// Index of the first byte column in a block.
pub const FIRST_BYTE_COLUMN: usize = 2;

/// Rows of the state column in a challenge block.
pub mod state {
    use crate::constants::GRID_LINES;

    /// n: challenges so far; stays as it is after the last one.
    pub const N: usize = 0;
    /// S.
    pub const SUM: usize = 1;
    /// V.
    pub const SQUARES: usize = 2;
    /// The scores of the current word of the commitment, so far.
    pub const PACKED: usize = 3;
    /// H.
    pub const HALF_WIDTH: usize = 4;
    /// Whether S >= H, so that L = S - H.
    pub const LOWER_IS_CLEAR: usize = 5;
    /// Whether S + H <= R * t, so that U = S + H.
    pub const UPPER_IS_CLEAR: usize = 6;
    /// Whether V lies above each switch point of the grid.
    pub const ABOVE_SWITCH: usize = 7;
    /// Which condition of a stop is not met; the fifth choice is what is left.
    pub const UNMET: usize = ABOVE_SWITCH + GRID_LINES - 1;
    /// Cells for the choice of an unmet condition.
    pub const UNMET_CELLS: usize = 4;
}

/// Rows of the state column in the outcome block, where it differs.
pub mod outcome {
    /// Stop reason.
    pub const REASON: usize = 2;
    /// Decision.
    pub const DECISION: usize = 3;
    /// Whether each of the seven stop conditions holds.
    pub const HOLDS: usize = 7;
    /// `n_max`, in the block after.
    pub const N_MAX_AFTER: usize = 0;
}

/// A chunk: byte column and rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Byte column, from 0.
    pub column: usize,
    /// First row.
    pub row: usize,
    /// Number of bytes.
    pub bytes: usize,
}

impl Chunk {
    const fn new(column: usize, row: usize, bytes: usize) -> Self {
        Self { column, row, bytes }
    }

    /// The rows of the chunk.
    pub fn rows(self) -> Range<usize> {
        self.row..self.row + self.bytes
    }
}

/// Chunks of a challenge block.
pub mod chunk {
    use super::Chunk;

    /// The four scores as one number of 64 bits, the first score most significant.
    pub const SCORES: Chunk = Chunk::new(0, 0, 8);
    /// By how much the interval misses BETWEEN.
    pub const NOT_BETWEEN: Chunk = Chunk::new(0, 8, 6);
    /// What rounding up H added.
    pub const ROUNDING: Chunk = Chunk::new(1, 0, 8);
    /// By how much SAME or DIFFERENT is missed.
    pub const NOT_DECIDED: Chunk = Chunk::new(1, 8, 6);
    /// V above the range of lower lines of the grid.
    pub const ABOVE_LINE_START: Chunk = Chunk::new(2, 0, 6);
    /// V below the range of higher lines of the grid.
    pub const BELOW_LINE_END: Chunk = Chunk::new(2, 6, 6);
    /// M.
    pub const CENTRE: Chunk = Chunk::new(2, 12, 2);
    /// |S - H|, less 1 if negative.
    pub const LOWER: Chunk = Chunk::new(3, 0, 4);
    /// |R * t - S - H|, less 1 if negative.
    pub const UPPER: Chunk = Chunk::new(3, 4, 4);
    /// S - t * M.
    pub const REMAINDER: Chunk = Chunk::new(3, 8, 2);
    /// t - 1 - (S - t * M).
    pub const REMAINDER_BOUND: Chunk = Chunk::new(3, 10, 2);
    /// Numerator of lambda, less 1, less the top of the rounding.
    pub const ROUNDING_BOUND: Chunk = Chunk::new(3, 12, 1);
    /// Whether the run may stop: n >= `n_min`.
    pub const MAY_STOP: Chunk = Chunk::new(3, 13, 1);

    /// All of them.
    pub const ALL: [Chunk; 13] = [
        SCORES,
        NOT_BETWEEN,
        ROUNDING,
        NOT_DECIDED,
        ABOVE_LINE_START,
        BELOW_LINE_END,
        CENTRE,
        LOWER,
        UPPER,
        REMAINDER,
        REMAINDER_BOUND,
        ROUNDING_BOUND,
        MAY_STOP,
    ];
}

/// Chunks of the outcome block.
pub mod outcome_chunk {
    use super::Chunk;

    /// By how much each of the seven stop conditions holds or fails.
    pub const CONDITIONS: [Chunk; 7] = [
        Chunk::new(0, 0, 6),
        Chunk::new(0, 8, 6),
        Chunk::new(1, 0, 6),
        Chunk::new(1, 8, 6),
        Chunk::new(2, 0, 6),
        Chunk::new(2, 6, 6),
        Chunk::new(3, 0, 6),
    ];
    /// `n_max` - n.
    pub const CHALLENGES_LEFT: Chunk = Chunk::new(0, 6, 2);
    /// Whether the reason is SAME.
    pub const IS_SAME: Chunk = Chunk::new(3, 12, 1);
    /// Whether the reason is DIFFERENT.
    pub const IS_DIFFERENT: Chunk = Chunk::new(3, 13, 1);

    /// All of them.
    pub const ALL: [Chunk; 10] = [
        CONDITIONS[0],
        CONDITIONS[1],
        CONDITIONS[2],
        CONDITIONS[3],
        CONDITIONS[4],
        CONDITIONS[5],
        CONDITIONS[6],
        CHALLENGES_LEFT,
        IS_SAME,
        IS_DIFFERENT,
    ];
}

/// The chunks of the start block: M = 0, and n >= `n_min` is false.
pub const START_CHUNKS: [Chunk; 2] = [chunk::CENTRE, chunk::MAY_STOP];

/// The kinds of block, in their order in the region.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockKind {
    /// The parameters in the state column, as copies of public inputs.
    Parameters,
    /// All sums are 0.
    Start,
    /// One challenge.
    Challenge,
    /// The stopping rule that ended the run.
    Outcome,
    /// `n_max` in the first row of the state column, as a copy of a public input.
    Limit,
}

/// Index of the start block.
pub const START_BLOCK: usize = 1;
/// Index of the first challenge block.
pub const FIRST_CHALLENGE_BLOCK: usize = 2;

/// Index of the outcome block of a circuit for `capacity` challenges.
pub const fn outcome_block(capacity: usize) -> usize {
    FIRST_CHALLENGE_BLOCK + capacity
}

/// Number of blocks.
pub const fn block_count(capacity: usize) -> usize {
    outcome_block(capacity) + 2
}

impl BlockKind {
    /// The kind of a block of a circuit for `capacity` challenges.
    pub fn of(block: usize, capacity: usize) -> Self {
        match block {
            0 => Self::Parameters,
            START_BLOCK => Self::Start,
            _ if block < outcome_block(capacity) => Self::Challenge,
            _ if block == outcome_block(capacity) => Self::Outcome,
            _ => Self::Limit,
        }
    }

    /// The chunks that such a block holds.
    pub fn chunks(self) -> &'static [Chunk] {
        match self {
            Self::Parameters | Self::Limit => &[],
            Self::Start => &START_CHUNKS,
            Self::Challenge => &chunk::ALL,
            Self::Outcome => &outcome_chunk::ALL,
        }
    }

    /// Whether a cell of such a block holds a value.
    pub fn has_cell(self, column: usize, row: usize) -> bool {
        match (column, self) {
            (PARAMETER_COLUMN, _) => !matches!(self, Self::Parameters | Self::Limit),
            (STATE_COLUMN, Self::Start) => row <= state::PACKED,
            (STATE_COLUMN, Self::Limit) => row == outcome::N_MAX_AFTER,
            (STATE_COLUMN, _) => true,
            _ => self
                .chunks()
                .iter()
                .any(|c| c.column + FIRST_BYTE_COLUMN == column && c.rows().contains(&row)),
        }
    }
}
