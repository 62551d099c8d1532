//! What the libraries report back while they work: errors, messages, and wishes for files. It all lands in the state of
//! the calling thread, so each call gathers its own.

use super::document::{Located, Node};
use super::{owned, raw};
use crate::functions::{self, Value};
use crate::lists::Lists;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CStr, CString, c_char, c_int};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};

/// XML files by path, decoded to UTF-8. What a stylesheet or schema may load.
pub(crate) type Files = BTreeMap<String, String>;

/// The scheme under which the libraries know the files of a bundle. There is nothing behind it but the map.
const SCHEME: &str = "bundle:///";

/// More than this of one call is not kept: a bomb of errors must not cost more than its first ones.
const MAX_EVENTS: usize = 400;

/// Something that was reported, in order.
#[derive(Debug)]
pub(crate) enum Event {
    /// A structured error of libxml2.
    Error(Report),
    /// A piece of text of libxslt, with the instruction that runs.
    Text(String, Option<NodePlace>),
}

/// A structured error of libxml2.
#[derive(Debug)]
pub(crate) struct Report {
    pub(crate) domain: c_int,
    pub(crate) code: c_int,
    /// 1 is a warning.
    pub(crate) level: c_int,
    /// URI of the file, empty if libxml2 does not know.
    pub(crate) file: String,
    pub(crate) line: u32,
    /// Byte offset in the text that is parsed.
    pub(crate) offset: Option<usize>,
    pub(crate) message: String,
    /// The XPath expression at fault, or a further detail.
    pub(crate) detail: String,
    pub(crate) node: Option<NodePlace>,
    /// Address of the element that breaks a schema; looked up in its document after the validation, all in one go.
    pub(super) element: usize,
}

impl Report {
    pub(crate) const WARNING: c_int = 1;
    pub(crate) const FROM_XPATH: c_int = 12;
    pub(crate) const FROM_SCHEMA_PARSER: c_int = 16;
    pub(crate) const FROM_SCHEMA_VALIDATOR: c_int = 17;
}

/// Which element an error is about.
#[derive(Clone, Debug)]
pub(crate) struct NodePlace {
    /// URI of its document.
    pub(crate) file: String,
    /// Which element of the document, counted from 0 in document order.
    pub(crate) index: usize,
    /// Its local name.
    pub(crate) name: String,
    /// Names and positions from the root.
    pub(crate) path: String,
}

/// What was reported between [`Session::begin`] and [`Session::finish`].
#[derive(Debug, Default)]
pub(crate) struct Collected {
    pub(crate) events: Vec<Event>,
    /// Files that were loaded, by path.
    pub(crate) loaded: BTreeSet<String>,
    /// URIs that were asked for and are not in the bundle.
    pub(crate) missing: BTreeSet<String>,
}

#[derive(Default)]
struct State {
    files: Option<Arc<Files>>,
    lists: Arc<Lists>,
    /// What a function of the hub answered last; the shim copies it at once.
    answer: CString,
    collected: Collected,
}

thread_local! {
    static STATE: RefCell<State> = RefCell::default();
}

/// One use of the libraries on this thread.
pub(crate) struct Session(());

impl Session {
    /// Starts the libraries if nobody did yet, and makes `files` what this thread can load.
    pub(crate) fn begin(files: Option<Arc<Files>>) -> Self {
        static STARTED: OnceLock<()> = OnceLock::new();
        STARTED.get_or_init(|| {
            // SAFETY: called once, before any other function of the libraries; takes nothing. The security
            // preferences that it returns are kept by libxslt for the life of the process.
            let _ = unsafe { raw::rohrpost_start() };
        });
        // SAFETY: sets this thread's error handlers to functions of the shim; takes nothing.
        unsafe { raw::rohrpost_enter() };
        STATE.with_borrow_mut(|state| *state = State { files, ..State::default() });
        Self(())
    }

    /// Lends code lists to the functions that are called in this use.
    pub(crate) fn lend(&self, lists: &Arc<Lists>) {
        STATE.with_borrow_mut(|state| state.lists = Arc::clone(lists));
    }

