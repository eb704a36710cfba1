//! What can go wrong: always "let the twin do it" for the caller.

use std::fmt;

/// Why a batch, a row or a layout is not done natively. The twin does it instead, and has the last word on what is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Declined {
    /// The bytes are not of the format: cut short, a wrong tag, a wrong length.
    Malformed(&'static str),
    /// A value this code does not carry, though it may be a good one.
    Value(&'static str),
    /// More than a column can hold (4 GiB of text in one batch).
    TooLarge,
}

impl fmt::Display for Declined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Declined::Malformed(what) => write!(f, "malformed: {what}"),
            Declined::Value(what) => write!(f, "a value that is not done natively: {what}"),
            Declined::TooLarge => write!(f, "more than a column holds"),
        }
    }
}

impl std::error::Error for Declined {}

pub type Result<T> = std::result::Result<T, Declined>;
