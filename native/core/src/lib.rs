//! The work per row, without Python: a batch is a set of columns, decoded from the database's bytes, encoded to the target's.
//!
//! Nothing here reads a clock, a file or a socket. Input is never trusted: whatever the bytes, a decoder answers `Err`, it does not
//! panic. The Python twins are the definition; where this crate does not know a case it says so and they do it.

pub mod arrow;
pub mod builders;
pub mod calendar;
pub mod cast;
pub mod column;
pub mod copy_out;
pub mod decimals;
pub mod error;
pub mod groups;
pub mod json;
pub mod last_word;
pub mod layout;
pub mod lz4;
pub mod moments;
pub mod nulls;
pub mod ops;
pub mod packed;
pub mod pg;
pub mod resp;
pub mod single;
pub mod spread;
