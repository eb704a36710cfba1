//! Columns as C structs. What they point to lives until the consumer releases them.

use std::any::Any;
use std::ffi::{c_char, c_void, CString};
use std::sync::Arc;

use super::abi::{ArrowArray, ArrowSchema, NULLABLE};
use super::export_data::{data, Parts};
use super::field::{Field, Type};
use super::format;
use crate::column::Column;
use crate::error::{Declined, Result};
use crate::nulls::lacks;

const ZERO: Declined = Declined::Value("a name with a zero byte in it");

/// What a schema that was given away owns.
struct HeldSchema {
    /// Kept for the pointers to them.
    _texts: (CString, CString, Option<Vec<u8>>),
    children: Vec<*mut ArrowSchema>,
}

/// The schema of a field.
pub fn schema(field: &Field) -> Result<ArrowSchema> {
    let children = match field.kind {
        // A map is a list of structs of a key and a value.
        Type::Map => vec![Field {
            name: "entries".to_owned(),
            nullable: false,
            metadata: Vec::new(),
            kind: Type::Struct,
            children: field.children.clone(),
        }],
        _ => field.children.clone(),
    };
    let children = children.iter().map(schema).collect::<Result<Vec<_>>>()?;
    let format = CString::new(format::write(&field.kind)).map_err(|_| ZERO)?;
    let name = CString::new(field.name.as_str()).map_err(|_| ZERO)?;
    let metadata = metadata(&field.metadata)?;
    let children: Vec<*mut ArrowSchema> = children.into_iter().map(|one| Box::into_raw(Box::new(one))).collect();
    // A CString and a Vec keep their bytes in place when they are moved.
    let mut held = Box::new(HeldSchema { _texts: (format, name, metadata), children });
    let mut made = ArrowSchema::empty();
    made.format = held._texts.0.as_ptr();
    made.name = held._texts.1.as_ptr();
    made.metadata = held._texts.2.as_ref().map_or(std::ptr::null(), |bytes| bytes.as_ptr().cast::<c_char>());
    made.flags = if field.nullable { NULLABLE } else { 0 };
    made.n_children = held.children.len() as i64;
    made.children = held.children.as_mut_ptr();
    made.private_data = Box::into_raw(held).cast::<c_void>();
    made.release = Some(release_schema);
    Ok(made)
}

/// Count, then each key and value with its length, in the machine's byte order; None for none.
fn metadata(pairs: &[(String, String)]) -> Result<Option<Vec<u8>>> {
    if pairs.is_empty() {
        return Ok(None);
    }
    let count = |number: usize| i32::try_from(number).map_err(|_| Declined::TooLarge);
    let mut bytes = count(pairs.len())?.to_ne_bytes().to_vec();
    for text in pairs.iter().flat_map(|(key, value)| [key, value]) {
        bytes.extend(count(text.len())?.to_ne_bytes());
        bytes.extend(text.as_bytes());
    }
    Ok(Some(bytes))
}

/// # Safety
/// `schema` is one that `schema()` made and that was not released; a consumer calls this once.
unsafe extern "C" fn release_schema(schema: *mut ArrowSchema) {
    if schema.is_null() || (*schema).release.is_none() {
        return;
    }
    let held = Box::from_raw((*schema).private_data.cast::<HeldSchema>());
    for &child in &held.children {
        // Dropping a child releases it, unless the consumer moved it away and so marked it as released.
        drop(Box::from_raw(child));
    }
    (*schema).private_data = std::ptr::null_mut();
    (*schema).release = None;
}

/// What an array that was given away owns.
struct HeldArray {
    /// Kept for the pointers into it.
    _owners: Vec<Box<dyn Any + Send>>,
    buffers: Vec<*const c_void>,
    children: Vec<*mut ArrowArray>,
}

/// The rows of a column whose type is the field's. `Err` for a value that the type does not hold.
pub fn array(field: &Field, column: &Arc<Column>) -> Result<ArrowArray> {
    part(field, column, None)
}

/// The same of a part of a column; `within`: the rows that the struct around it has, None for all.
pub fn part(field: &Field, column: &Arc<Column>, within: Option<&[bool]>) -> Result<ArrowArray> {
    if !field.nullable && lacks(column, within) {
        return Err(Declined::Value("a null in a required field"));
    }
    // Where only the struct around it is null, a required field has a value nobody looks at.
    let has_nulls = field.nullable && lacks(column, None);
    let Parts { buffers, children } = data(field, column, has_nulls)?;
    let children: Vec<*mut ArrowArray> = children.into_iter().map(|one| Box::into_raw(Box::new(one))).collect();
    let nulls = match field.kind {
        Type::Null => column.rows,
        _ if !has_nulls => 0,
        _ => (0..column.rows).filter(|&row| !column.is_valid(row)).count(),
    };
    let (pointers, owners) = buffers.into_iter().map(|one| (one.pointer, one.owner)).unzip();
    let mut held = Box::new(HeldArray { _owners: owners, buffers: pointers, children });
    let mut made = ArrowArray::empty();
    made.length = column.rows as i64;
    made.null_count = nulls as i64;
    made.n_buffers = held.buffers.len() as i64;
    made.buffers = held.buffers.as_mut_ptr();
    made.n_children = held.children.len() as i64;
    made.children = held.children.as_mut_ptr();
    made.private_data = Box::into_raw(held).cast::<c_void>();
    made.release = Some(release_array);
    Ok(made)
}

/// # Safety
/// As for `release_schema`.
unsafe extern "C" fn release_array(array: *mut ArrowArray) {
    if array.is_null() || (*array).release.is_none() {
        return;
    }
    let held = Box::from_raw((*array).private_data.cast::<HeldArray>());
    for &child in &held.children {
        drop(Box::from_raw(child));
    }
    (*array).private_data = std::ptr::null_mut();
    (*array).release = None;
}
