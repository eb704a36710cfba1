//! Format strings: how the interface writes types.

use super::field::{Type, DIGITS_128};

/// Units of a time, as powers of ten per second.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    Second,
    Milli,
    Micro,
    Nano,
}

/// What a format string says, in all its variety.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Format {
    Null,
    Bool,
    /// Width in bytes, signed.
    Int(usize, bool),
    Float(usize),
    /// Text or bytes with offsets of as many bytes.
    Text(usize),
    Bytes(usize),
    TextView,
    BytesView,
    FixedBytes(usize),
    /// Digits, scale, width in bytes.
    Decimal(u32, i32, usize),
    Date32,
    Date64,
    Time(Unit, usize),
    Timestamp(Unit),
    Struct,
    /// A list with offsets of as many bytes.
    List(usize),
    FixedList(usize),
    Map,
}

fn unit(letter: &str) -> Option<Unit> {
    match letter {
        "s" => Some(Unit::Second),
        "m" => Some(Unit::Milli),
        "u" => Some(Unit::Micro),
        "n" => Some(Unit::Nano),
        _ => None,
    }
}

/// None for what is not read here: unions, intervals, durations, run-end encoding, list views.
pub fn parse(text: &str) -> Option<Format> {
    Some(match text {
        "n" => Format::Null,
        "b" => Format::Bool,
        "c" => Format::Int(1, true),
        "C" => Format::Int(1, false),
        "s" => Format::Int(2, true),
        "S" => Format::Int(2, false),
        "i" => Format::Int(4, true),
        "I" => Format::Int(4, false),
        "l" => Format::Int(8, true),
        "L" => Format::Int(8, false),
        "e" => Format::Float(2),
        "f" => Format::Float(4),
        "g" => Format::Float(8),
        "u" => Format::Text(4),
        "U" => Format::Text(8),
        "vu" => Format::TextView,
        "z" => Format::Bytes(4),
        "Z" => Format::Bytes(8),
        "vz" => Format::BytesView,
        "tdD" => Format::Date32,
        "tdm" => Format::Date64,
        "tts" => Format::Time(Unit::Second, 4),
        "ttm" => Format::Time(Unit::Milli, 4),
        "ttu" => Format::Time(Unit::Micro, 8),
        "ttn" => Format::Time(Unit::Nano, 8),
        "+s" => Format::Struct,
        "+l" => Format::List(4),
        "+L" => Format::List(8),
        "+m" => Format::Map,
        _ => return with_parameters(text),
    })
}

fn with_parameters(text: &str) -> Option<Format> {
    if let Some(rest) = text.strip_prefix("ts") {
        let (letter, _zone) = rest.split_once(':')?;
        return Some(Format::Timestamp(unit(letter)?));
    }
    let (kind, rest) = text.split_once(':')?;
    match kind {
        "w" => Some(Format::FixedBytes(rest.parse().ok()?)),
        "+w" => Some(Format::FixedList(rest.parse().ok()?)),
        "d" => {
            let mut parts = rest.split(',');
            let (precision, scale) = (parts.next()?.parse().ok()?, parts.next()?.parse().ok()?);
            let bits: usize = parts.next().map_or(Some(128), |bits| bits.parse().ok())?;
            let known = matches!(bits, 32 | 64 | 128 | 256) && parts.next().is_none();
            known.then_some(Format::Decimal(precision, scale, bits / 8))
        }
        _ => None,
    }
}

/// How columns of this type are written.
pub fn write(kind: &Type) -> String {
    match kind {
        Type::Null => "n",
        Type::Bool => "b",
        Type::Int8 => "c",
        Type::Int16 => "s",
        Type::Int32 => "i",
        Type::Int64 => "l",
        Type::Float32 => "f",
        Type::Float64 => "g",
        Type::Utf8 => "u",
        Type::Binary => "z",
        Type::Decimal { precision, scale } if *precision <= DIGITS_128 => return format!("d:{precision},{scale}"),
        Type::Decimal { precision, scale } => return format!("d:{precision},{scale},256"),
        Type::Date => "tdD",
        Type::Time => "ttm",
        Type::Timestamp => "tsm:UTC",
        Type::Struct => "+s",
        Type::List => "+l",
        Type::Map => "+m",
    }
    .to_owned()
}
