//! A mapping: from text to something that can be applied, and from a source to its output.

mod shown;

pub use shown::Unchecked;

use crate::bundle::Bundle;
use crate::envelope;
use crate::facts::Facts;
use crate::ffi::{Budget, Doc, Files, Ran, Stylesheet, stack_left, uri_of};
use crate::lists::{Asked, CodeList, Lists};
use crate::manifest::{MANIFEST, Manifest, SchemaRef};
use crate::schema::{Schema, Violation, sources};
use crate::xml::{Xml, XmlLimits, parse_text};
use crate::{check, faults, standard};
use rohrpost_model::{Digest, Fault, MappingName};
use std::collections::BTreeSet;
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

/// Why a mapping gave no output, sorted by whose it is. The texts inside may quote content: they go to whoever runs the
/// mapping by hand and into no log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingFault {
    /// The source's: it breaks the source schema.
    #[error("the source breaks its schema in {} places", .0.len())]
    Source(Vec<Violation>),
    /// The mapping's: its output breaks the target schema, or is not well-formed.
    #[error("the output breaks its schema in {} places", .0.len())]
    Target(Vec<Violation>),
    /// The mapping's: the stylesheet failed, or ended itself with `xsl:message terminate="yes"`.
    #[error("the stylesheet failed{}", .0.first().map_or(String::new(), |fault| format!(" at {}:{}:{}", fault.file, fault.line, fault.column)))]
    Transform(Vec<Fault>),
    /// It wanted more than it may have.
    #[error("the mapping exceeds the limit of its {0}")]
    Limit(Limit),
}

/// A compiled mapping. Many threads can apply it at once.
pub struct Mapping {
    name: MappingName,
    digest: Digest,
    manifest: Manifest,
    transform: Option<Transform>,
    source: Option<Schema>,
    target: Option<Schema>,
    files: Arc<Files>,
    lists: Arc<Lists>,
}

struct Transform {
    stylesheet: Stylesheet,
    /// The global parameters that it declares.
    params: BTreeSet<String>,
}

impl fmt::Debug for Mapping {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mapping({}, {})", self.name, self.digest)
    }
}

impl Mapping {
    /// Compiles a mapping, or reports every fault of its `mapping.toml`, stylesheets and schemas.
    pub fn compile(bundle: &Bundle) -> Result<Self, Vec<Fault>> {
        on_deep_stack(|| Self::compile_here(bundle)).unwrap_or_else(|| Err(vec![no_thread()]))
    }

    fn compile_here(bundle: &Bundle) -> Result<Self, Vec<Fault>> {
        let (all, mut faults) = sources(&bundle.files, &["xsl", "xslt", "xsd", "xml"]);
        let files = own(&all);
        let broken: BTreeSet<_> = faults.iter().map(|fault| fault.file.clone()).collect();
        let Some(manifest) = Manifest::read(bundle, &mut faults) else {
            return Err(faults);
        };
        let mut schema = |named: &Option<SchemaRef>| {
            let compiled = match named.as_ref()? {
                SchemaRef::Own(path) if broken.contains(path) => return None,
                SchemaRef::Own(path) => Schema::compile_from(&files, path),
                SchemaRef::Standard(side) => {
                    let (path, files) = standard::of_bundle(bundle, &all, side)?;
                    Schema::compile_from(&files, &path)
                }
            };
            compiled.map_err(|more| faults.extend(more)).ok()
        };
        let (source, target) = (schema(&manifest.source), schema(&manifest.target));
        let lists = lists(bundle, &manifest, &mut faults);
        let path = manifest.transform.as_ref().filter(|path| !broken.contains(*path));
        let transform = path.and_then(|path| Transform::compile(&files, path, &manifest, &mut faults));
        if !faults.is_empty() {
            return Err(sorted(faults));
        }
        let (name, digest) = (bundle.name.clone(), bundle.digest());
        Ok(Self { name, digest, manifest, transform, source, target, files, lists: Arc::new(lists) })
    }

