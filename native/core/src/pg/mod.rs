//! PostgreSQL: values from the wire to columns, whether of the replication stream or of COPY.

pub mod numeric;
pub mod out;
pub mod plan;
pub mod row;
pub mod temporal;
pub mod text;
mod text_nested;
mod text_numeric;
mod text_temporal;
