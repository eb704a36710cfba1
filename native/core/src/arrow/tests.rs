//! Both directions without another library, and who releases what, when.

use std::ffi::c_void;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use super::abi::{ArrowArray, ArrowArrayStream, ArrowSchema};
use super::field::{Field, Type};
use super::{export, import};
use crate::column::{Bin, Column, Data, Scalar};
use crate::ops;

fn field(name: &str, kind: Type, children: Vec<Field>) -> Field {
    let metadata = vec![("connect.name".to_owned(), "größe".to_owned())];
    Field { name: name.to_owned(), nullable: true, metadata, kind, children }
}

fn texts(values: &[Option<&str>]) -> Column {
    let mut made = crate::builders::Bins::default();
    for value in values {
        match value {
            Some(text) => made.push(text.as_bytes()).unwrap(),
            None => made.push_null(),
        }
    }
    made.finish()
}

/// One column of every kind, nested.
fn sample() -> (Field, Arc<Column>) {
    let rows = 9;
    let mask = |skip: usize| Some((0..rows).map(|row| row % skip != 0).collect::<Vec<bool>>());
    let ints = |low: i64| Column {
        rows,
        data: Data::Int((0..9).map(|one| low + one).collect()),
        valid: mask(3),
        unchanged: None,
    };
    let names: Vec<String> = (0..9).map(|row| "x".repeat(row * 3)).collect();
    let names: Vec<Option<&str>> =
        names.iter().enumerate().map(|(row, one)| (row != 4).then_some(one.as_str())).collect();
    let list = Data::List(vec![0, 1, 1, 3, 3, 3, 6, 6, 7, 9], Arc::new(ints(-4)));
    let keys = Column::new(3, Data::Bin(Bin { offsets: vec![0, 1, 2, 3], bytes: b"abc".to_vec() }));
    let map =
        Data::Map(vec![0, 1, 1, 3, 3, 3, 3, 3, 3, 3], Arc::new(keys), Arc::new(texts(&[None, Some("v"), Some("")])));
    let decimals = Column {
        rows,
        data: Data::Bin(Bin { offsets: (0..10).collect(), bytes: (123..132).collect() }),
        valid: None,
        unchanged: None,
    };
    let columns = vec![
        (
            field("flag", Type::Bool, vec![]),
            Column { rows, data: Data::Bool(vec![true; 9]), valid: mask(2), unchanged: None },
        ),
        (field("i8", Type::Int8, vec![]), ints(-128)),
        (field("i16", Type::Int16, vec![]), ints(-32768)),
        (field("i32", Type::Int32, vec![]), ints(i64::from(i32::MIN))),
        (field("i64", Type::Int64, vec![]), ints(i64::MIN)),
        (field("day", Type::Date, vec![]), ints(0)),
        (field("clock", Type::Time, vec![]), ints(5)),
        (field("at", Type::Timestamp, vec![]), Column::constant(rows, Scalar::Int(1_600_000_000_000))),
        (field("f32", Type::Float32, vec![]), Column::new(rows, Data::Float(vec![1.5; 9]))),
        (field("f64", Type::Float64, vec![]), Column::new(rows, Data::Float(vec![f64::INFINITY; 9]))),
        (field("text", Type::Utf8, vec![]), texts(&names)),
        (field("none", Type::Binary, vec![]), Column::null(rows)),
        (field("nothing", Type::Null, vec![]), Column::null(rows)),
        (field("dec", Type::Decimal { precision: 10, scale: 2 }, vec![]), decimals.clone()),
        (field("wide", Type::Decimal { precision: 60, scale: 2 }, vec![]), decimals),
        (
            field("list", Type::List, vec![field("item", Type::Int16, vec![])]),
            Column { rows, data: list, valid: mask(4), unchanged: None },
        ),
        (
            field("map", Type::Map, vec![field("key", Type::Utf8, vec![]), field("value", Type::Utf8, vec![])]),
            Column::new(rows, map),
        ),
    ];
    let (fields, columns): (Vec<Field>, Vec<Column>) = columns.into_iter().unzip();
    let columns = columns.into_iter().map(Arc::new).collect();
    (field("all", Type::Struct, fields), Arc::new(ops::structure(rows, columns, None).unwrap()))
}

/// The column with constants spelled out and empty containers in null rows, so that equal rows are equal columns.
fn rows_of(column: &Column) -> Vec<String> {
    let show = |row: usize| -> String {
        let one = ops::take(column, &[row as u32]).unwrap();
        shown(&one)
    };
    (0..column.rows).map(show).collect()
}

fn shown(one: &Column) -> String {
    if one.rows == 1 && !one.is_valid(0) {
        return "null".to_owned();
    }
    match &ops::spelled_out(one).unwrap().data {
        Data::Struct(children) => children.iter().map(|child| shown(child)).collect::<Vec<_>>().join("|"),
        Data::List(_, items) => rows_of(items).join(","),
        Data::Map(_, keys, values) => format!("{:?}={:?}", rows_of(keys), rows_of(values)),
        other => format!("{other:?}"),
    }
}

#[test]
fn there_and_back() {
    let (field, column) = sample();
    let made = import::array(export::schema(&field).unwrap(), export::array(&field, &column).unwrap()).unwrap();
    assert_eq!(made.0, field);
    assert_eq!(rows_of(&made.1), rows_of(&column));
}

