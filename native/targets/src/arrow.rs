//! Arrow's C data interface: what a producer may hand over.
//!
//! The interface has no lengths of buffers: a producer whose buffers are shorter than type, length and offset say cannot be found out.
//! So all buffers here are as long as they have to be, and offsets into data stay within them; all else is as the bytes have it.

use std::ffi::CString;

use headrace_core::arrow::abi::{ArrowArray, ArrowSchema, NULLABLE};
use headrace_core::arrow::{export, import};
use headrace_core::column::{Column, Data};

use crate::producer::{array, Schema};

/// Formats, and what their buffers behind the one for validity are.
const FORMATS: &[(&str, Layout)] = &[
    ("n", Layout::Nothing),
    ("b", Layout::Bits),
    ("c", Layout::Fixed(1)),
    ("C", Layout::Fixed(1)),
    ("s", Layout::Fixed(2)),
    ("S", Layout::Fixed(2)),
    ("i", Layout::Fixed(4)),
    ("I", Layout::Fixed(4)),
    ("l", Layout::Fixed(8)),
    ("L", Layout::Fixed(8)),
    ("e", Layout::Fixed(2)),
    ("f", Layout::Fixed(4)),
    ("g", Layout::Fixed(8)),
    ("u", Layout::Offsets(4, true)),
    ("U", Layout::Offsets(8, true)),
    ("z", Layout::Offsets(4, true)),
    ("Z", Layout::Offsets(8, true)),
    ("vu", Layout::Views),
    ("vz", Layout::Views),
    ("w:0", Layout::Fixed(0)),
    ("w:3", Layout::Fixed(3)),
    ("d:9,2", Layout::Fixed(16)),
    ("d:60,-2,256", Layout::Fixed(32)),
    ("d:5,0,32", Layout::Fixed(4)),
    ("d:15,3,64", Layout::Fixed(8)),
    ("tdD", Layout::Fixed(4)),
    ("tdm", Layout::Fixed(8)),
    ("tts", Layout::Fixed(4)),
    ("ttn", Layout::Fixed(8)),
    ("tss:", Layout::Fixed(8)),
    ("tsu:UTC", Layout::Fixed(8)),
    ("+s", Layout::Nothing),
    ("+l", Layout::Offsets(4, false)),
    ("+L", Layout::Offsets(8, false)),
    ("+m", Layout::Offsets(4, false)),
    ("+w:2", Layout::Nothing),
    ("+w:4000000000", Layout::Nothing),
    ("+ud:0", Layout::Nothing),
];

#[derive(Clone, Copy)]
enum Layout {
    Nothing,
    Bits,
    /// Bytes of a value.
    Fixed(usize),
    /// Bytes of an offset; whether they point into a buffer of data.
    Offsets(usize, bool),
    Views,
}

/// An array of any type: what is read is a column in itself, and read as the same once it was handed over again.
pub fn arrow(data: &[u8]) {
    let mut given = Given { rest: data };
    let (schema, array) = given.node(0);
    let Ok((field, column)) = import::array(schema, array) else { return };
    check(&column);
    let (Ok(schema), Ok(array)) = (export::schema(&field), export::array(&field, &column.clone().into())) else {
        return;
    };
    let (again, back) = import::array(schema, array).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(again, field);
    check(&back);
    assert_eq!(back.rows, column.rows);
    assert!((0..column.rows).all(|row| back.is_valid(row) == column.is_valid(row)));
}

/// All parts have the rows they should.
fn check(column: &Column) {
    let rows = column.rows;
    assert!(column.valid.as_ref().map_or(true, |mask| mask.len() == rows));
    let offsets = |offsets: &Vec<u32>, inner: &Column| {
        assert_eq!(offsets.len(), rows + 1);
        assert!(offsets.windows(2).all(|pair| pair[0] <= pair[1]));
        assert!(offsets[rows] as usize <= inner.rows);
    };
    match &column.data {
        Data::Null | Data::Const(_) => {}
        Data::Bool(values) => assert_eq!(values.len(), rows),
        Data::Int(values) => assert_eq!(values.len(), rows),
        Data::Float(values) => assert_eq!(values.len(), rows),
        Data::Bin(bin) => assert_eq!(bin.offsets.len(), rows + 1),
        Data::Struct(children) => {
            children.iter().for_each(|child| {
                assert_eq!(child.rows, rows);
                check(child);
            });
        }
        Data::List(starts, items) => {
            offsets(starts, items);
            check(items);
        }
        Data::Map(starts, keys, values) => {
            offsets(starts, keys);
            assert_eq!(keys.rows, values.rows);
            check(keys);
            check(values);
        }
    }
}

