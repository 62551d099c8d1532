//! A mapping: from text to something that can be applied, and from a source to its output.

mod documents;
mod named;
mod shown;

pub use documents::{DOCUMENTS_NAMESPACE, Output};
pub use shown::Unchecked;

use crate::bundle::Bundle;
use crate::check::Gate;
use crate::envelope;
use crate::facts::Facts;
use crate::ffi::{Doc, Files, Made, Stylesheet, uri_of};
use crate::lists::{Asked, CodeList, Lists};
use crate::manifest::{MANIFEST, Manifest, RulesRef, SchemaRef};
use crate::running::{Limit, Limits, Run, no_thread, on_deep_stack};
use crate::schema::{Schema, Violation, sources};
use crate::schematron::Rules;
use crate::xml::{Xml, XmlLimits, parse_text};
use crate::{check, faults, standard};
use documents::Beside;
use rohrpost_model::{Digest, DocumentName, Fault, MappingName};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;

/// Why a mapping gave no output, sorted by whose it is. The texts inside may quote content: they go to whoever runs the
/// mapping by hand and into no log.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MappingFault {
    /// The source's: it breaks the source schema or the rules of the source.
    #[error("the source breaks its schema in {} places", .0.len())]
    Source(Vec<Violation>),
    /// The mapping's: its output breaks the target schema or the rules of the target, or is not well-formed.
    #[error("the output breaks its schema in {} places", .0.len())]
    Target(Vec<Violation>),
    /// The same of a document that it makes beside the message.
    #[error("the document `{0}` breaks its schema in {n} places", n = .1.len())]
    Document(DocumentName, Vec<Violation>),
    /// The mapping's: the stylesheet, or the rules of a side, failed, or ended itself with `xsl:message terminate="yes"`.
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
    source: Gate,
    target: Gate,
    /// What it makes beside the message.
    beside: BTreeMap<DocumentName, Beside>,
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

/// Keeps the name of a gate apart from that of a mapping.
const SOURCE_RULES: &[u8] = b"source rules of ";

impl Mapping {
    /// Compiles a mapping, or reports every fault of its `mapping.toml`, stylesheets and schemas.
    pub fn compile(bundle: &Bundle) -> Result<Self, Vec<Fault>> {
        on_deep_stack(|| Self::compile_here(bundle)).unwrap_or_else(|| Err(vec![no_thread()]))
    }

