//! Reading what a producer points to. All raw memory access of the import is here.
//!
//! The interface has no lengths of buffers: a producer guarantees that they are as long as type, length and offset say. That is taken on
//! trust, as every consumer has to; what can be checked (nulls, counts, offsets that fall, texts that are no UTF-8) is checked.

use std::ffi::{c_char, CStr};

use super::abi::{ArrowArray, ArrowSchema};
use crate::error::{Declined, Result};

pub const BROKEN: Declined = Declined::Malformed("an Arrow structure that is not as the interface says");

/// A text of the producer, "" for a null pointer.
///
/// # Safety
/// `text` is null or a C string that outlives the call.
unsafe fn text_at(text: *const c_char) -> Result<String> {
    if text.is_null() {
        return Ok(String::new());
    }
    CStr::from_ptr(text).to_str().map(str::to_owned).map_err(|_| BROKEN)
}

impl ArrowSchema {
    pub fn format_text(&self) -> Result<String> {
        // SAFETY: an unreleased schema has a C string as its format (`self` owns it, so it is not released meanwhile).
        unsafe { text_at(self.format) }
    }

    pub fn name_text(&self) -> Result<String> {
        // SAFETY: null or a C string, as above.
        unsafe { text_at(self.name) }
    }

    /// Child number `index`.
    pub fn child(&self, index: usize) -> Result<&ArrowSchema> {
        if index >= self.child_count()? || self.children.is_null() {
            return Err(BROKEN);
        }
        // SAFETY: `children` has `n_children` pointers to schemas that live as long as their parent.
        let child = unsafe { (*self.children.add(index)).as_ref() };
        // One that was moved away holds nothing any more.
        child.filter(|one| one.release.is_some()).ok_or(BROKEN)
    }

    pub fn child_count(&self) -> Result<usize> {
        usize::try_from(self.n_children).map_err(|_| BROKEN)
    }

    /// None for no dictionary. `Err` for one that was moved away.
    pub fn dictionary(&self) -> Result<Option<&ArrowSchema>> {
        // SAFETY: null or a schema that lives as long as its parent.
        let found = unsafe { self.dictionary.as_ref() };
        match found {
            Some(one) if one.release.is_none() => Err(BROKEN),
            other => Ok(other),
        }
    }

    /// The metadata whose keys and values are UTF-8.
    pub fn metadata_pairs(&self) -> Result<Vec<(String, String)>> {
        if self.metadata.is_null() {
            return Ok(Vec::new());
        }
        let mut at = self.metadata.cast::<u8>();
        let mut number = || -> Result<usize> {
            // SAFETY: metadata begin with a count, and every key and value with its length, as four bytes each; only so many are read.
            let bytes = unsafe { at.cast::<[u8; 4]>().read_unaligned() };
            at = at.wrapping_add(4);
            usize::try_from(i32::from_ne_bytes(bytes)).map_err(|_| BROKEN)
        };
        let count = number()?;
        let mut pairs = Vec::new();
        for _ in 0..count {
            let mut texts = [String::new(), String::new()];
            for text in &mut texts {
                let mut length = [0u8; 4];
                // SAFETY: as above; then as many bytes as the length says.
                let bytes = unsafe {
                    length.copy_from_slice(std::slice::from_raw_parts(at, 4));
                    let length = usize::try_from(i32::from_ne_bytes(length)).map_err(|_| BROKEN)?;
                    at = at.wrapping_add(4);
                    std::slice::from_raw_parts(at, length)
                };
                at = at.wrapping_add(bytes.len());
                *text = String::from_utf8_lossy(bytes).into_owned();
            }
            let [key, value] = texts;
            pairs.push((key, value));
        }
        Ok(pairs)
    }
}

impl ArrowArray {
    /// (rows, rows before the first one).
    pub fn extent(&self) -> Result<(usize, usize)> {
        let rows = usize::try_from(self.length).map_err(|_| BROKEN)?;
        let offset = usize::try_from(self.offset).map_err(|_| BROKEN)?;
        u32::try_from(rows).map_err(|_| Declined::TooLarge)?;
        offset.checked_add(rows).ok_or(BROKEN)?;
        Ok((rows, offset))
    }

    pub fn buffer_count(&self) -> usize {
        usize::try_from(self.n_buffers).unwrap_or(0)
    }

    /// The first `length` bytes of a buffer; None where the producer has none.
    pub fn buffer(&self, index: usize, length: usize) -> Result<Option<&[u8]>> {
        if index >= self.buffer_count() || self.buffers.is_null() {
            return Err(BROKEN);
        }
        if isize::try_from(length).is_err() {
            return Err(BROKEN);
        }
        // SAFETY: `buffers` has `n_buffers` pointers. A buffer is null, or it lives as long as the array and is as long as type, length
        // and offset ask for, which is what callers pass.
        unsafe {
            let pointer = (*self.buffers.add(index)).cast::<u8>();
            if pointer.is_null() {
                return if length == 0 { Ok(Some(&[])) } else { Ok(None) };
            }
            Ok(Some(std::slice::from_raw_parts(pointer, length)))
        }
    }

    /// A buffer that has to be there.
    pub fn values(&self, index: usize, length: usize) -> Result<&[u8]> {
        self.buffer(index, length)?.ok_or(BROKEN)
    }

    pub fn child(&self, index: usize) -> Result<&ArrowArray> {
        let count = usize::try_from(self.n_children).map_err(|_| BROKEN)?;
        if index >= count || self.children.is_null() {
            return Err(BROKEN);
        }
        // SAFETY: `children` has `n_children` pointers to arrays that live as long as their parent.
        let child = unsafe { (*self.children.add(index)).as_ref() };
        child.filter(|one| one.release.is_some()).ok_or(BROKEN)
    }

    /// The values of a dictionary-encoded array.
    pub fn dictionary(&self) -> Result<&ArrowArray> {
        // SAFETY: null or an array that lives as long as its parent.
        let found = unsafe { self.dictionary.as_ref() };
        found.filter(|one| one.release.is_some()).ok_or(BROKEN)
    }
}