struct Given<'a> {
    rest: &'a [u8],
}

impl Given<'_> {
    fn next(&mut self) -> u8 {
        let Some((&first, behind)) = self.rest.split_first() else { return 0 };
        self.rest = behind;
        first
    }

    fn bytes(&mut self, count: usize) -> Vec<u8> {
        let (taken, behind) = self.rest.split_at(count.min(self.rest.len()));
        self.rest = behind;
        let mut made = taken.to_vec();
        made.resize(count, 0);
        made
    }

    /// A schema and an array of it.
    fn node(&mut self, depth: u8) -> (ArrowSchema, ArrowArray) {
        let (format, layout) = FORMATS[usize::from(self.next()) % FORMATS.len()];
        let flags = self.next();
        let rows = usize::from(self.next() % 20);
        let offset = if flags & 1 == 0 { 0 } else { usize::from(self.next() % 9) };
        let end = rows + offset;
        let mut buffers = Vec::new();
        if format != "n" {
            buffers.push((flags & 2 != 0).then(|| self.bytes(end.div_ceil(8))));
        }
        self.values(layout, end, &mut buffers);
        let children = match format.as_bytes() {
            _ if depth > 2 => 0,
            [b'+', b's', ..] => usize::from(self.next() % 4),
            [b'+', ..] => usize::from(self.next() % 16 != 15),
            _ => 0,
        };
        let (mut schemas, mut arrays) = (Vec::new(), Vec::new());
        for _ in 0..children {
            let (schema, array) = self.node(depth + 1);
            schemas.push(schema);
            arrays.push(array);
        }
        let (schema_of_values, values) = match flags & 0b1100 {
            0b1100 if depth < 2 => {
                let (schema, array) = self.node(depth + 1);
                (Some(schema), Some(array))
            }
            _ => (None, None),
        };
        let name = CString::new([b'a' + depth]).unwrap_or_default();
        let nullable = if flags & 32 == 0 { NULLABLE } else { 0 };
        let schema = Schema { format: CString::new(format).unwrap_or_default(), name }.owned(
            nullable,
            schemas,
            schema_of_values,
        );
        let nulls = if flags & 64 == 0 { -1 } else { i64::from(flags & 128) };
        let extent = (rows as i64, offset as i64, nulls);
        (schema, array(extent, buffers, arrays, values))
    }

    fn values(&mut self, layout: Layout, end: usize, buffers: &mut Vec<Option<Vec<u8>>>) {
        match layout {
            Layout::Nothing => {}
            Layout::Bits => buffers.push(Some(self.bytes(end.div_ceil(8)))),
            Layout::Fixed(width) => buffers.push(Some(self.bytes(end * width))),
            Layout::Offsets(width, with_data) => {
                let data = if with_data { usize::from(self.next() % 64) } else { 0 };
                let mut at = 0i64;
                let mut offsets = Vec::new();
                for _ in 0..=end {
                    let step = self.next();
                    // Most rise a little; some fall, or are nowhere.
                    at = match step {
                        0..=0xef => at + i64::from(step % 5),
                        _ => at - i64::from(step - 0xf0),
                    };
                    let at = if with_data { at.min(data as i64) } else { at };
                    match width {
                        4 => offsets.extend_from_slice(&(at as i32).to_ne_bytes()),
                        _ => offsets.extend_from_slice(&at.to_ne_bytes()),
                    }
                }
                buffers.push(Some(offsets));
                if with_data {
                    buffers.push(Some(self.bytes(data)));
                }
            }
            Layout::Views => {
                buffers.push(Some(self.bytes(end * 16)));
                let parts: Vec<Vec<u8>> =
                    (0..self.next() % 3).map(|_| self.next()).map(|size| vec![b'v'; usize::from(size)]).collect();
                let lengths = parts.iter().flat_map(|one| (one.len() as i64).to_ne_bytes()).collect();
                buffers.extend(parts.into_iter().map(Some));
                buffers.push(Some(lengths));
            }
        }
    }
}