    /// What was reported since.
    pub(crate) fn finish(self) -> Collected {
        STATE.with_borrow_mut(|state| std::mem::take(&mut state.collected))
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        STATE.with_borrow_mut(|state| *state = State::default());
    }
}

/// The path in the bundle that a URI of the libraries means; other URIs come back as they are.
pub(crate) fn file_of(uri: &str) -> String {
    percent_decoded(uri.strip_prefix(SCHEME).unwrap_or(uri))
}

/// The URI of a file in the bundle.
pub(crate) fn uri_of(path: &str) -> String {
    let escape = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'/' | b'.' | b'-' | b'_' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    SCHEME.chars().map(String::from).chain(path.bytes().map(escape)).collect()
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        let hex = tail.get(..2).and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()).filter(|_| first == b'%') {
            Some(byte) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            None => {
                bytes.push(first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The file that a URI means: by its path in the bundle; a URI of the network by its last segment, if exactly one file
/// of the bundle is called so. That is how the published schemas of others name what they import.
fn resolve<'f>(files: &'f Files, uri: &str) -> Option<(&'f String, &'f String)> {
    if uri.starts_with(SCHEME) {
        return files.get_key_value(&file_of(uri));
    }
    let remote = uri.starts_with("http://") || uri.starts_with("https://") || uri.starts_with("urn:");
    let last = uri.rsplit(['/', ':']).next().filter(|last| remote && !last.is_empty())?;
    let mut called_so = files.iter().filter(|(path, _)| path.rsplit('/').next() == Some(last));
    called_so.next().filter(|_| called_so.next().is_none())
}

fn push(state: &mut State, event: impl FnOnce() -> Event) {
    if state.collected.events.len() < MAX_EVENTS {
        let event = event();
        state.collected.events.push(event);
    }
}

/// Asked by the shim for a file of this thread's session. The bytes live as long as the session.
///
/// # Safety
/// `uri` is NULL or a NUL-terminated string, `length` points to a writable `usize`.
#[unsafe(no_mangle)]
unsafe extern "C" fn rohrpost_find(uri: *const c_char, length: *mut usize) -> *const c_char {
    // SAFETY: as the shim vouches.
    let uri = unsafe { owned(uri) };
    let found = STATE.with_borrow_mut(|state| {
        let found = state.files.as_deref().and_then(|files| resolve(files, &uri));
        match found.filter(|(_, text)| c_int::try_from(text.len()).is_ok()) {
            Some((path, text)) => {
                state.collected.loaded.insert(path.clone());
                Some((text.as_ptr(), text.len()))
            }
            None => {
                state.collected.missing.insert(uri);
                None
            }
        }
    });
    let Some((bytes, size)) = found else {
        return std::ptr::null();
    };
    // SAFETY: `length` is writable. The text is held by the session's `Arc` and never changed.
    unsafe { *length = size };
    bytes.cast()
}

/// Asked by the shim for what a function of the hub gives: 0 a text, 1 true, 2 false, -1 nothing; then `answer` says why.
/// The answer lives until the next call on this thread.
///
/// # Safety
/// `name` is NUL-terminated, `arguments` points to `count` NUL-terminated strings, `answer` is writable.
#[unsafe(no_mangle)]
unsafe extern "C" fn rohrpost_call(
    name: *const c_char,
    count: c_int,
    arguments: *const *const c_char,
    answer: *mut *const c_char,
) -> c_int {
    let count = usize::try_from(count).unwrap_or(0);
    // SAFETY: as the shim vouches; all strings live during the call. An empty list may have no address.
    let given: Vec<&str> = (0..count).map(|index| unsafe { borrowed(*arguments.add(index)) }).collect();
    // SAFETY: as above.
    let name = unsafe { borrowed(name) };
    let lists = STATE.with_borrow(|state| Arc::clone(&state.lists));
    // No panic may cross the border to C.
    let called = catch_unwind(AssertUnwindSafe(|| functions::call(&lists, name, &given)));
    let called = called.unwrap_or_else(|_| Err(format!("{name}() failed: a defect of the hub")));
    let (kind, text) = match called {
        Ok(Value::Text(text)) => (0, text),
        Ok(Value::Truth(truth)) => (if truth { 1 } else { 2 }, String::new()),
        Err(fault) => (-1, fault),
    };
    STATE.with_borrow_mut(|state| {
        state.answer = c_string(&text);
        // SAFETY: writable; the state holds the string until the next call.
        unsafe { *answer = state.answer.as_ptr() };
    });
    kind
}

/// Told by the shim of every structured error.
///
/// # Safety
/// The strings are NULL or NUL-terminated; `node` is NULL or a node that is alive during the call.
#[unsafe(no_mangle)]
unsafe extern "C" fn rohrpost_on_error(
    domain: c_int,
    code: c_int,
    level: c_int,
    file: *const c_char,
    line: c_int,
    offset: raw::Offset,
    message: *const c_char,
    detail: *const c_char,
    node: *mut raw::XmlNode,
) {
    STATE.with_borrow_mut(|state| {
        push(state, || {
            // SAFETY: as the shim vouches. Only errors of schemas are about nodes that are surely nodes.
            let (element, node) = match domain {
                Report::FROM_SCHEMA_VALIDATOR => (unsafe { address(node) }, None),
                Report::FROM_SCHEMA_PARSER => (0, unsafe { place(node) }),
                _ => (0, None),
            };
            // SAFETY: as the shim vouches.
            let (file, message, detail) = unsafe { (owned(file), owned(message), owned(detail)) };
            let line = u32::try_from(line).unwrap_or(0);
            let offset = usize::try_from(offset).ok();
            Event::Error(Report { domain, code, level, file, line, offset, message, detail, node, element })
        });
    });
}

/// Told by the shim of every piece of text.
///
/// # Safety
/// `text` is NUL-terminated; `instruction` is NULL or a node that is alive during the call.
#[unsafe(no_mangle)]
unsafe extern "C" fn rohrpost_on_text(instruction: *mut raw::XmlNode, text: *const c_char) {
    STATE.with_borrow_mut(|state| {
        // SAFETY: as the shim vouches.
        push(state, || unsafe { Event::Text(owned(text), place(instruction)) });
    });
}

/// # Safety
/// `node` is NULL or a node that is alive during the call.
unsafe fn place(node: *mut raw::XmlNode) -> Option<NodePlace> {
    // SAFETY: as the caller vouches; the `Node` does not outlive this function.
    let element = unsafe { Node::element_at(node) }?;
    // SAFETY: the document of a living node lives.
    let file = unsafe { owned(raw::rohrpost_url(element.document())) };
    let Located { index, path } = element.located();
    Some(NodePlace { file, index, name: element.name().to_owned(), path })
}

/// # Safety
/// `node` is NULL or a node that is alive during the call.
unsafe fn address(node: *mut raw::XmlNode) -> usize {
    // SAFETY: as the caller vouches.
    unsafe { Node::element_at(node) }.map_or(0, |element| element.raw().addr())
}

/// A C string of a text, cut at its first NUL: XML has none, so neither can what is looked up in it.
pub(super) fn c_string(text: &str) -> std::ffi::CString {
    let bytes = text.split('\0').next().unwrap_or_default();
    std::ffi::CString::new(bytes).unwrap_or_default()
}

/// The text behind a C string that lives as long as `'d`; empty for NULL.
///
/// # Safety
/// `text` is NULL or NUL-terminated and lives as long as `'d`.
pub(super) unsafe fn borrowed<'d>(text: *const c_char) -> &'d str {
    if text.is_null() {
        return "";
    }
    // SAFETY: as the caller vouches. libxml2 holds UTF-8, and what was parsed here was UTF-8.
    unsafe { CStr::from_ptr(text) }.to_str().unwrap_or_default()
}
