//! Redis: the commands of a sink's rows, and the answers to them (RESP2, https://redis.io/docs/latest/develop/reference/protocol-spec/).
//!
//! The definition is `headrace.sinks.redis` (Python): `encode.py`, `fields.py`, `render.py`, `keys.py`. A row of which it is not
//! certain here what comes out there is left to it.

pub mod form;
pub mod json;
pub mod placeholder;
pub mod plan;
pub mod replies;
mod row;
mod row_write;
pub mod rows;
mod temporal;
