//! Single values as Kafka's serializers write them: text in UTF-8, bytes as they are, numbers big-endian.

use crate::column::{Bin, Column, Data, Scalar};
use crate::error::{Declined, Result};
use crate::layout::Kind;

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// UTF-8; numbers and truth values in the text that Java gives them. Read as text.
    Text,
    Bytes,
    /// Two's complement of that many bytes: 2, 4 or 8.
    Int(usize),
    Single,
    Double,
    /// One byte, 1 or 0.
    Bool,
}

/// The data one behind the other, and the length of each row's, -1 for a null row.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Written {
    pub bytes: Vec<u8>,
    pub lengths: Vec<i32>,
}

const KIND: Declined = Declined::Value("a value of a kind that this form is not for");

/// Every row of a column of that kind.
pub fn encode(form: Form, kind: &Kind, column: &Column) -> Result<Written> {
    let mut made = Written { bytes: Vec::new(), lengths: Vec::with_capacity(column.rows) };
    for row in 0..column.rows {
        if !column.is_valid(row) {
            made.lengths.push(-1);
            continue;
        }
        let before = made.bytes.len();
        value(form, kind, column, row, &mut made.bytes)?;
        made.lengths.push(i32::try_from(made.bytes.len() - before).map_err(|_| Declined::TooLarge)?);
    }
    Ok(made)
}

fn value(form: Form, kind: &Kind, column: &Column, row: usize, into: &mut Vec<u8>) -> Result<()> {
    match (form, kind, &column.data) {
        (Form::Text, Kind::Str, Data::Bin(_) | Data::Const(Scalar::Bin(_)))
        | (Form::Bytes, Kind::Bytes, Data::Bin(_) | Data::Const(Scalar::Bin(_))) => {
            into.extend_from_slice(column.bin(row));
        }
        (Form::Text, Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64, Data::Int(_)) => {
            into.extend_from_slice(itoa::Buffer::new().format(column.int(row)).as_bytes());
        }
        (Form::Text, Kind::Bool, Data::Bool(_)) => {
            into.extend_from_slice(if column.bool(row) { b"true" } else { b"false" });
        }
        (Form::Int(width), Kind::Int8 | Kind::Int16 | Kind::Int32 | Kind::Int64, Data::Int(_)) => {
            int(width, column.int(row), into)?;
        }
        (Form::Single, Kind::Float32 | Kind::Float64, Data::Float(_)) => {
            let (wide, single) = (column.float(row), column.float(row) as f32);
            // What is too large for a single is refused; infinity itself is not.
            if (single.is_infinite() && wide.is_finite()) || wide.is_nan() {
                return Err(Declined::Value("a float that is too large, or none"));
            }
            into.extend_from_slice(&single.to_be_bytes());
        }
        (Form::Double, Kind::Float32 | Kind::Float64, Data::Float(_)) if !column.float(row).is_nan() => {
            into.extend_from_slice(&column.float(row).to_be_bytes());
        }
        (Form::Bool, Kind::Bool, Data::Bool(_)) => into.push(u8::from(column.bool(row))),
        _ => return Err(KIND),
    }
    Ok(())
}

fn int(width: usize, value: i64, into: &mut Vec<u8>) -> Result<()> {
    const BEYOND: Declined = Declined::Value("an integer beyond the form's");
    match width {
        2 => into.extend_from_slice(&i16::try_from(value).map_err(|_| BEYOND)?.to_be_bytes()),
        4 => into.extend_from_slice(&i32::try_from(value).map_err(|_| BEYOND)?.to_be_bytes()),
        8 => into.extend_from_slice(&value.to_be_bytes()),
        _ => return Err(KIND),
    }
    Ok(())
}

/// The data as a column; `lengths`: little-endian int32. A null is declined: here it has a schema, a row of a column has not.
pub fn decode(form: Form, bytes: &[u8], lengths: &[u8]) -> Result<Column> {
    let rows = lengths.len() / 4;
    let mut offsets = Vec::with_capacity(rows + 1);
    offsets.push(0u32);
    let mut end = 0u32;
    for length in lengths.chunks_exact(4).filter_map(<[u8]>::first_chunk::<4>) {
        let length = u32::try_from(i32::from_le_bytes(*length)).map_err(|_| Declined::Value("null"))?;
        end = end.checked_add(length).ok_or(Declined::TooLarge)?;
        offsets.push(end);
    }
    let bytes = bytes.get(..end as usize).ok_or(Declined::Malformed("data that are cut short"))?;
    let bin = Bin { offsets, bytes: bytes.to_vec() };
    let each = || (0..rows).map(|row| bin.get(row));
    let data = match form {
        Form::Bytes => Data::Bin(bin),
        Form::Text if each().all(|text| std::str::from_utf8(text).is_ok()) => Data::Bin(bin),
        Form::Text => return Err(Declined::Value("text that is no UTF-8")),
        Form::Int(2) => {
            Data::Int(each().map(|datum| fixed(datum).map(i16::from_be_bytes).map(i64::from)).collect::<Result<_>>()?)
        }
        Form::Int(4) => {
            Data::Int(each().map(|datum| fixed(datum).map(i32::from_be_bytes).map(i64::from)).collect::<Result<_>>()?)
        }
        Form::Int(8) => Data::Int(each().map(|datum| fixed(datum).map(i64::from_be_bytes)).collect::<Result<_>>()?),
        Form::Int(_) => return Err(KIND),
        Form::Single => {
            Data::Float(each().map(|datum| fixed(datum).map(f32::from_be_bytes).map(f64::from)).collect::<Result<_>>()?)
        }
        Form::Double => Data::Float(each().map(|datum| fixed(datum).map(f64::from_be_bytes)).collect::<Result<_>>()?),
        Form::Bool => Data::Bool(
            each()
                .map(|datum| match datum {
                    [0] => Ok(false),
                    [1] => Ok(true),
                    _ => Err(Declined::Malformed("no truth value")),
                })
                .collect::<Result<_>>()?,
        ),
    };
    Ok(Column::new(rows, data))
}

fn fixed<const N: usize>(datum: &[u8]) -> Result<[u8; N]> {
    datum.try_into().map_err(|_| Declined::Malformed("a datum of another size"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_and_back() {
        for width in [2, 4, 8] {
            let column = Column::new(3, Data::Int(vec![-1, 0, 300]));
            let made = encode(Form::Int(width), &Kind::Int64, &column).unwrap();
            let lengths: Vec<u8> = made.lengths.iter().flat_map(|length| length.to_le_bytes()).collect();
            assert_eq!(decode(Form::Int(width), &made.bytes, &lengths), Ok(column));
        }
    }

    #[test]
    fn refused() {
        let column = Column::new(1, Data::Int(vec![40_000]));
        assert!(encode(Form::Int(2), &Kind::Int64, &column).is_err());
        assert!(encode(Form::Bytes, &Kind::Int64, &column).is_err());
        assert!(decode(Form::Int(4), &[0; 3], &3i32.to_le_bytes()).is_err());
        assert!(decode(Form::Int(4), &[0; 3], &4i32.to_le_bytes()).is_err());
        assert!(decode(Form::Bytes, &[], &(-1i32).to_le_bytes()).is_err());
        assert!(decode(Form::Text, &[0xff], &1i32.to_le_bytes()).is_err());
    }
}
