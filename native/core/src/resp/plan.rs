//! Plan: how the rows of one pair of schemas become commands.

use std::sync::Arc;

use super::form::Form;
use crate::column::Column;
use crate::column::Data;
use crate::error::{Declined, Result};
use crate::layout::{Kind, Layout};

/// A piece of the Redis key. `required`: null is the twin's; else it is the empty text.
#[derive(Debug, Clone)]
pub enum KeyPiece {
    Literal(Vec<u8>),
    /// The record's key itself.
    Whole(Form),
    Field {
        at: usize,
        form: Form,
        required: bool,
    },
}

/// A field of the row. `name`: as a bulk string. `default`: what null is written as, None = null means that there is no such field.
#[derive(Debug, Clone)]
pub struct FieldPlan {
    pub name: Vec<u8>,
    pub form: Form,
    pub default: Option<Vec<u8>>,
}

/// What a row is written as.
#[derive(Debug, Clone)]
pub enum Target {
    /// HSET, HDEL.
    Hash(Vec<FieldPlan>),
    /// SET.
    Text(Form),
}

/// Where a change event has its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    pub op: usize,
    pub after: usize,
}

/// `value` None: all rows are tombstones. `placeholder`: the text that stands for an unchanged value. `ttl`: seconds that what is written
/// lives; 0 = for ever.
#[derive(Debug, Clone)]
pub struct Plan {
    pub key: Vec<KeyPiece>,
    pub envelope: Option<Envelope>,
    pub value: Option<Target>,
    pub placeholder: Vec<u8>,
    pub ttl: u64,
}

/// A bulk string.
pub fn bulk(to: &mut Vec<u8>, word: &[u8]) {
    to.push(b'$');
    to.extend_from_slice(itoa::Buffer::new().format(word.len()).as_bytes());
    to.extend_from_slice(b"\r\n");
    to.extend_from_slice(word);
    to.extend_from_slice(b"\r\n");
}

/// The beginning of a command of so many words.
pub fn words(to: &mut Vec<u8>, count: usize) {
    to.push(b'*');
    to.extend_from_slice(itoa::Buffer::new().format(count).as_bytes());
    to.extend_from_slice(b"\r\n");
}

impl Target {
    /// HASH of rows of this layout; `defaults`: per field what a null in it is written as.
    pub fn hash(layout: &Layout, defaults: Vec<Option<Vec<u8>>>) -> Result<Target> {
        let Kind::Struct(fields) = &layout.kind else {
            return Err(Declined::Value("a row without fields"));
        };
        if defaults.len() != fields.len() {
            return Err(Declined::Malformed("defaults of other fields"));
        }
        let mut made = Vec::with_capacity(fields.len());
        for (field, default) in fields.iter().zip(defaults) {
            let mut name = Vec::new();
            bulk(&mut name, field.name.as_bytes());
            made.push(FieldPlan { name, form: Form::of(&field.layout)?, default });
        }
        Ok(Target::Hash(made))
    }

    pub fn text(layout: &Layout) -> Result<Target> {
        Ok(Target::Text(Form::of(layout)?))
    }
}

/// Field `at` of a layout.
pub fn field_of(layout: &Layout, at: usize) -> Result<&Arc<Layout>> {
    layout.fields().get(at).map(|field| &field.layout).ok_or(Declined::Malformed("a field that is not there"))
}

/// Field `at` of a column of structs; None where all rows are null.
pub fn column_of(column: &Column, at: usize) -> Result<Option<&Column>> {
    match &column.data {
        Data::Null => Ok(None),
        Data::Struct(children) => {
            children.get(at).map(|one| Some(one.as_ref())).ok_or(Declined::Malformed("a field that is not there"))
        }
        _ => Err(Declined::Malformed("no struct")),
    }
}
