//! Arrow's C data interface: columns to and from what pyarrow, polars, nanoarrow and the like take and give, in one process.
//!
//! Source: https://arrow.apache.org/docs/format/CDataInterface.html, CStreamInterface.html and Columnar.html (columnar format 1.5).
//! This is the one module of the crate with `unsafe` code: the interface is made of C structs that own memory through callbacks.

pub mod abi;
mod bits;
pub mod export;
mod export_data;
pub mod field;
pub mod fit;
mod format;
pub mod import;
mod import_data;
mod join;
mod reader;
#[cfg(test)]
mod tests;
