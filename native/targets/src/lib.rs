//! One function per reader of bytes from outside. Any bytes are fine: what is fuzzed is that nothing panics, loops or grows without
//! bound, and that what was read is consistent. The first bytes choose the settings.
//!
//! `tests/corpus.rs` replays the corpus and mutations of it in every test run; `make fuzz` looks further, guided by coverage.

pub mod arrow;
pub mod copy;
pub mod decimals;
pub mod json;
pub mod lz4;
pub mod ops;
pub mod packed;
mod producer;
pub mod redis;
pub mod stream;
pub mod text;

/// A target: its name, which is its corpus folder's as well, and its function.
pub type Target = (&'static str, fn(&[u8]));

/// All of them.
pub const TARGETS: &[Target] = &[
    ("json", json::json),
    ("pg_text", text::pg_text),
    ("pg_stream", stream::pg_stream),
    ("pg_binary", copy::pg_binary),
    ("pg_copy", copy::pg_copy),
    ("lz4", lz4::lz4),
    ("arrow", arrow::arrow),
    ("decimals", decimals::decimals),
    ("resp", redis::resp),
];
