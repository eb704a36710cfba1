//! The ops a fuzzed byte chooses from.

use std::sync::Arc;

use headrace_core::pg::plan::{Encoding, Hstore, Mask, Money, Op, Span, TextOf, Unit};

/// One op per byte; containers take theirs from the next bytes. None when there are no bytes left.
pub fn op(data: &[u8], depth: u8) -> Option<(Op, &[u8])> {
    let (&first, mut rest) = data.split_first()?;
    let encoding =
        |byte: u8| [Encoding::Raw, Encoding::Base64, Encoding::Base64Url, Encoding::Hex][usize::from(byte % 4)];
    let mut next = || -> u8 {
        let (byte, left) = rest.split_first().map_or((0, rest), |(&byte, left)| (byte, left));
        rest = left;
        byte
    };
    let made = match first % 28 {
        0 => Op::Int,
        1 => Op::Oid,
        2 => Op::Bool,
        3 => Op::BitBool,
        4 => Op::Float4,
        5 => Op::Float8,
        6 => Op::Text(texts(next())),
        7 => Op::Enum(Arc::new([Box::from(*b"a"), Box::from(*b"long label")].into_iter().collect())),
        8 => Op::Decimal(i32::from(next()) - 20),
        9 => Op::VariableDecimal,
        10 => Op::NumericText,
        11 => Op::NumericDouble,
        12 => Op::Money(Money::Decimal(u32::from(next() % 5))),
        13 => Op::Money(Money::Double(u32::from(next() % 5))),
        14 => Op::Money(Money::Text),
        15 => Op::Bytea(encoding(next())),
        16 => Op::Opaque(encoding(next())),
        17 => Op::Bits,
        18 => Op::Date(unit(next())),
        19 => Op::Time(unit(next())),
        20 => Op::TimeTz,
        21 => Op::Timestamp(unit(next())),
        22 => Op::TimestampTz(next() % 10),
        23 => Op::Interval(if next() % 2 == 0 { Span::Micros } else { Span::Iso }),
        24 => Op::Hstore(if next() % 2 == 0 { Hstore::Json } else { Hstore::Map }),
        25 => [Op::Point, Op::Geometry, Op::Vector][usize::from(next() % 3)].clone(),
        26 if depth < 2 => {
            let nulls = next() % 2 == 0;
            let (element, left) = op(rest, depth + 1)?;
            return Some((Op::Array { element: Box::new(element), nulls }, left));
        }
        _ if depth < 2 => {
            let mask = match next() % 3 {
                0 => Mask::Stars(Arc::from(*b"***")),
                1 => Mask::CutText(usize::from(next())),
                _ => Mask::CutBytes(usize::from(next())),
            };
            let (inner, left) = op(rest, depth + 1)?;
            return Some((Op::Masked(Box::new(inner), mask), left));
        }
        _ => Op::Int,
    };
    Some((made, rest))
}

fn texts(byte: u8) -> TextOf {
    use TextOf::{Cidr, Inet, Jsonb, Ltree, Macaddr, Macaddr8, Other, Plain, Uuid};
    [Plain, Jsonb, Uuid, Ltree, Inet, Cidr, Macaddr, Macaddr8, Other][usize::from(byte % 9)]
}

fn unit(byte: u8) -> Unit {
    [Unit::Days, Unit::Millis, Unit::Micros, Unit::Nanos, Unit::Iso][usize::from(byte % 5)]
}
