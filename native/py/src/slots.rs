//! Objects of a class with `__slots__`, made and filled without a call of its Python code.

use std::ffi::c_int;

use pyo3::exceptions::PyTypeError;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyType;

/// A class and some of its slots. What is made has not been through `__new__` or `__init__`: for classes that take attributes as they are.
pub struct SlotClass {
    class: Py<PyType>,
    /// Member descriptors, as the class has them for its slots.
    slots: Vec<Py<PyAny>>,
    set: ffi::descrsetfunc,
    get: ffi::descrgetfunc,
}

impl SlotClass {
    /// TypeError unless every name is a slot of the class or of a base.
    pub fn of(class: &Bound<'_, PyType>, names: &[String]) -> PyResult<SlotClass> {
        let py = class.py();
        let descriptor = py.import("types")?.getattr("MemberDescriptorType")?.cast_into::<PyType>()?;
        let mut slots = Vec::with_capacity(names.len());
        for name in names {
            let slot = class.getattr(name.as_str())?;
            if !slot.get_type().is(&descriptor) {
                return Err(PyTypeError::new_err(format!("{name} is no slot of the class")));
            }
            slots.push(slot.unbind());
        }
        let type_object = descriptor.as_type_ptr();
        // SAFETY: `type_object` is a live type; PyType_GetSlot answers null or the function of that slot, whose type is the one that
        // the slot number stands for (documented since 3.10 for all types). Option<fn> has null as None.
        let (set, get) = unsafe {
            (
                std::mem::transmute::<*mut std::ffi::c_void, Option<ffi::descrsetfunc>>(ffi::PyType_GetSlot(
                    type_object,
                    ffi::Py_tp_descr_set,
                )),
                std::mem::transmute::<*mut std::ffi::c_void, Option<ffi::descrgetfunc>>(ffi::PyType_GetSlot(
                    type_object,
                    ffi::Py_tp_descr_get,
                )),
            )
        };
        let none = || PyTypeError::new_err("slots cannot be reached");
        Ok(SlotClass { class: class.clone().unbind(), slots, set: set.ok_or_else(none)?, get: get.ok_or_else(none)? })
    }

    /// An object whose slots are all empty.
    #[inline]
    pub fn make<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        // SAFETY: the class is a live type, and without arguments PyType_GenericNew only allocates; it answers a new reference or null
        // with an error set.
        unsafe {
            Bound::from_owned_ptr_or_err(
                py,
                ffi::PyType_GenericNew(
                    self.class.as_ptr().cast::<ffi::PyTypeObject>(),
                    std::ptr::null_mut(),
                    std::ptr::null_mut(),
                ),
            )
        }
    }

    /// Whether the object is of this very class.
    #[inline]
    pub fn is(&self, object: &Bound<'_, PyAny>) -> bool {
        object.get_type().as_ptr() == self.class.as_ptr()
    }

    /// Put a value into slot number `index` of an object of this class.
    #[inline]
    pub fn set(&self, object: &Bound<'_, PyAny>, index: usize, value: &Py<PyAny>) -> PyResult<()> {
        let slot = self.slots.get(index).ok_or_else(|| PyTypeError::new_err("no such slot"))?;
        // SAFETY: `set` is the setter of the descriptor's own type; it checks that the object has the slot, takes a reference of its own
        // to the value, and answers -1 with an error set.
        let done: c_int = unsafe { (self.set)(slot.as_ptr(), object.as_ptr(), value.as_ptr()) };
        if done == 0 {
            Ok(())
        } else {
            Err(PyErr::fetch(object.py()))
        }
    }

    /// The value in slot number `index` of an object of this class. AttributeError for an empty one.
    #[inline]
    pub fn get<'py>(&self, object: &Bound<'py, PyAny>, index: usize) -> PyResult<Bound<'py, PyAny>> {
        let slot = self.slots.get(index).ok_or_else(|| PyTypeError::new_err("no such slot"))?;
        // SAFETY: as for `set`; the getter checks the object and answers a new reference, or null with an error set. Its third argument
        // is not used by member descriptors, and null is allowed for it.
        unsafe {
            Bound::from_owned_ptr_or_err(object.py(), (self.get)(slot.as_ptr(), object.as_ptr(), std::ptr::null_mut()))
        }
    }
}
