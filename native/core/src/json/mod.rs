//! JSON as Kafka Connect's JsonConverter writes and reads it: columns to and from the payloads of a batch.
//!
//! The definition is `headrace.converters.json` (Python); what is not certain here to come out as there is declined.

mod base64;
mod bind;
mod decimal;
mod encode;
mod floats;
mod plan;
mod program;
mod room;
mod text;

pub use encode::{encode, Encoded};
pub use plan::{Options, Plan};
