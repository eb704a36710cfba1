//! Binds a plan to the columns of one batch: constant fields become text, neighbouring constant texts become one.

use std::rc::Rc;

use super::decimal;
use super::plan::{bounds, scalar, Node};
use super::program::{Null, Piece, Program, Step, Value};
use super::room::WIDE;
use super::text;
use crate::column::{Bin, Column, Data, Scalar};
use crate::error::Result;
use crate::layout::Kind;

/// The rows that get to a place; None = all.
type Present = Option<Rc<Vec<bool>>>;

struct Binder<'a> {
    program: Program<'a>,
    /// Where the text begins that no step has written yet.
    open: usize,
    numeric: bool,
}

/// The program for the rows of `column` that are not null; `tail` stands behind each.
pub fn bind<'a>(node: &Node, column: &'a Column, numeric: bool, tail: &[u8]) -> Result<Program<'a>> {
    program(node, column, column.valid.clone().map(Rc::new), numeric, tail)
}

fn program<'a>(node: &Node, column: &'a Column, present: Present, numeric: bool, tail: &[u8]) -> Result<Program<'a>> {
    let mut binder = Binder { program: Program::default(), open: 0, numeric };
    binder.value(node, column, &present)?;
    binder.text(tail);
    binder.flush();
    let length = binder.program.text.len();
    binder.program.text.resize(length + WIDE, 0);
    Ok(binder.program)
}

impl<'a> Binder<'a> {
    fn text(&mut self, text: &[u8]) {
        self.program.text.extend_from_slice(text);
    }

    /// The text that is still open, as the lead of the next step.
    fn lead(&mut self) -> Piece {
        let lead = Piece { start: self.open, end: self.program.text.len() };
        self.open = lead.end;
        lead
    }

    /// A text kept apart from those in front of values.
    fn aside(&mut self, text: &[u8]) -> Piece {
        let start = self.program.text.len();
        self.text(text);
        self.open = self.program.text.len();
        Piece { start, end: self.open }
    }

    fn flush(&mut self) {
        if self.open < self.program.text.len() {
            let lead = self.lead();
            self.program.steps.push(Step { lead, valid: None, null: Null::Refused, value: Value::Nothing });
        }
    }

    fn value(&mut self, node: &Node, column: &'a Column, present: &Present) -> Result<()> {
        if let Data::Null = column.data {
            match &node.null {
                Some(null) => self.text(null),
                None => self.step(node, None, Value::Declined("null where a value is required")),
            }
            return Ok(());
        }
        let valid = column.valid.as_deref().filter(|valid| has_null(valid, present));
        match (&column.data, &node.layout.kind) {
            (Data::Const(value), kind) => return self.constant(node, kind, value, valid),
            (Data::Struct(children), Kind::Struct(fields)) if children.len() == fields.len() => {
                return self.structure(node, children, valid, present);
            }
            (Data::List(offsets, items), Kind::List(_)) => {
                if let Some(child) = node.children.first() {
                    let items = program(child, items, None, self.numeric, b"")?;
                    self.step(node, valid, Value::List(offsets, Box::new(items)));
                    return Ok(());
                }
            }
            (Data::Map(offsets, keys, items), Kind::Map(..)) => {
                if let Some(child) = node.children.first() {
                    let items = program(child, items, None, self.numeric, b"")?;
                    self.step(node, valid, Value::Map(offsets, keys, Box::new(items)));
                    return Ok(());
                }
            }
            (Data::Bin(bin), Kind::Str) if valid.is_none() && !text::needs_escapes(&bin.bytes) => {
                self.text(b"\"");
                self.step(node, valid, Value::Bare(bin));
                self.text(b"\"");
                return Ok(());
            }
            _ => {}
        }
        let value = self.plain(column, &node.layout.kind);
        self.step(node, valid, value);
        Ok(())
    }

