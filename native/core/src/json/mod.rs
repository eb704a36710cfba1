//! JSON as Kafka Connect's JsonConverter writes and reads it: columns to and from the payloads of a batch.
//!
//! The definition is `headrace.converters.json` (Python); what is not certain here to come out as there is declined.

pub(crate) mod base64;
mod bind;
mod bins;
mod containers;
pub(crate) mod decimal;
mod decode;
mod encode;
pub(crate) mod floats;
mod literal;
mod plan;
mod program;
mod read;
mod read_text;
pub(crate) mod room;
mod rows;
mod shape;
mod sink;
mod text;

pub use decode::{decode, Data, Index};
pub use encode::{encode, Encoded};
pub use plan::{Options, Plan};
pub use shape::Shape;
