//! A producer of Arrow's C structs, which own what they point to until their release.

use std::ffi::{c_void, CString};
use std::ptr::null_mut;

use headrace_core::arrow::abi::{ArrowArray, ArrowSchema};

/// What a schema points to, which lives until its release.
pub struct Schema {
    pub format: CString,
    pub name: CString,
}

struct OfSchema {
    _texts: Schema,
    _children: Vec<ArrowSchema>,
    pointers: Vec<*mut ArrowSchema>,
    _dictionary: Option<Box<ArrowSchema>>,
}

impl Schema {
    /// The schema of these parts.
    pub fn owned(self, flags: i64, mut children: Vec<ArrowSchema>, dictionary: Option<ArrowSchema>) -> ArrowSchema {
        let pointers = children.iter_mut().map(std::ptr::from_mut).collect();
        let mut dictionary = dictionary.map(Box::new);
        let values = dictionary.as_mut().map_or(null_mut(), |one| std::ptr::from_mut(one.as_mut()));
        let (format, name) = (self.format.as_ptr(), self.name.as_ptr());
        let mut held = Box::new(OfSchema { _texts: self, _children: children, pointers, _dictionary: dictionary });
        ArrowSchema {
            format,
            name,
            metadata: std::ptr::null(),
            flags,
            n_children: held.pointers.len() as i64,
            children: held.pointers.as_mut_ptr(),
            dictionary: values,
            release: Some(release_schema),
            private_data: Box::into_raw(held).cast(),
        }
    }
}

unsafe extern "C" fn release_schema(schema: *mut ArrowSchema) {
    // SAFETY: `private_data` is the box that `owned` made; a schema is released once.
    drop(Box::from_raw((*schema).private_data.cast::<OfSchema>()));
    (*schema).release = None;
}

struct OfArray {
    _buffers: Vec<Option<Vec<u8>>>,
    starts: Vec<*const c_void>,
    _children: Vec<ArrowArray>,
    pointers: Vec<*mut ArrowArray>,
    _dictionary: Option<Box<ArrowArray>>,
}

/// An array of (length, offset, null count) and these parts.
pub fn array(
    (length, offset, null_count): (i64, i64, i64),
    buffers: Vec<Option<Vec<u8>>>,
    mut children: Vec<ArrowArray>,
    dictionary: Option<ArrowArray>,
) -> ArrowArray {
    let pointers = children.iter_mut().map(std::ptr::from_mut).collect();
    let mut dictionary = dictionary.map(Box::new);
    let values = dictionary.as_mut().map_or(null_mut(), |one| std::ptr::from_mut(one.as_mut()));
    let starts = buffers.iter().map(|one| one.as_ref().map_or(std::ptr::null(), |one| one.as_ptr().cast())).collect();
    let mut held =
        Box::new(OfArray { _buffers: buffers, starts, _children: children, pointers, _dictionary: dictionary });
    ArrowArray {
        length,
        null_count,
        offset,
        n_buffers: held.starts.len() as i64,
        n_children: held.pointers.len() as i64,
        buffers: held.starts.as_mut_ptr(),
        children: held.pointers.as_mut_ptr(),
        dictionary: values,
        release: Some(release_array),
        private_data: Box::into_raw(held).cast(),
    }
}

unsafe extern "C" fn release_array(array: *mut ArrowArray) {
    // SAFETY: `private_data` is the box that `array` made; an array is released once.
    drop(Box::from_raw((*array).private_data.cast::<OfArray>()));
    (*array).release = None;
}