    /// The values of a kind that is no container, row by row.
    fn plain(&self, column: &'a Column, kind: &Kind) -> Value<'a> {
        match (&column.data, kind) {
            (Data::Bool(values), Kind::Bool) => Value::Bools(values),
            (Data::Float(values), Kind::Float64) => Value::Doubles(values),
            (Data::Float(values), Kind::Float32) => Value::Singles(values),
            (Data::Bin(bin), Kind::Str) if text::needs_escapes(&bin.bytes) => Value::Texts(bin),
            (Data::Bin(bin), Kind::Str) => Value::Clean(bin),
            (Data::Bin(bin), Kind::Bytes) => Value::Base64(bin),
            (Data::Bin(bin), Kind::Decimal { .. }) if !short(bin) => Value::Declined("a decimal of that many digits"),
            (Data::Bin(bin), Kind::Decimal { scale }) if self.numeric => Value::Numbers(bin, *scale),
            (Data::Bin(bin), Kind::Decimal { .. }) => Value::Decimals(bin),
            (Data::Int(values), kind) => {
                let (low, high) = bounds(kind);
                let whole = (low, high) == (i64::MIN, i64::MAX);
                if whole || values.iter().fold(true, |fit, &value| fit & (low <= value) & (value <= high)) {
                    Value::Ints(values)
                } else {
                    Value::Declined("an integer beyond its type")
                }
            }
            _ => Value::Declined("a column of another kind"),
        }
    }

    fn step(&mut self, node: &Node, valid: Option<&'a [bool]>, value: Value<'a>) {
        let lead = self.lead();
        let null = match &node.null {
            Some(text) if valid.is_some() => Null::Text(self.aside(text)),
            _ => Null::Refused,
        };
        self.program.steps.push(Step { lead, valid, null, value });
    }

    fn constant(&mut self, node: &Node, kind: &Kind, value: &Scalar, valid: Option<&'a [bool]>) -> Result<()> {
        let Ok(text) = scalar(kind, value, self.numeric) else {
            self.step(node, valid, Value::Declined("a constant that does not fit"));
            return Ok(());
        };
        if valid.is_none() {
            self.text(&text);
        } else {
            let lead = self.lead();
            let piece = self.aside(&text);
            self.step(node, valid, Value::Constant(piece));
            if let Some(step) = self.program.steps.last_mut() {
                step.lead = lead;
            }
        }
        Ok(())
    }

    fn structure(
        &mut self,
        node: &Node,
        children: &'a [std::sync::Arc<Column>],
        valid: Option<&'a [bool]>,
        present: &Present,
    ) -> Result<()> {
        let inner = match valid {
            Some(valid) => &Some(Rc::new(both(valid, present))),
            None => present,
        };
        let first = self.program.steps.len() + 1;
        if valid.is_some() {
            self.step(node, valid, Value::Struct(0));
        }
        if children.is_empty() {
            self.text(b"{");
        }
        for ((child, prefix), column) in node.children.iter().zip(&node.prefixes).zip(children) {
            self.text(prefix);
            self.value(child, column, inner)?;
        }
        self.text(b"}");
        if valid.is_some() {
            self.flush();
            let count = self.program.steps.len() - first;
            if let Some(step) = self.program.steps.get_mut(first - 1) {
                step.value = Value::Struct(count);
            }
        }
        Ok(())
    }
}

/// Whether no decimal is too long to be done here.
fn short(bin: &Bin) -> bool {
    bin.bytes.len() <= decimal::LONGEST
        || bin
            .offsets
            .iter()
            .zip(bin.offsets.iter().skip(1))
            .all(|(a, b)| b.wrapping_sub(*a) as usize <= decimal::LONGEST)
}

/// Whether a row that gets here is null.
fn has_null(valid: &[bool], present: &Present) -> bool {
    match present {
        None => valid.contains(&false),
        Some(present) => {
            valid.len() != present.len()
                || present.iter().zip(valid).fold(false, |found, (&present, &valid)| found | (present & !valid))
        }
    }
}

fn both(valid: &[bool], present: &Present) -> Vec<bool> {
    match present {
        None => valid.to_vec(),
        Some(present) => present.iter().zip(valid).map(|(&present, &valid)| present & valid).collect(),
    }
}
