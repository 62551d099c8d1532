//! ISO Schematron (ISO/IEC 19757-3:2016) with the query language `xslt`: rules become a stylesheet of XSLT 1.0, which runs in
//! the sandbox and under the limits of all stylesheets.
//!
//! | To find | Look in |
//! |---|---|
//! | how a file is read, with what it includes | `tree` |
//! | what may stand where, and what is not carried | `structure` |
//! | phases and abstract patterns | `patterns` |
//! | what an expression names | `expression` |
//! | the stylesheet | `writer` |
//! | what a run says | `report` |

mod expression;
mod patterns;
mod report;
mod structure;
mod tree;
mod writer;

pub(crate) use tree::included;

use crate::check::XSL;
use crate::faults;
use crate::ffi::{Doc, Files, Node, Stylesheet, uri_of};
use crate::lists::Lists;
use crate::mapping::MappingFault;
use crate::running::{Limits, Run, no_thread, on_deep_stack};
use crate::schema::{Violation, sources};
use crate::standard::Picked;
use crate::xml::Xml;
use rohrpost_model::Fault;
use std::collections::BTreeMap;
use std::sync::Arc;
use writer::{Check, Origin, Written};

const ISO: &str = "http://purl.oclc.org/dsdl/schematron";

/// Compiled rules. Many threads can use them at once.
pub struct Rules {
    file: String,
    stylesheet: Stylesheet,
    /// What lies beside them, with the stylesheet in the place of the rules.
    files: Arc<Files>,
    lists: Arc<Lists>,
    origins: Vec<Origin>,
    checks: Vec<Check>,
}

/// What rules say of a document: each at most [`MAX_VIOLATIONS`](crate::MAX_VIOLATIONS), in document order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Judgement {
    /// What breaks them.
    pub violations: Vec<Violation>,
    /// What they only warn of: their `role` or `flag` is `warn`, `warning`, `info` or `information`.
    pub warnings: Vec<Violation>,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Rules({})", self.file)
    }
}

impl Rules {
    /// Compiles the rules at `path`, or reports every fault of theirs. `phase` is one of the file's, `#ALL`, or `#DEFAULT`,
    /// which is what none means: the file's default phase, or all patterns. Includes come from `files` only.
    pub fn compile(
        files: &BTreeMap<String, Vec<u8>>,
        path: &str,
        phase: Option<&str>,
    ) -> Result<Self, Vec<Fault>> {
        let (files, faults) = sources(files, &["sch", "xml"]);
        let own = faults.into_iter().filter(|fault| fault.file.ends_with(".sch")).collect::<Vec<_>>();
        if !own.is_empty() {
            return Err(own);
        }
        Self::compile_from(&files, path, phase, &Arc::default())
    }

    /// Compiles rules of a standard.
    pub fn compile_picked(picked: &Picked, phase: Option<&str>) -> Result<Self, Vec<Fault>> {
        Self::compile(picked.files(), picked.path(), phase)
    }

    pub(crate) fn compile_from(
        files: &Arc<Files>,
        path: &str,
        phase: Option<&str>,
        lists: &Arc<Lists>,
    ) -> Result<Self, Vec<Fault>> {
        on_deep_stack(|| Self::compile_here(files, path, phase, lists))
            .unwrap_or_else(|| Err(vec![no_thread()]))
    }

    fn compile_here(
        files: &Arc<Files>,
        path: &str,
        phase: Option<&str>,
        lists: &Arc<Lists>,
    ) -> Result<Self, Vec<Fault>> {
        let Written { text, origins, checks } = written(files, path, phase, lists)?;
        let mut files = Files::clone(files);
        files.insert(path.to_owned(), text.clone());
        let files = Arc::new(files);
        let cannot = |message: String| vec![Fault::of_file(path, message)];
        let doc = Doc::parse(&text, Some(&uri_of(path))).map_err(|bad| cannot(bad.message))?;
        let (stylesheet, collected) = Stylesheet::compile(doc, &files, false);
        let found = faults::of_stylesheet(&collected, &files);
        match stylesheet {
            Some(stylesheet) if found.is_empty() => {
                let lists = Arc::clone(lists);
                Self { file: path.to_owned(), stylesheet, files, lists, origins, checks }.tried()
            }
            _ if found.is_empty() => Err(cannot("the rules cannot be compiled".into())),
            _ => Err(sorted(found.into_iter().map(|fault| of_rules(path, &origins, fault, true)).collect())),
        }
    }

