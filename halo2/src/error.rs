//! Findings about inputs and proofs, each with a stable reason code.

use std::fmt;

/// A message may quote the input: no longer than this.
const MESSAGE_CHARACTERS_MAX: usize = 300;

/// How a command fails; the exit code follows from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// A proof or a claim was read, and is wrong.
    Rejected,
    /// The input cannot be used.
    Input,
    /// This program is at fault.
    Bug,
}

/// A finding: kind, reason code, and one sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Error {
    kind: ErrorKind,
    code: &'static str,
    message: String,
}

impl Error {
    /// A proof or claim that is wrong.
    pub fn rejected(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Rejected, code, message)
    }

    /// An input that cannot be used.
    pub fn input(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Input, code, message)
    }

    /// A fault of this program.
    pub fn bug(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Bug, code, message)
    }

    fn new(kind: ErrorKind, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            kind,
            code,
            message: one_line(&message.into()),
        }
    }

    /// What failed: the proof, the input, or this program.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// One sentence for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Stable reason code such as `proof.length`.
    pub fn code(&self) -> &'static str {
        self.code
    }
}

/// Text on one line, control characters escaped, cut where it gets long.
fn one_line(text: &str) -> String {
    let mut line = String::new();
    for (position, character) in text.chars().enumerate() {
        if position == MESSAGE_CHARACTERS_MAX {
            line.push('…');
            break;
        }
        if character.is_control() {
            line.extend(character.escape_default());
        } else {
            line.push(character);
        }
    }
    line
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} [{}]", self.message, self.code)
    }
}

impl std::error::Error for Error {}
