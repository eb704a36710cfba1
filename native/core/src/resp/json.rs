//! Values as JSON texts; as `json_renderer` of `headrace.sinks.redis.render` and msgspec have them.

use super::form::{decimal, Form};
use crate::column::{Column, Data};
use crate::copy_out::containers::distinct;
use crate::copy_out::json_text::{append_base64, append_string};
use crate::error::{Declined, Result};
use crate::last_word::equality::range;
use crate::layout::{Kind, Layout};

/// Debezium's numbers that each have a scale of their own.
pub const VARIABLE_DECIMAL: &str = "io.debezium.data.VariableScaleDecimal";
/// Containers within each other; the twin has no limit of its own below Python's.
const DEEPEST: usize = 64;

/// How the values of a layout are written.
#[derive(Debug, Clone)]
pub enum Json {
    Plain(Form),
    /// What is a text of digits.
    Quoted(Form),
    Float,
    Text,
    Bytes,
    Variable(Variable),
    /// Names with quotes and colon.
    Struct(Vec<(Vec<u8>, Json)>),
    List(Box<Json>),
    Map(Box<Json>),
}

/// Where a decimal with a scale of its own has its parts.
#[derive(Debug, Clone, Copy)]
pub struct Variable {
    scale: usize,
    value: usize,
}

impl Variable {
    pub fn of(layout: &Layout) -> Result<Variable> {
        let place = |name: &str, kind: &Kind| {
            let found = layout.fields().iter().position(|field| field.name == name && field.layout.kind == *kind);
            found.ok_or(Declined::Value("a decimal of another form"))
        };
        Ok(Variable { scale: place("scale", &Kind::Int32)?, value: place("value", &Kind::Bytes)? })
    }

    /// Appends all digits. False for what is left to the twin.
    pub fn write(self, to: &mut Vec<u8>, column: &Column, i: usize) -> bool {
        let [scale, value] = [self.scale, self.value].map(|at| column.children().get(at).filter(|one| one.is_valid(i)));
        let (Some(scale), Some(value)) = (scale, value) else { return false };
        match usize::try_from(scale.int(i)) {
            Ok(scale) if scale <= 1000 => decimal(to, value.bin(i), scale),
            _ => false,
        }
    }
}

/// A text in quotes with a colon behind it.
pub fn member(name: &str) -> Vec<u8> {
    let mut made = Vec::new();
    append_string(name.as_bytes(), &mut made);
    made.push(b':');
    made
}

impl Json {
    /// Declined for a layout whose values are rendered by Python only.
    pub fn of(layout: &Layout) -> Result<Json> {
        Json::at(layout, 0)
    }

    fn at(layout: &Layout, depth: usize) -> Result<Json> {
        if depth > DEEPEST {
            return Err(Declined::Value("containers nested too deeply"));
        }
        if layout.name.as_deref() == Some(VARIABLE_DECIMAL) {
            return Ok(Json::Variable(Variable::of(layout)?));
        }
        let inner = |layout: &Layout| Json::at(layout, depth + 1);
        Ok(match &layout.kind {
            Kind::Struct(fields) if !Form::is_named(layout) => {
                let made = fields.iter().map(|field| Ok((member(&field.name), inner(&field.layout)?)));
                Json::Struct(made.collect::<Result<_>>()?)
            }
            Kind::List(item) if !Form::is_named(layout) => Json::List(Box::new(inner(item)?)),
            Kind::Map(key, value) if !Form::is_named(layout) => {
                if key.kind != Kind::Str {
                    return Err(Declined::Value("a map whose keys are no texts"));
                }
                Json::Map(Box::new(inner(value)?))
            }
            _ => match Form::of(layout)? {
                Form::Text => Json::Text,
                Form::Bytes => Json::Bytes,
                Form::Float => Json::Float,
                plain @ (Form::Int | Form::Bool) => Json::Plain(plain),
                other => Json::Quoted(other),
            },
        })
    }

    /// Appends the text of row `i`, null for none. False for a value left to the twin; `to` then holds anything.
    pub fn write(&self, to: &mut Vec<u8>, column: &Column, i: usize) -> bool {
        if !column.is_valid(i) {
            to.extend_from_slice(b"null");
            return true;
        }
        if column.is_unchanged(i) {
            return false;
        }
        match (self, &column.data) {
            (Json::Plain(form), _) => form.write(to, column, i),
            (Json::Float, _) => {
                float(to, column.float(i));
                true
            }
            (Json::Text, _) => {
                append_string(column.bin(i), to);
                true
            }
            (Json::Quoted(form), _) => {
                to.push(b'"');
                let known = form.write(to, column, i);
                to.push(b'"');
                known
            }
            (Json::Bytes, _) => {
                to.push(b'"');
                append_base64(column.bin(i), to);
                to.push(b'"');
                true
            }
            (Json::Variable(variable), _) => {
                to.push(b'"');
                let known = variable.write(to, column, i);
                to.push(b'"');
                known
            }
            (Json::Struct(fields), Data::Struct(children)) => {
                to.push(b'{');
                let pairs = fields.iter().zip(children).enumerate();
                let known = pairs.fold(true, |known, (number, ((name, json), child))| {
                    comma(to, number);
                    to.extend_from_slice(name);
                    known && json.write(to, child, i)
                });
                to.push(b'}');
                known && fields.len() == children.len()
            }
            (Json::List(item), Data::List(offsets, items)) => {
                let Some((from, end)) = range(offsets, i) else { return false };
                to.push(b'[');
                for (number, at) in (from..end).enumerate() {
                    comma(to, number);
                    if !item.write(to, items, at) {
                        return false;
                    }
                }
                to.push(b']');
                true
            }
            (Json::Map(value), Data::Map(offsets, keys, values)) => {
                let Some((from, end)) = range(offsets, i) else { return false };
                if distinct(keys, from, end).is_err() {
                    return false;
                }
                to.push(b'{');
                for (number, at) in (from..end).enumerate() {
                    comma(to, number);
                    if !keys.is_valid(at) || keys.is_unchanged(at) {
                        return false;
                    }
                    append_string(keys.bin(at), to);
                    to.push(b':');
                    if !value.write(to, values, at) {
                        return false;
                    }
                }
                to.push(b'}');
                true
            }
            _ => false,
        }
    }
}

fn comma(to: &mut Vec<u8>, number: usize) {
    if number > 0 {
        to.push(b',');
    }
}

/// The shortest digits, laid out as msgspec does; a text where JSON has no number.
fn float(to: &mut Vec<u8>, value: f64) {
    if value.is_finite() {
        to.extend_from_slice(ryu::Buffer::new().format_finite(value).as_bytes());
    } else {
        to.push(b'"');
        super::form::float(to, value);
        to.push(b'"');
    }
}