    /// What the rules say of any document at all, such as a variable that means itself, is their fault and known at once.
    fn tried(self) -> Result<Self, Vec<Fault>> {
        let doc = Doc::parse("<empty/>", None).map_err(|bad| vec![Fault::of_file("", bad.message)])?;
        match self.run(doc) {
            Ok(_) => Ok(self),
            Err(MappingFault::Transform(faults)) => Err(faults),
            Err(other) => Err(vec![Fault::of_file(self.file, other.to_string())]),
        }
    }

    /// The file that they begin with.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// What they say of `xml`. Rules that fail, or exceed the [default limits](Limits), say nothing of it.
    pub fn judge(&self, xml: &Xml) -> Result<Judgement, MappingFault> {
        match xml.doc().root() {
            Some(root) => self.judge_element(xml, root),
            None => Ok(Judgement::default()),
        }
    }

    /// The same for one element of `xml` with all below it, as if it were a document.
    pub(crate) fn judge_element(&self, xml: &Xml, element: Node<'_>) -> Result<Judgement, MappingFault> {
        let whole = element.parent().is_none();
        let doc = if whole { xml.doc().copy() } else { xml.doc().copy_of(element) };
        let output = self.run(doc.ok_or(MappingFault::Limit(crate::running::Limit::Memory))?)?;
        report::read(&output, &self.checks, xml, element).ok_or_else(|| {
            MappingFault::Transform(vec![Fault::of_file(&self.file, "the rules gave no report")])
        })
    }

    fn run(&self, doc: Doc) -> Result<Vec<u8>, MappingFault> {
        let run = Run { files: &self.files, lists: &self.lists, params: &[], limits: &Limits::default() };
        run.of(&self.stylesheet, doc).map(|made| made.bytes).map_err(|fault| match fault {
            MappingFault::Transform(faults) => MappingFault::Transform(
                faults.into_iter().map(|fault| of_rules(&self.file, &self.origins, fault, false)).collect(),
            ),
            other => other,
        })
    }
}

fn written(files: &Files, path: &str, phase: Option<&str>, lists: &Lists) -> Result<Written, Vec<Fault>> {
    let mut faults = Vec::new();
    let schema = tree::read(files, path, &mut faults);
    let Some(schema) = schema else { return Err(faults) };
    if let Some(fault) = structure::root(&schema) {
        return Err(vec![fault]);
    }
    structure::check(&schema, &mut faults);
    let phase = patterns::phase(&schema, phase).map_err(|fault| vec![fault])?;
    let active = patterns::active(&schema, phase, &mut faults);
    let written = writer::write(&schema, phase, &active, lists, &mut faults);
    if faults.is_empty() { Ok(written) } else { Err(sorted(faults)) }
}

fn sorted(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort();
    faults.dedup();
    faults
}

/// What libxslt says of a line of the stylesheet, as a fault of what that line was made of.
fn of_rules(path: &str, origins: &[Origin], fault: Fault, compiling: bool) -> Fault {
    let line = usize::try_from(fault.line).ok().and_then(|line| line.checked_sub(1));
    let Some(origin) = line.filter(|_| fault.file == path).and_then(|line| origins.get(line)) else {
        return fault;
    };
    let taken = || Fault { hint: fault.hint.clone(), ..origin.place.fault(fault.message.as_str()) };
    origin.not_taken().filter(|_| compiling).unwrap_or_else(taken)
}
