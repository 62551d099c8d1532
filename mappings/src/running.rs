//! Running a compiled stylesheet within limits.

use crate::faults;
use crate::ffi::{Budget, Collected, Doc, Files, Made, Ran, Stylesheet, stack_left};
use crate::lists::Lists;
use crate::mapping::MappingFault;
use rohrpost_model::Fault;
use std::fmt;
use std::sync::Arc;

/// What one application may use. All are counts, so the same application ends the same way on every machine and under
/// every load; no clock is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size of the output in bytes.
    pub output_bytes: usize,
    /// Memory in bytes that a run may take for its trees and strings.
    pub memory_bytes: usize,
    /// Instructions of XSLT and, counted apart, steps of XPath (a step for each node that is looked at). This stands for
    /// time: the default is a few seconds of one core.
    pub operations: u64,
    /// How deep templates may call each other.
    pub depth: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self { output_bytes: 64 << 20, memory_bytes: 256 << 20, operations: 50_000_000, depth: 3000 }
    }
}

/// Which limit was exceeded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// [`Limits::output_bytes`].
    Output,
    /// [`Limits::memory_bytes`].
    Memory,
    /// [`Limits::operations`].
    Operations,
    /// [`Limits::depth`].
    Depth,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Output => "output",
            Self::Memory => "memory",
            Self::Operations => "operations",
            Self::Depth => "depth",
        })
    }
}

/// What a run is given.
pub(crate) struct Run<'r> {
    pub(crate) files: &'r Arc<Files>,
    pub(crate) lists: &'r Arc<Lists>,
    pub(crate) params: &'r [(&'r str, &'r str)],
    pub(crate) limits: &'r Limits,
}

impl Run<'_> {
    /// What `stylesheet` makes of `doc`, which the run may change.
    pub(crate) fn of(&self, stylesheet: &Stylesheet, doc: Doc) -> Result<Made, MappingFault> {
        let Limits { operations, depth, memory_bytes: memory, output_bytes: output } = *self.limits;
        let budget = Budget { operations, depth, memory, output };
        let run = || stylesheet.run(doc, self.files, self.lists, self.params, budget);
        let (ran, collected) =
            on_deep_stack(run).ok_or_else(|| MappingFault::Transform(vec![no_thread()]))?;
        match ran {
            // libxslt goes on after some errors. Output of a run with an error is no output.
            Ran::Done(made) if faults::of_stylesheet(&collected, self.files).is_empty() => Ok(made),
            Ran::Done(_) => Err(failed(&collected, self.files)),
            Ran::Output => Err(MappingFault::Limit(Limit::Output)),
            Ran::Memory => Err(MappingFault::Limit(Limit::Memory)),
            Ran::Operations => Err(MappingFault::Limit(Limit::Operations)),
            Ran::Stack => Err(MappingFault::Limit(Limit::Depth)),
            Ran::Failed => Err(failed(&collected, self.files)),
        }
    }
}

fn failed(collected: &Collected, files: &Files) -> MappingFault {
    let mut found = faults::of_stylesheet(collected, files);
    let too_deep =
        |fault: &Fault| fault.message.contains("nfinite") || fault.message.contains("Recursion limit");
    if found.iter().any(too_deep) {
        return MappingFault::Limit(Limit::Depth);
    }
    if found.is_empty() {
        let ended = faults::last_message(collected, files);
        found.push(ended.unwrap_or_else(|| Fault::of_file("", "the stylesheet failed")));
    }
    MappingFault::Transform(found)
}

pub(crate) fn no_thread() -> Fault {
    Fault::of_file("", "the machine has no thread left for the mapping")
}

/// libxslt and libxml2 recurse to compile, to run and to copy. [`Limits::depth`] bounds calls, but a stylesheet can build
/// a tree that is far deeper and copy it; neither must exhaust the caller's stack, for that would end the process. Pages
/// of a stack are taken only as they are touched. A caller whose own stack is about as large is spared the thread. What
/// would need more than that ends as [`Limit::Depth`].
pub(crate) fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    const STACK_BYTES: usize = 64 << 20;
    if stack_left() >= STACK_BYTES / 4 * 3 {
        return Some(work());
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        thread.ok()?.join().ok()
    })
}
