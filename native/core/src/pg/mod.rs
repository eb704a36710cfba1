//! PostgreSQL: values from the wire to columns, whether of the replication stream or of COPY.

pub mod binary;
mod binary_array;
mod binary_decode;
mod binary_misc;
mod binary_numeric;
mod binary_time;
pub mod change_rows;
pub mod changes;
pub mod copy_rows;
pub mod copy_stream;
mod copy_text;
pub mod envelope;
pub mod frames;
pub mod numeric;
pub mod out;
pub mod places;
pub mod plan;
pub mod row;
pub mod stream;
pub mod stream_state;
pub mod temporal;
pub mod text;
mod text_nested;
mod text_numeric;
mod text_temporal;
pub mod tuple;
pub mod unread;