    fn compile_here(bundle: &Bundle) -> Result<Self, Vec<Fault>> {
        let (all, mut faults) = sources(&bundle.files, &["xsl", "xslt", "xsd", "xml", "sch"]);
        let files = own(&all);
        let broken: BTreeSet<_> = faults.iter().map(|fault| fault.file.clone()).collect();
        let Some(mut manifest) = Manifest::read(bundle, &mut faults) else {
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
        let beside: Vec<_> = manifest.documents.values().map(|table| schema(&table.schema)).collect();
        let lists = Arc::new(lists(bundle, &manifest, &mut faults));
        let mut rules = |named: &Option<RulesRef>| {
            let RulesRef { file, phase } = named.as_ref().filter(|named| !broken.contains(&named.file))?;
            // Rules of a standard see its files, and not those of the mapping.
            let files = if file.starts_with(standard::RESERVED) { &all } else { &files };
            let compiled = Rules::compile_from(files, file, phase.as_deref(), &lists);
            compiled.map_err(|more| faults.extend(more)).ok()
        };
        let source = Gate { schema: source, rules: rules(&manifest.source_rules) };
        let target = Gate { schema: target, rules: rules(&manifest.target_rules) };
        let beside = std::mem::take(&mut manifest.documents).into_iter().zip(beside);
        let beside = beside.map(|((name, table), schema)| {
            let gate = Gate { schema, rules: rules(&table.rules) };
            (name, Beside { table, gate })
        });
        let beside = beside.collect();
        let path = manifest.transform.as_ref().filter(|path| !broken.contains(*path));
        let transform = path.and_then(|path| Transform::compile(&files, path, &manifest, &mut faults));
        if !faults.is_empty() {
            return Err(sorted(faults));
        }
        let (name, digest) = (bundle.name.clone(), bundle.digest());
        Ok(Self { name, digest, manifest, transform, source, target, beside, files, lists })
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
        self.source.schema.as_ref()
    }

    /// The rules of its source.
    pub fn source_rules(&self) -> Option<&Rules> {
        self.source.rules.as_ref()
    }

    /// The schema of its output.
    pub fn target_schema(&self) -> Option<&Schema> {
        self.target.schema.as_ref()
    }

    /// The rules of its output.
    pub fn target_rules(&self) -> Option<&Rules> {
        self.target.rules.as_ref()
    }

    /// Names what its source must fit, schema and rules: what fits one fits all that are named alike. `None` if anything does.
    pub fn source_gate(&self) -> Option<Digest> {
        let schema = self.source.schema.as_ref().map(Schema::digest);
        // Rules can read the mapping's code lists and other files, so they are those of this version alone.
        let whole =
            self.source.rules.is_some().then(|| Digest::of(&[SOURCE_RULES, self.digest.as_bytes()].concat()));
        whole.or(schema)
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

    /// Whether the source fits [`Mapping::source_schema`] and [`Mapping::source_rules`]; without them anything does.
    pub fn validate_source(&self, source: &Xml) -> Result<(), MappingFault> {
        let violations = self.source.of_document(source)?;
        if violations.is_empty() { Ok(()) } else { Err(MappingFault::Source(violations)) }
    }

    /// The same for a source that [`Mapping::validate_source`] has found valid before.
    pub fn apply_valid(&self, source: &Xml, facts: &Facts, limits: &Limits) -> Result<Vec<u8>, MappingFault> {
        match &self.transform {
            Some(transform) => {
                let made = self.run(transform, self.input(source, facts)?, facts, limits)?;
                self.finished(made).map(|output| output.message)
            }
            None => self.finished(Made::unseen(source.bytes().to_vec())).map(|output| output.message),
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
            None => Made::unseen(source.bytes().to_vec()),
            Some(transform) if self.manifest.envelope => {
                self.run(transform, self.input(&source, facts)?, facts, limits)?
            }
            Some(transform) => self.run(transform, source.into_doc(), facts, limits)?,
        };
        Ok(Unchecked(made))
    }

    /// The message, if what the stylesheet made is what the mapping may give.
    pub fn check(&self, made: Unchecked) -> Result<Vec<u8>, MappingFault> {
        self.finished(made.0).map(|output| output.message)
    }

    /// What the stylesheet sees; a run may change it.
    fn input(&self, source: &Xml, facts: &Facts) -> Result<Doc, MappingFault> {
        let doc = match self.manifest.envelope {
            true => envelope::wrap(source, self.with_names(facts)?.as_ref()),
            false => source.doc().copy(),
        };
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
        self.finished(self.transformed_envelope(envelope, params, limits)?).map(|output| output.message)
    }

    /// What the stylesheet makes of an envelope whose data fit.
    fn transformed_envelope(
        &self,
        envelope: &Xml,
        params: &Facts,
        limits: &Limits,
    ) -> Result<Made, MappingFault> {
        let not_one = || {
            MappingFault::Transform(vec![Fault::of_file(
                MANIFEST,
                "the file is not an envelope with one element in hub:data",
            )])
        };
        let data = envelope::data_of(envelope).ok_or_else(not_one)?;
        let facts =
            Facts { params: params.params.clone(), ..envelope::facts_of(envelope).ok_or_else(not_one)? };
        let violations = self.source.violations(envelope, data)?;
        if !violations.is_empty() {
            return Err(MappingFault::Source(violations));
        }
        let transform = self.transform.as_ref().filter(|_| self.manifest.envelope).ok_or_else(|| {
            MappingFault::Transform(vec![
                Fault::of_file(MANIFEST, "the mapping does not take an envelope")
                    .hint("input = \"envelope\""),
            ])
        })?;
        let called = self.called_by_rule(envelope, &facts)?;
        let doc =
            called.as_ref().unwrap_or(envelope).doc().copy().ok_or(MappingFault::Limit(Limit::Memory))?;
        self.run(transform, doc, &facts, limits)
    }

    fn run(
        &self,
        transform: &Transform,
        doc: Doc,
        facts: &Facts,
        limits: &Limits,
    ) -> Result<Made, MappingFault> {
        let params = self.bound(transform, facts)?;
        let run = Run { files: &self.files, lists: &self.lists, params: &params, limits };
        run.of(&transform.stylesheet, doc)
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

fn sorted(mut faults: Vec<Fault>) -> Vec<Fault> {
    faults.sort();
    faults.dedup();
    faults
}
