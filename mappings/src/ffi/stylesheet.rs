//! Compiled stylesheets.

use super::document::Doc;
use super::plain::{self, Form};
use super::raw::{self, Style};
use super::report::{Collected, Files, Session, borrowed, c_string};
use crate::lists::Lists;
use crate::xml::XmlLimits;
use std::collections::BTreeSet;
use std::ffi::{c_char, c_int, c_void};
use std::ptr::NonNull;
use std::sync::{Arc, Mutex, PoisonError};

/// A compiled stylesheet with all it imports.
pub(crate) struct Stylesheet {
    raw: NonNull<Style>,
    /// Held during a run where runs must come one after another.
    alone: Option<Mutex<()>>,
    /// How it wants its output, where [`plain`] can write it.
    form: Option<Form>,
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

/// What a stylesheet made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Made {
    pub(crate) bytes: Vec<u8>,
    /// Whether it is surely a document within the default [`XmlLimits`]. If not it may be one all the same.
    pub(crate) sound: bool,
}

impl Made {
    /// Bytes at which nothing has looked.
    pub(crate) fn unseen(bytes: Vec<u8>) -> Self {
        Self { bytes, sound: false }
    }
}

/// How a run ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ran {
    Done(Made),
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
            style.map(|raw| Self { raw, alone: alone.then(Mutex::default), form: form(raw) })
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
        let session = Session::begin(Some(Arc::clone(files)));
        session.lend(lists);
        let mut made = std::ptr::null_mut();
        // SAFETY: stylesheet and document live during the call; `pointers` ends with NULL and its texts live; `made` is
        // writable.
        let outcome = unsafe {
            raw::rohrpost_transform(
                self.raw.as_ptr(),
                doc.raw(),
                pointers.as_ptr(),
                budget.operations,
                c_int::try_from(budget.depth).unwrap_or(c_int::MAX),
                i64::try_from(budget.memory).unwrap_or(i64::MAX),
                &raw mut made,
            )
        };
        // SAFETY: NULL or a new document that nobody else owns.
        let ran = match (outcome, unsafe { Doc::own(made) }) {
            (0, Some(made)) => self.written(&made, budget.output),
            (2, _) => Ran::Operations,
            (3, _) => Ran::Memory,
            (4, _) => Ran::Stack,
            _ => Ran::Failed,
        };
        (ran, session.finish())
    }

    /// What the stylesheet made, as bytes.
    fn written(&self, made: &Doc, limit: usize) -> Ran {
        let plain =
            self.form.as_ref().and_then(|form| plain::write(made, form, &XmlLimits::default(), limit));
        match plain {
            Some(bytes) => {
                debug_assert_eq!(
                    self.saved(made, limit),
                    Ran::Done(Made::unseen(bytes.clone())),
                    "libxslt writes something else"
                );
                Ran::Done(Made { bytes, sound: true })
            }
            None => self.saved(made, limit),
        }
    }

    /// What libxslt writes of any tree.
    fn saved(&self, made: &Doc, limit: usize) -> Ran {
        let mut output = Output { bytes: Vec::new(), limit, full: false };
        // SAFETY: stylesheet and document live during the call, and nobody else has the document; `output` outlives the
        // call and is used by `write` only.
        let saved =
            unsafe { raw::rohrpost_save(self.raw.as_ptr(), made.raw(), (&raw mut output).cast(), write) };
        match saved {
            _ if output.full => Ran::Output,
            1 => Ran::Done(Made::unseen(output.bytes)),
            _ => Ran::Failed,
        }
    }
}

/// How a stylesheet wants its output written; `None` for what is not plain.
fn form(style: NonNull<Style>) -> Option<Form> {
    let mut encoding = std::ptr::null();
    let (mut omitted, mut standalone, mut indent) = (0, 0, 0);
    // SAFETY: reads a living stylesheet; the four places are writable.
    let plain = unsafe {
        raw::rohrpost_form(
            style.as_ptr(),
            &raw mut encoding,
            &raw mut omitted,
            &raw mut standalone,
            &raw mut indent,
        )
    };
    // SAFETY: NULL or NUL-terminated, and lives as long as the stylesheet.
    let encoding = unsafe { borrowed(encoding) };
    let standalone = match standalone {
        0 => " standalone=\"no\"",
        1 => " standalone=\"yes\"",
        _ => "",
    };
    let declaration = match omitted {
        1 => String::new(),
        _ => format!("<?xml version=\"1.0\" encoding=\"{encoding}\"{standalone}?>\n"),
    };
    (plain == 1).then_some(Form { declaration, indented: indent == 1, ends_line: indent != 0 })
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
