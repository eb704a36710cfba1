//! Plan: how the rows of one pair of schemas become commands.

use std::sync::Arc;

use super::form::Form;
use super::json::{self, Json};
use super::placeholder::{Placeholder, Stands};
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

/// A field of the row. `name`: as it is written, as a bulk string or in JSON. `default`: what null is written as, None = as a null.
#[derive(Debug, Clone)]
pub struct FieldPlan {
    pub name: Vec<u8>,
    pub form: Form,
    pub stands: Stands,
    pub default: Option<Vec<u8>>,
}

/// What a row is written as.
#[derive(Debug, Clone)]
pub enum Target {
    /// HSET, HDEL.
    Hash(Vec<FieldPlan>),
    /// SET.
    Text(Form),
    /// A document of fields, or a text that is one already. `module`: JSON.SET, JSON.MERGE; else SET.
    Document {
        module: bool,
        fields: Option<Vec<FieldPlan>>,
    },
    /// XADD; the old row of a delete has fields of its own.
    Entry {
        after: Vec<FieldPlan>,
        before: Vec<FieldPlan>,
    },
    /// RPUSH, SADD and SREM, ZADD and ZREM of the record's key.
    List,
    Set,
    Scores(Form),
}

/// Where a change event has its parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Envelope {
    pub op: usize,
    pub before: Option<usize>,
    pub after: usize,
}

/// `member`: the record's key, where that is what is written. `collection`: whether a record without value does nothing. `value` None: all
/// rows are such. `ttl`: seconds that what is written lives; 0 = for ever.
#[derive(Debug, Clone)]
pub struct Plan {
    pub key: Vec<KeyPiece>,
    pub member: Vec<KeyPiece>,
    pub collection: bool,
    pub envelope: Option<Envelope>,
    pub value: Option<Target>,
    pub placeholder: Placeholder,
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

/// The defaults of a row's fields: what a null in each is written as.
pub type Defaults = Vec<Option<Vec<u8>>>;

fn fields_of(
    layout: &Layout,
    defaults: Defaults,
    name: impl Fn(&str) -> Vec<u8>,
    form: impl Fn(&Layout) -> Result<Form>,
) -> Result<Vec<FieldPlan>> {
    let Kind::Struct(fields) = &layout.kind else {
        return Err(Declined::Value("a row without fields"));
    };
    if defaults.len() != fields.len() {
        return Err(Declined::Malformed("defaults of other fields"));
    }
    let made = fields.iter().zip(defaults).map(|(field, default)| {
        let stands = Stands::of(&field.layout);
        Ok(FieldPlan { name: name(&field.name), form: form(&field.layout)?, stands, default })
    });
    made.collect()
}

fn bulk_of(name: &str) -> Vec<u8> {
    let mut made = Vec::new();
    bulk(&mut made, name.as_bytes());
    made
}

impl Target {
    pub fn hash(layout: &Layout, defaults: Defaults) -> Result<Target> {
        Ok(Target::Hash(fields_of(layout, defaults, bulk_of, Form::of)?))
    }

    pub fn text(layout: &Layout) -> Result<Target> {
        match Form::of(layout)? {
            Form::Json(_) | Form::Variable(_) => Err(Declined::Value("a container as a plain value")),
            form => Ok(Target::Text(form)),
        }
    }

    pub fn document(layout: &Layout, defaults: Defaults, module: bool) -> Result<Target> {
        let fields = match layout.kind {
            Kind::Str | Kind::Bytes => None,
            _ => Some(fields_of(layout, defaults, json::member, |one| Ok(Form::Json(Arc::new(Json::of(one)?))))?),
        };
        Ok(Target::Document { module, fields })
    }

    /// `before`: the old row's layout and defaults, of change events.
    pub fn entry(layout: &Layout, defaults: Defaults, before: Option<(&Layout, Defaults)>) -> Result<Target> {
        let after = fields_of(layout, defaults, bulk_of, Form::of)?;
        let before = match before {
            Some((layout, defaults)) => fields_of(layout, defaults, bulk_of, Form::of)?,
            None => Vec::new(),
        };
        Ok(Target::Entry { after, before })
    }

    /// A score is written by what kind of number it is, whatever its name.
    pub fn scores(layout: &Layout) -> Result<Target> {
        match layout.kind {
            Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64 => Ok(Target::Scores(Form::Int)),
            Kind::Float32 | Kind::Float64 => Ok(Target::Scores(Form::Float)),
            Kind::Decimal { .. } => Ok(Target::Scores(Form::of(layout)?)),
            _ => Err(Declined::Value("a score that is no number")),
        }
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