#[test]
fn what_is_shared_is_let_go_when_the_consumer_releases_it() {
    let (field, column) = sample();
    let Data::Struct(children) = &column.data else { unreachable!() };
    let counts = || children.iter().map(Arc::strong_count).collect::<Vec<_>>();
    let before = counts();
    let array = export::array(&field, &column).unwrap();
    assert!(counts() > before);
    let moved = array;
    drop(moved);
    assert_eq!(counts(), before);
}

#[test]
fn a_child_may_be_moved_away_before_its_parent_is_released() {
    let (field, column) = sample();
    let Data::Struct(children) = &column.data else { unreachable!() };
    let text = &children[10];
    let before = Arc::strong_count(text);
    let array = export::array(&field, &column).unwrap();
    let schema = export::schema(&field).unwrap();
    // SAFETY: the children are valid, and used by nobody else.
    let (child, child_schema) =
        unsafe { (ArrowArray::take(*array.children.add(10)), ArrowSchema::take(*schema.children.add(10))) };
    drop(array);
    drop(schema);
    assert!(Arc::strong_count(text) > before);
    let made = import::array(child_schema, child).unwrap();
    assert_eq!(rows_of(&made.1), rows_of(text));
    assert_eq!(Arc::strong_count(text), before);
}

static RELEASED: AtomicUsize = AtomicUsize::new(0);

unsafe extern "C" fn count_release(array: *mut ArrowArray) {
    RELEASED.fetch_add(1, Ordering::SeqCst);
    (*array).release = None;
}

#[test]
fn a_producers_array_is_released_once_whatever_is_wrong_with_it() {
    let schema = |kind: Type| export::schema(&field("x", kind, vec![])).unwrap();
    let values = [7i64, 8, 9];
    let mut good: [*const c_void; 2] = [std::ptr::null(), values.as_ptr().cast()];
    let mut bad: [*const c_void; 2] = [std::ptr::null(), std::ptr::null()];
    let make = |buffers: &mut [*const c_void; 2], length: i64, offset: i64| {
        let mut array = ArrowArray::empty();
        array.length = length;
        array.offset = offset;
        array.n_buffers = 2;
        array.buffers = buffers.as_mut_ptr();
        array.release = Some(count_release);
        array
    };
    let before = RELEASED.load(Ordering::SeqCst);
    let made = import::array(schema(Type::Int64), make(&mut good, 2, 1)).unwrap().1;
    assert_eq!((made.int(0), made.int(1)), (8, 9));
    assert!(import::array(schema(Type::Int64), make(&mut bad, 3, 0)).is_err());
    assert!(import::array(schema(Type::Int64), make(&mut good, -1, 0)).is_err());
    assert!(import::array(schema(Type::Int64), make(&mut good, 1, -1)).is_err());
    assert!(import::array(schema(Type::Int64), make(&mut good, 1 << 40, 0)).is_err());
    assert!(import::array(schema(Type::Struct), make(&mut good, 3, 0)).is_ok());
    let item = field("l", Type::List, vec![field("item", Type::Int64, vec![])]);
    assert!(import::array(export::schema(&item).unwrap(), make(&mut good, 1, 0)).is_err());
    assert_eq!(RELEASED.load(Ordering::SeqCst) - before, 7);
}

/// A stream of the same array, three times.
unsafe extern "C" fn next(stream: *mut ArrowArrayStream, out: *mut ArrowArray) -> i32 {
    let left = &mut *(*stream).private_data.cast::<i32>();
    if *left > 0 {
        *left -= 1;
        let (field, column) = sample();
        std::ptr::write(out, export::array(&field, &column).unwrap());
    }
    0
}

unsafe extern "C" fn schema_of(_: *mut ArrowArrayStream, out: *mut ArrowSchema) -> i32 {
    std::ptr::write(out, export::schema(&sample().0).unwrap());
    0
}

unsafe extern "C" fn end(stream: *mut ArrowArrayStream) {
    drop(Box::from_raw((*stream).private_data.cast::<i32>()));
    (*stream).release = None;
}

#[test]
fn the_pieces_of_a_stream_are_one_column() {
    for pieces in 0..4usize {
        let mut stream = ArrowArrayStream::empty();
        stream.get_schema = Some(schema_of);
        stream.get_next = Some(next);
        stream.release = Some(end);
        stream.private_data = Box::into_raw(Box::new(pieces as i32)).cast();
        let (field, column) = import::stream(stream).unwrap();
        let (expected, one) = sample();
        assert_eq!(field, expected);
        assert_eq!(column.rows, pieces * one.rows);
        if pieces > 0 {
            assert_eq!(rows_of(&column), vec![rows_of(&one); pieces].concat());
        }
    }
}

#[test]
fn what_an_arrow_type_does_not_hold_is_declined() {
    let int = |value: i64| Arc::new(Column::new(1, Data::Int(vec![value])));
    assert!(export::array(&field("x", Type::Int8, vec![]), &int(128)).is_err());
    assert!(export::array(&field("x", Type::Date, vec![]), &int(1 << 40)).is_err());
    assert!(export::array(&field("x", Type::Utf8, vec![]), &int(1)).is_err());
    let decimal = |bytes: &[u8]| {
        let bin = Bin { offsets: vec![0, bytes.len() as u32], bytes: bytes.to_vec() };
        Arc::new(Column::new(1, Data::Bin(bin)))
    };
    let two = field("x", Type::Decimal { precision: 2, scale: 0 }, vec![]);
    assert!(export::array(&two, &decimal(&[99])).is_ok());
    assert!(export::array(&two, &decimal(&[100])).is_err());
    assert!(export::array(&two, &decimal(&[0x80; 40])).is_err());
}