    /// Its name.
    pub fn name(&self) -> &MappingName {
        &self.name
    }

    /// Names its content: the digest of the bundle that it was compiled from.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The schema of its source.
    pub fn source_schema(&self) -> Option<&Schema> {
        self.source.as_ref()
    }

    /// The schema of its output.
    pub fn target_schema(&self) -> Option<&Schema> {
        self.target.as_ref()
    }

    /// The media type of its output.
    pub fn media_type(&self) -> &str {
        &self.manifest.media_type
    }

    /// Whether its source is JSON: then it is applied to what [`Xml::from_json`] makes of it.
    pub fn takes_json(&self) -> bool {
        self.manifest.takes_json
    }

    /// Whether its stylesheet sees the data in the hub's envelope.
    pub fn takes_envelope(&self) -> bool {
        self.manifest.envelope
    }

    /// The parameters of its own that it documents, with their defaults.
    pub fn params(&self) -> impl Iterator<Item = (&str, &str)> {
        self.manifest.params.iter().map(|(name, param)| (name.as_str(), param.default.as_str()))
    }

    /// Whether its output is indented, so that white space between elements means nothing.
    pub(crate) fn indents(&self) -> bool {
        self.transform.as_ref().is_some_and(|transform| transform.stylesheet.indents())
    }

    /// Applies the mapping to `source`, the data as they came in: validates them, transforms, validates the output. With
    /// `input = "envelope"` the data are always wrapped, even data that are an envelope: no sender can forge one.
    pub fn apply(&self, source: &Xml, facts: &Facts, limits: &Limits) -> Result<Vec<u8>, MappingFault> {
        self.validate_source(source)?;
        self.apply_valid(source, facts, limits)
    }

    /// Whether the source fits [`Mapping::source_schema`]; without one anything does.
    pub fn validate_source(&self, source: &Xml) -> Result<(), MappingFault> {
        let violations = self.source.as_ref().map_or_else(Vec::new, |schema| schema.validate(source));
        if violations.is_empty() { Ok(()) } else { Err(MappingFault::Source(violations)) }
    }

    /// The same for a source that [`Mapping::source_schema`] has found valid before.
    pub fn apply_valid(&self, source: &Xml, facts: &Facts, limits: &Limits) -> Result<Vec<u8>, MappingFault> {
        match &self.transform {
            Some(transform) => self.done(self.run(transform, self.input(source, facts)?, facts, limits)?),
            None => self.checked(source.bytes().to_vec()),
        }
    }

    /// The same for a source that is not needed any more: a stylesheet that sees the data alone runs on them and not on a
    /// copy.
    pub fn apply_valid_once(
        &self,
        source: Xml,
        facts: &Facts,
        limits: &Limits,
    ) -> Result<Vec<u8>, MappingFault> {
        self.check(self.transform_valid_once(source, facts, limits)?)
    }

    /// What the stylesheet makes of a source that is not needed any more, before anything looked at it. Together with
    /// [`Mapping::check`] it is [`Mapping::apply_valid_once`].
    pub fn transform_valid_once(
        &self,
        source: Xml,
        facts: &Facts,
        limits: &Limits,
    ) -> Result<Unchecked, MappingFault> {
        let made = match &self.transform {
            None => source.bytes().to_vec(),
            Some(transform) if self.manifest.envelope => {
                self.run(transform, self.input(&source, facts)?, facts, limits)?
            }
            Some(transform) => self.run(transform, source.into_doc(), facts, limits)?,
        };
        Ok(Unchecked(made))
    }

    /// The output, if it is one that the mapping may give.
    pub fn check(&self, made: Unchecked) -> Result<Vec<u8>, MappingFault> {
        match self.transform {
            Some(_) => self.done(made.0),
            None => self.checked(made.0),
        }
    }

    /// What the stylesheet sees; a run may change it.
    fn input(&self, source: &Xml, facts: &Facts) -> Result<Doc, MappingFault> {
        let doc = if self.manifest.envelope { envelope::wrap(source, facts) } else { source.doc().copy() };
        doc.ok_or(MappingFault::Limit(Limit::Memory))
    }

