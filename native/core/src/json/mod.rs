//! JSON as Kafka Connect's JsonConverter writes and reads it: columns to and from the payloads of a batch.
//!
//! The definition is `headrace.converters.json` (Python); what is not certain here to come out as there is declined.

pub(crate) mod base64;
mod bind;
pub(crate) mod decimal;
mod encode;
pub(crate) mod floats;
mod plan;
mod program;
pub(crate) mod room;
mod text;

pub use encode::{encode, Encoded};
pub use plan::{Options, Plan};
