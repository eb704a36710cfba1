//! Program: a plan bound to the columns of one batch, flat, with everything that is the same in all rows already rendered.

use crate::column::{Bin, Column};

/// A piece of the program's constant text.
#[derive(Debug, Clone, Copy, Default)]
pub struct Piece {
    pub start: usize,
    pub end: usize,
}

/// One step: the text in front, then the value of the row.
#[derive(Debug)]
pub struct Step<'a> {
    pub lead: Piece,
    /// Which rows have a value; None = all that get here.
    pub valid: Option<&'a [bool]>,
    pub null: Null,
    pub value: Value<'a>,
}

/// What a null row gets: a text, or a refusal by the twin.
#[derive(Debug, Clone, Copy)]
pub enum Null {
    Text(Piece),
    Refused,
}

/// Where the value of a row comes from.
#[derive(Debug)]
pub enum Value<'a> {
    /// Nothing more than the text in front.
    Nothing,
    Constant(Piece),
    Ints(&'a [i64]),
    Doubles(&'a [f64]),
    Singles(&'a [f64]),
    Bools(&'a [bool]),
    /// No text in the column needs escapes.
    Clean(&'a Bin),
    /// As `Clean`, where the steps around write the quotes.
    Bare(&'a Bin),
    Texts(&'a Bin),
    Base64(&'a Bin),
    Decimals(&'a Bin),
    Numbers(&'a Bin, i32),
    /// A struct that may be null: its steps are the `usize` next ones.
    Struct(usize),
    /// The ranges of the rows among the items, and the items' program.
    List(&'a [u32], Box<Program<'a>>),
    /// As `List`, with the keys.
    Map(&'a [u32], &'a Column, Box<Program<'a>>),
    /// What only the twin can do, or refuse, if a row gets here.
    Declined(&'static str),
}

#[derive(Debug, Default)]
pub struct Program<'a> {
    pub steps: Vec<Step<'a>>,
    /// Constant text, with some bytes behind the last piece so that pieces may be copied in fixed sizes.
    pub text: Vec<u8>,
}