    /// Applies the mapping to an envelope that is taken as it is: for cases and `rohrpost map`, never for what a sender
    /// handed in. The facts are the envelope's own, `params` the mapping's parameters.
    pub fn apply_to_envelope(
        &self,
        envelope: &Xml,
        params: &Facts,
        limits: &Limits,
    ) -> Result<Vec<u8>, MappingFault> {
        let not_one = || {
            MappingFault::Transform(vec![Fault::of_file(
                MANIFEST,
                "the file is not an envelope with one element in hub:data",
            )])
        };
        let data = envelope::data_of(envelope).ok_or_else(not_one)?;
        let facts =
            Facts { params: params.params.clone(), ..envelope::facts_of(envelope).ok_or_else(not_one)? };
        let violations =
            self.source.as_ref().map_or_else(Vec::new, |schema| schema.validate_element(envelope, data));
        if !violations.is_empty() {
            return Err(MappingFault::Source(violations));
        }
        let transform = self.transform.as_ref().filter(|_| self.manifest.envelope).ok_or_else(|| {
            MappingFault::Transform(vec![
                Fault::of_file(MANIFEST, "the mapping does not take an envelope")
                    .hint("input = \"envelope\""),
            ])
        })?;
        let doc = envelope.doc().copy().ok_or(MappingFault::Limit(Limit::Memory))?;
        self.done(self.run(transform, doc, &facts, limits)?)
    }

    fn run(
        &self,
        transform: &Transform,
        doc: Doc,
        facts: &Facts,
        limits: &Limits,
    ) -> Result<Vec<u8>, MappingFault> {
        let params = self.bound(transform, facts)?;
        let budget = Budget {
            operations: limits.operations,
            depth: limits.depth,
            memory: limits.memory_bytes,
            output: limits.output_bytes,
        };
        let run = || transform.stylesheet.run(doc, &self.files, &self.lists, &params, budget);
        let (ran, collected) =
            on_deep_stack(run).ok_or_else(|| MappingFault::Transform(vec![no_thread()]))?;
        match ran {
            // libxslt goes on after some errors. Output of a run with an error is no output.
            Ran::Done(output) if faults::of_stylesheet(&collected, &self.files).is_empty() => Ok(output),
            Ran::Done(_) => Err(failed(&collected, &self.files)),
            Ran::Output => Err(MappingFault::Limit(Limit::Output)),
            Ran::Memory => Err(MappingFault::Limit(Limit::Memory)),
            Ran::Operations => Err(MappingFault::Limit(Limit::Operations)),
            Ran::Stack => Err(MappingFault::Limit(Limit::Depth)),
            Ran::Failed => Err(failed(&collected, &self.files)),
        }
    }

    /// The parameters for a run: the hub's facts where the stylesheet declares them, and the mapping's own.
    fn bound<'f>(
        &'f self,
        transform: &Transform,
        facts: &'f Facts,
    ) -> Result<Vec<(&'f str, &'f str)>, MappingFault> {
        if let Some(unknown) = facts.params.keys().find(|name| !self.manifest.params.contains_key(*name)) {
            let known: Vec<_> = self.params().map(|(name, _)| name).collect();
            let fault = Fault::of_file(MANIFEST, format!("the mapping has no parameter `{unknown}`"));
            return Err(MappingFault::Transform(vec![fault.hint(format!("it has: {}", known.join(", ")))]));
        }
        let own = self
            .params()
            .map(|(name, default)| (name, facts.params.get(name).map_or(default, String::as_str)));
        Ok(facts
            .texts()
            .into_iter()
            .filter(|(name, _)| transform.params.contains(*name))
            .chain(own)
            .collect())
    }

    /// A target schema holds for what the stylesheet made, before it becomes JSON.
    fn done(&self, output: Vec<u8>) -> Result<Vec<u8>, MappingFault> {
        if !self.manifest.gives_json {
            return self.checked(output);
        }
        let violations = check::output(&output, "application/xml", self.target.as_ref());
        if !violations.is_empty() {
            return Err(MappingFault::Target(violations));
        }
        check::json_of(&output).map_err(|violation| MappingFault::Target(vec![violation]))
    }

    fn checked(&self, output: Vec<u8>) -> Result<Vec<u8>, MappingFault> {
        let violations = check::output(&output, self.media_type(), self.target.as_ref());
        if violations.is_empty() { Ok(output) } else { Err(MappingFault::Target(violations)) }
    }
}

