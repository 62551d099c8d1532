//! The only module that calls C: libxml2, libxslt and libexslt behind safe types.
//!
//! `unsafe` is allowed here and nowhere else in the house. The rules that make it sound:
//! - Every pointer from the libraries is owned by exactly one Rust value, which frees it on drop ([`Doc`],
//!   [`CompiledSchema`], [`Stylesheet`]); a [`Node`] borrows its [`Doc`].
//! - A call happens inside a [`Session`], which gives the thread its files and gathers its errors; nothing that a
//!   callback touches is shared between threads.
//! - Callbacks never panic and never call back into the library.
//! - libxml2 fills caches of a document lazily, so its functions get a [`Doc`] one at a time. Compiled schemas and
//!   stylesheets are read only once compiled; the exception is argued at [`Stylesheet`].
#![allow(unsafe_code)]

mod document;
mod plain;
mod raw;
mod report;
mod schema;
mod stylesheet;
mod xpath;

pub(crate) use document::{Doc, Malformed, Node, locate};
pub(crate) use report::{Collected, Event, Files, NodePlace, Report, file_of, uri_of};
pub(crate) use schema::CompiledSchema;
pub(crate) use stylesheet::{Budget, Made, Ran, Stylesheet};
pub(crate) use xpath::{Evaluated, Query};

use std::ffi::{CStr, c_char, c_void};

/// How many bytes of its stack the calling thread has left.
pub(crate) fn stack_left() -> usize {
    // SAFETY: takes nothing, and reads the bounds of the calling thread's stack.
    unsafe { raw::rohrpost_stack_left() }
}

/// The text behind a C string that libxml2 owns; empty for NULL. libxml2 holds UTF-8 only; what is not is replaced.
///
/// # Safety
/// `text` is NULL or points to a NUL-terminated string that lives during the call.
unsafe fn owned(text: *const c_char) -> String {
    if text.is_null() {
        return String::new();
    }
    // SAFETY: not NULL, and the caller vouches for the rest.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}

/// The text that a function of libxml2 handed out for the caller to free; it is freed here.
///
/// # Safety
/// `text` is NULL or a NUL-terminated string from libxml2's allocator that nobody else uses.
unsafe fn taken(text: *mut c_char) -> String {
    // SAFETY: as the caller vouches.
    let copy = unsafe { owned(text) };
    if !text.is_null() {
        // SAFETY: it came from libxml2's allocator, and the only user is done.
        unsafe { raw::rohrpost_free(text.cast::<c_void>()) }
    }
    copy
}
