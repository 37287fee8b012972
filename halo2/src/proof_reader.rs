//! The transcript of a proof that is read: the one of `halo2_proofs`, which also keeps why an item
//! could not be read. The reasons are those of the verifier in `pot_reverify`.

use std::io;

use ff::PrimeField;
use halo2_proofs::transcript::{Blake2bRead, Challenge255, Transcript, TranscriptRead};
use pasta_curves::{vesta, Fp, Fq};

use crate::error::Error;

const ITEM_BYTES: usize = 32;

/// Reads a proof item by item: compressed points, and scalars.
pub struct ProofReader<'a> {
    transcript: Blake2bRead<&'a [u8], vesta::Affine, Challenge255<vesta::Affine>>,
    rest: &'a [u8],
    unreadable: Option<Error>,
}

impl<'a> ProofReader<'a> {
    /// Starts at the first item.
    pub fn new(proof: &'a [u8]) -> Self {
        Self {
            transcript: Blake2bRead::init(proof),
            rest: proof,
            unreadable: None,
        }
    }

    /// Why an item could not be read, if one could not.
    pub fn unreadable(self) -> Option<Error> {
        self.unreadable
    }

    fn take(&mut self) -> &'a [u8] {
        let (item, rest) = self.rest.split_at(ITEM_BYTES.min(self.rest.len()));
        self.rest = rest;
        item
    }
}

impl Transcript<vesta::Affine, Challenge255<vesta::Affine>> for ProofReader<'_> {
    fn squeeze_challenge(&mut self) -> Challenge255<vesta::Affine> {
        self.transcript.squeeze_challenge()
    }

    fn common_point(&mut self, point: vesta::Affine) -> io::Result<()> {
        self.transcript.common_point(point)
    }

    fn common_scalar(&mut self, scalar: Fp) -> io::Result<()> {
        self.transcript.common_scalar(scalar)
    }
}

impl TranscriptRead<vesta::Affine, Challenge255<vesta::Affine>> for ProofReader<'_> {
    fn read_point(&mut self) -> io::Result<vesta::Affine> {
        let item = self.take();
        self.transcript
            .read_point()
            .inspect_err(|_| self.unreadable = Some(why_no_point(item)))
    }

    fn read_scalar(&mut self) -> io::Result<Fp> {
        let item = self.take();
        self.transcript
            .read_scalar()
            .inspect_err(|_| self.unreadable = Some(why_no_scalar(item)))
    }
}

fn why_no_point(item: &[u8]) -> Error {
    let Ok(mut x) = <[u8; ITEM_BYTES]>::try_from(item) else {
        return truncated();
    };
    if x == [0; ITEM_BYTES] {
        let message = "the point at infinity is not allowed";
        return Error::rejected("proof.point-is-identity", message);
    }
    x[ITEM_BYTES - 1] &= 0x7f; // without the parity of y
    if bool::from(Fq::from_repr(x).is_none()) {
        let message = "a coordinate is not reduced modulo q";
        return Error::rejected("proof.point-not-canonical", message);
    }
    Error::rejected("proof.point-not-on-curve", "no point has this x coordinate")
}

fn why_no_scalar(item: &[u8]) -> Error {
    if item.len() < ITEM_BYTES {
        return truncated();
    }
    Error::rejected(
        "proof.scalar-not-canonical",
        "a scalar is not reduced modulo p",
    )
}

fn truncated() -> Error {
    Error::rejected("proof.truncated", "the proof ends early")
}