impl Transform {
    fn compile(files: &Arc<Files>, path: &str, manifest: &Manifest, faults: &mut Vec<Fault>) -> Option<Self> {
        let Some(text) = files.get(path) else {
            faults.push(Fault::of_file(path, "is not named like a stylesheet").hint("name it .xsl"));
            return None;
        };
        let limits = XmlLimits { bytes: usize::MAX, attributes: u32::MAX, ..XmlLimits::default() };
        let doc = parse_text(text, &limits, Some(&uri_of(path))).ok()?;
        let look = check::stylesheets(files, manifest.lists.keys());
        let (stylesheet, collected) = Stylesheet::compile(doc, files, look.declares_functions);
        let mut found = faults::of_stylesheet(&collected, files);
        if stylesheet.is_none() && found.is_empty() {
            found.push(Fault::of_file(path, "is no stylesheet that can be compiled"));
        }
        let clean = found.is_empty() && look.faults.is_empty();
        faults.extend(found);
        faults.extend(look.faults);
        let stylesheet = stylesheet.filter(|_| clean)?;
        let params = stylesheet.params();
        for (name, param) in manifest.params.iter().filter(|(name, _)| !params.contains(*name)) {
            let (line, column) = param.place;
            let message = format!("no stylesheet declares the parameter `{name}`");
            faults.push(
                Fault::at(MANIFEST, line, column, message)
                    .hint(format!("write <xsl:param name=\"{name}\"/> there")),
            );
        }
        Some(Self { stylesheet, params })
    }
}

fn lists(bundle: &Bundle, manifest: &Manifest, faults: &mut Vec<Fault>) -> Lists {
    let mut lists = Lists::default();
    for (name, list) in &manifest.lists {
        let bytes = bundle.files.get(&list.file).map_or(&[][..], Vec::as_slice);
        let asked = Asked { key: list.key.as_deref(), value: list.value.as_deref() };
        match CodeList::read(name, &list.file, bytes, asked) {
            Ok(list) => lists.insert(list),
            Err(more) => faults.extend(more),
        }
    }
    lists
}

/// The files that lie in the mapping's folder: a stylesheet does not see those of standards.
fn own(all: &Arc<Files>) -> Arc<Files> {
    if !all.keys().any(|path| path.starts_with(standard::RESERVED)) {
        return Arc::clone(all);
    }
    let own = all.iter().filter(|(path, _)| !path.starts_with(standard::RESERVED));
    Arc::new(own.map(|(path, text)| (path.clone(), text.clone())).collect())
}

fn failed(collected: &crate::ffi::Collected, files: &Files) -> MappingFault {
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

fn sorted(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort();
    faults.dedup();
    faults
}

fn no_thread() -> Fault {
    Fault::of_file("", "the machine has no thread left for the mapping")
}

/// libxslt and libxml2 recurse to compile, to run and to copy. [`Limits::depth`] bounds calls, but a stylesheet can build
/// a tree that is far deeper and copy it; neither must exhaust the caller's stack, for that would end the process. Pages
/// of a stack are taken only as they are touched. A caller whose own stack is about as large is spared the thread. What
/// would need more than that ends as [`Limit::Depth`].
fn on_deep_stack<T: Send>(work: impl FnOnce() -> T + Send) -> Option<T> {
    const STACK_BYTES: usize = 64 << 20;
    if stack_left() >= STACK_BYTES / 4 * 3 {
        return Some(work());
    }
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK_BYTES).spawn_scoped(scope, work);
        thread.ok()?.join().ok()
    })
}
