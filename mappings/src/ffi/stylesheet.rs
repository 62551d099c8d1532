//! Compiled stylesheets.

use super::document::Doc;
use super::raw::{self, Style};
use super::report::{Collected, Files, Session, borrowed, c_string};
use crate::lists::Lists;
use std::collections::BTreeSet;
use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

/// A compiled stylesheet with all it imports.
pub(crate) struct Stylesheet {
    raw: NonNull<Style>,
    /// Held during a run where runs must come one after another.
    alone: Option<Mutex<()>>,
}

// SAFETY: a stylesheet belongs to this value alone.
unsafe impl Send for Stylesheet {}
// SAFETY: libxslt documents that a compiled stylesheet can be used by many threads, and a run keeps what it changes in
// its own context. One exception: an XPath function call remembers the function it found in the compiled expression
// (`op->cache`, `op->cacheURI`). Every thread writes the same two words there, and the function pointer is the same for
// all, so a torn pair shows the right function with its namespace still missing. Only `func:function` looks at that
// namespace; a stylesheet that declares one runs on one thread at a time (`alone`).
unsafe impl Sync for Stylesheet {}

impl Drop for Stylesheet {
    fn drop(&mut self) {
        // SAFETY: owned by this value, and no run goes on while it is dropped. Frees the document, too.
        unsafe { raw::xsltFreeStylesheet(self.raw.as_ptr()) }
    }
}

/// What a run may use. All are counts, none is a clock: the same run ends the same way everywhere.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub(crate) operations: u64,
    pub(crate) depth: u32,
    pub(crate) memory: usize,
    pub(crate) output: usize,
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    Done(Vec<u8>),
    Failed,
    Operations,
    Memory,
    Output,
    Stack,
}

struct Output {
    bytes: Vec<u8>,
    limit: usize,
    full: bool,
}

impl Stylesheet {
    /// Compiles `text`, the stylesheet at `uri`, with what it includes and imports from `files`.
    pub(crate) fn compile(doc: Doc, files: &Arc<Files>, alone: bool) -> (Option<Self>, Collected) {
        let session = Session::begin(Some(Arc::clone(files)));
        let doc = doc.into_raw();
        // SAFETY: `doc` is a living document that belongs to nobody else. A stylesheet takes it over; where none is
        // made it stays ours.
        let style = unsafe {
            let style = NonNull::new(raw::xsltParseStylesheetDoc(doc));
            if style.is_none() {
                raw::xmlFreeDoc(doc);
            }
            style.map(|raw| Self { raw, alone: alone.then(Mutex::default) })
        };
        // SAFETY: reads a number of a living stylesheet.
        let sound = |style: &Self| unsafe { raw::rohrpost_errors(style.raw.as_ptr()) } == 0;
        (style.filter(sound), session.finish())
    }

    /// The names of its global parameters that are in no namespace.
    pub(crate) fn params(&self) -> BTreeSet<String> {
        extern "C" fn each(names: *mut c_void, name: *const c_char) {
            // SAFETY: `names` is the set below, which nobody else uses during the call; `name` is NUL-terminated.
            unsafe { (*names.cast::<BTreeSet<String>>()).insert(borrowed(name).to_owned()) };
        }
        let mut names = BTreeSet::new();
        // SAFETY: a living stylesheet; the set outlives the call.
        unsafe { raw::rohrpost_params(self.raw.as_ptr(), (&raw mut names).cast(), each) };
        names
    }

    /// Whether its output is indented (`xsl:output indent="yes"`).
    pub(crate) fn indents(&self) -> bool {
        // SAFETY: reads a number of a living stylesheet.
        unsafe { raw::rohrpost_indents(self.raw.as_ptr()) == 1 }
    }

    /// Runs on `doc`, which the run may change. The values of `params` are bound as strings.
    pub(crate) fn run(
        &self,
        doc: Doc,
        files: &Arc<Files>,
        lists: &Arc<Lists>,
        params: &[(&str, &str)],
        budget: Budget,
    ) -> (Ran, Collected) {
        let _alone = self.alone.as_ref().map(|mutex| mutex.lock().unwrap_or_else(PoisonError::into_inner));
        let texts: Vec<_> =
            params.iter().flat_map(|(name, value)| [c_string(name), c_string(value)]).collect();
        let mut pointers: Vec<*const c_char> = texts.iter().map(|text| text.as_ptr()).collect();
        pointers.push(std::ptr::null());
        let mut output = Output { bytes: Vec::new(), limit: budget.output, full: false };
        let session = Session::begin(Some(Arc::clone(files)));
        session.lend(lists);
        // SAFETY: stylesheet and document live during the call; `pointers` ends with NULL and its texts live; `output`
        // outlives the call and is used by `write` only.
        let outcome = unsafe {
            raw::rohrpost_transform(
                self.raw.as_ptr(),
                doc.raw(),
                pointers.as_ptr(),
                budget.operations,
                c_int::try_from(budget.depth).unwrap_or(c_int::MAX),
                i64::try_from(budget.memory).unwrap_or(i64::MAX),
                (&raw mut output).cast(),
                write,
            )
        };
        let ran = match outcome {
            _ if output.full => Ran::Output,
            0 => Ran::Done(output.bytes),
            2 => Ran::Operations,
            3 => Ran::Memory,
            5 => Ran::Stack,
            _ => Ran::Failed,
        };
        (ran, session.finish())
    }
}

/// Takes a piece of output, up to the limit.
extern "C" fn write(output: *mut c_void, bytes: *const c_char, length: c_int) -> c_int {
    let size = usize::try_from(length).unwrap_or(0);
    if size == 0 {
        return 0;
    }
    // SAFETY: `output` is the value that `run` handed in, which nobody else uses during the call; `bytes` holds `length`
    // bytes.
    let (output, bytes) =
        unsafe { (&mut *output.cast::<Output>(), std::slice::from_raw_parts(bytes.cast(), size)) };
    if output.bytes.len() + size > output.limit {
        output.full = true;
        return -1;
    }
    output.bytes.extend_from_slice(bytes);
    length
}
