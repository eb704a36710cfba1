//! Placeholder: values that an update left unchanged and that went through the log as data; as `Placeholder` of `headrace.sinks.redis.fields`.

use crate::column::{Column, Data};
use crate::last_word::equality::range;
use crate::layout::{Kind, Layout};

/// The texts that stand for an unchanged value: as configured, and as the identifier (UUID) made of it.
#[derive(Debug, Clone, Default)]
pub struct Placeholder {
    pub text: Vec<u8>,
    pub uuid: Vec<u8>,
}

/// How a field's values may say so. Decimals do not: plans for those are not made where they might.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stands {
    Never,
    Text,
    Container,
}

impl Stands {
    pub fn of(layout: &Layout) -> Stands {
        match layout.kind {
            Kind::Str | Kind::Bytes => Stands::Text,
            Kind::Struct(_) | Kind::List(_) | Kind::Map(..) => Stands::Container,
            _ => Stands::Never,
        }
    }
}

impl Placeholder {
    /// Whether the container of row `i` might be one; the twin knows.
    pub fn maybe(&self, column: &Column, i: usize) -> bool {
        match &column.data {
            // A decimal with a scale of its own, and whatever else is such a pair.
            Data::Struct(children) => match children.as_slice() {
                [_, value] => self.is(value, i),
                _ => false,
            },
            Data::List(offsets, items) => {
                let Some((from, end)) = range(offsets, i) else { return true };
                let count = end - from;
                // A text, bytes; a decimal has the digits of its bytes, whatever the sign; a struct as above.
                let single = count == 1
                    && match &items.data {
                        Data::Struct(_) => self.maybe(items, from),
                        _ => self.is(items, from) || items.bin(from).len().abs_diff(self.text.len()) <= 1,
                    };
                // Its bytes as numbers, its bits as truth values.
                let listed = count == self.text.len() || Some(count) == self.text.len().checked_mul(8);
                single || listed
            }
            Data::Map(offsets, keys, _) => match range(offsets, i) {
                Some((from, end)) => end - from == 1 && self.is(keys, from),
                None => true,
            },
            Data::Null => false,
            _ => true,
        }
    }

    fn is(&self, column: &Column, i: usize) -> bool {
        let value = column.bin(i);
        value == self.text || value == self.uuid
    }
}
