//! A standard with its files, before and after it is installed.

use super::links::{self, Unlinked};
use super::record::{ADD_AGAIN, CatalogEntry, FileRecord, Record, STANDARD_MANIFEST};
use super::references::{Outline, Reference, is_remote, outlines};
use super::{RESERVED, Shelf, StandardId};
use crate::schema::{Schema, sources};
use rohrpost_model::{Digest, Fault};
use std::collections::{BTreeMap, BTreeSet};

/// An edition of a standard.
pub struct Standard {
    id: StandardId,
    files: BTreeMap<String, Vec<u8>>,
    outlines: BTreeMap<String, Outline>,
    /// The schemas that cannot be read. Where no other one asks for them, the others are of use without them.
    broken: Vec<Fault>,
    record: Record,
}

/// A schema of a package that no other one of it asks for, and why it does not compile, if so.
pub struct Root {
    /// Its path in the package.
    pub path: String,
    /// What is wrong with it.
    pub faults: Vec<Fault>,
}

impl std::fmt::Debug for Standard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Standard({}, {})", self.id, self.record.content)
    }
}

impl Standard {
    /// Makes a standard of a package's files, or names everything that keeps it from being one. A schema that cannot be read
    /// keeps it only if another one needs it; [`roots`](Self::roots) names it. What the package imports and does not hold
    /// comes from `shelf`, from the standards `among` where some are named.
    pub fn of_package(
        id: StandardId,
        files: BTreeMap<String, Vec<u8>>,
        shelf: &Shelf,
        among: &[StandardId],
    ) -> Result<Self, Vec<Fault>> {
        let (mut made, mut faults) = (Self::of_files(id, files), Vec::new());
        if made.outlines.is_empty() && made.broken.is_empty() {
            faults.push(Fault::of_file(".", "the package holds no schema").hint("a schema is a file *.xsd"));
        }
        if made.files.contains_key(STANDARD_MANIFEST) {
            let message = "is the name of the file in which Rohrpost notes what it installed";
            faults
                .push(Fault::of_file(STANDARD_MANIFEST, message).hint("give the folder as it was published"));
        }
        let catalog = made.link(shelf, among, &mut faults);
        if !faults.is_empty() || made.outlines.is_empty() {
            faults.splice(..0, std::mem::take(&mut made.broken));
            return Err(faults);
        }
        made.record = made.recorded(catalog);
        Ok(made)
    }

    /// Reads an installed one: `files` are all that lie in its folder. A file that is not as it was installed is a fault.
    pub fn of_folder(id: StandardId, mut files: BTreeMap<String, Vec<u8>>) -> Result<Self, Vec<Fault>> {
        let whole = |message: &str| vec![Fault::of_file(STANDARD_MANIFEST, message).hint(ADD_AGAIN)];
        let manifest = files.remove(STANDARD_MANIFEST).ok_or_else(|| whole("the file is missing"))?;
        let text = String::from_utf8(manifest).map_err(|_| whole("the file is not UTF-8"))?;
        let record = Record::read(&text, STANDARD_MANIFEST).map_err(|fault| vec![fault])?;
        if (record.name.as_str(), record.version.as_str()) != (id.name(), id.version()) {
            return Err(whole(&format!(
                "the folder is that of {id}, the file that of {}@{}",
                record.name, record.version
            )));
        }
        let faults = changes(&record, &files);
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(Self { record, ..Self::of_files(id, files) })
    }

    fn of_files(id: StandardId, files: BTreeMap<String, Vec<u8>>) -> Self {
        let (texts, broken) = schemas(&files);
        let record = Record {
            name: id.name().to_owned(),
            version: id.version().to_owned(),
            content: Digest::from_bytes([0; 32]),
            requires: Vec::new(),
            files: Vec::new(),
            catalog: Vec::new(),
        };
        Self { id, files, outlines: outlines(&texts), broken, record }
    }

    fn link(&self, shelf: &Shelf, among: &[StandardId], faults: &mut Vec<Fault>) -> BTreeSet<CatalogEntry> {
        let mut catalog = BTreeSet::new();
        for (from, outline) in &self.outlines {
            for reference in &outline.references {
                match links::find(self, shelf, among, from, reference) {
                    Ok(entry) => catalog.extend(entry),
                    Err(why) => faults.push(unlinked(from, reference, &why)),
                }
            }
        }
        catalog
    }

    fn recorded(&self, catalog: BTreeSet<CatalogEntry>) -> Record {
        let file = |(path, bytes): (&String, &Vec<u8>)| FileRecord {
            path: path.clone(),
            sha256: Digest::of(bytes),
            namespace: self.outlines.get(path).map(|outline| outline.namespace.clone()),
        };
        let requires: BTreeSet<_> = catalog.iter().filter_map(|entry| entry.standard.clone()).collect();
        Record {
            requires: requires.into_iter().collect(),
            files: self.files.iter().map(file).collect(),
            catalog: catalog.into_iter().collect(),
            ..self.record.clone()
        }
    }

    /// Its name and version.
    pub fn id(&self) -> &StandardId {
        &self.id
    }

    /// Its files by path, without `standard.toml`.
    pub fn files(&self) -> &BTreeMap<String, Vec<u8>> {
        &self.files
    }

    /// The text of its `standard.toml`.
    pub fn manifest(&self) -> String {
        self.record.to_text()
    }

    /// The standards whose schemas it imports.
    pub fn requires(&self) -> &[StandardId] {
        &self.record.requires
    }

    /// The namespaces that its schemas declare, each once.
    pub fn namespaces(&self) -> BTreeSet<&str> {
        self.outlines.values().map(|outline| outline.namespace.as_str()).collect()
    }

    /// Compiles every schema that no other one of the package asks for, and names those that cannot be read. It may not be on
    /// `shelf` yet.
    pub fn roots(&self, shelf: &mut Shelf) -> Vec<Root> {
        shelf
            .put(Self { record: self.record.clone(), ..Self::of_files(self.id.clone(), self.files.clone()) });
        let paths = self.root_paths().into_iter();
        let compiled = paths.map(|path| {
            let picked = shelf.pick(&self.id, &path).map_err(|fault| vec![fault]);
            let faults = picked.and_then(|picked| Schema::compile_picked(&picked)).err().unwrap_or_default();
            Root { path, faults }
        });
        compiled.chain(self.broken.iter().map(|fault| self.unread(fault))).collect()
    }

    /// A fault of it is named as those of the others are.
    fn unread(&self, fault: &Fault) -> Root {
        let file = format!("{RESERVED}{}/{}", self.id, fault.file);
        Root { path: fault.file.clone(), faults: vec![Fault { file, ..fault.clone() }] }
    }

    /// Where schemas ask for each other in a circle, all of the circle count.
    fn root_paths(&self) -> Vec<String> {
        let asked: BTreeSet<String> = self
            .outlines
            .iter()
            .flat_map(|(from, outline)| outline.references.iter().map(move |reference| (from, reference)))
            .filter_map(|(from, reference)| Some((from, links::installed(self, from, reference)?)))
            .filter(|(from, target)| target.standard == self.id && target.path != **from)
            .map(|(_, target)| target.path)
            .collect();
        let free: Vec<_> = self.outlines.keys().filter(|path| !asked.contains(*path)).cloned().collect();
        if free.is_empty() { self.outlines.keys().cloned().collect() } else { free }
    }

    pub(crate) fn outlines(&self) -> &BTreeMap<String, Outline> {
        &self.outlines
    }

    /// What is wrong with the schemas that cannot be read.
    pub(crate) fn broken(&self) -> &[Fault] {
        &self.broken
    }

    pub(crate) fn catalog(&self) -> &[CatalogEntry] {
        &self.record.catalog
    }
}

/// The schemas of a package as text, read as they are read in a bundle.
fn schemas(files: &BTreeMap<String, Vec<u8>>) -> (BTreeMap<String, String>, Vec<Fault>) {
    let inside = files.iter().map(|(path, bytes)| (format!("{RESERVED}{path}"), bytes.clone())).collect();
    let (texts, faults) = sources(&inside, &["xsd"]);
    let outside = |path: &str| path.trim_start_matches(RESERVED).to_owned();
    let texts = texts.iter().map(|(path, text)| (outside(path), text.clone())).collect();
    (texts, faults.into_iter().map(|fault| Fault { file: outside(&fault.file), ..fault }).collect())
}

/// What is not as it was installed.
fn changes(record: &Record, files: &BTreeMap<String, Vec<u8>>) -> Vec<Fault> {
    let pinned: BTreeMap<_, _> = record.files.iter().map(|file| (&file.path, file.sha256)).collect();
    let mut faults = Vec::new();
    for (path, sha256) in &pinned {
        match files.get(*path).map(|bytes| Digest::of(bytes)) {
            Some(found) if found == *sha256 => {}
            Some(found) => {
                let message = format!("the file was changed: its SHA-256 is {found}, installed was {sha256}");
                faults.push(Fault::of_file(path.as_str(), message).hint(ADD_AGAIN));
            }
            None => faults.push(Fault::of_file(path.as_str(), "the file is missing").hint(ADD_AGAIN)),
        }
    }
    for path in files.keys().filter(|path| !pinned.contains_key(path)) {
        let message = "the file does not belong to the standard as it was installed";
        faults.push(Fault::of_file(path, message).hint("take it away"));
    }
    faults
}

/// What is said of a reference that nothing satisfies.
fn unlinked(from: &str, reference: &Reference, why: &Unlinked) -> Fault {
    let (line, column) = reference.place;
    let Reference { location, namespace, .. } = reference;
    let (what, remote) = (if reference.import { "import" } else { "include" }, is_remote(location));
    match why {
        Unlinked::Missing if reference.import => {
            let message = format!(
                "the import of {location} (namespace {namespace}) is satisfied by no file of the package and by no \
                 installed standard"
            );
            let hint = format!(
                "install the standard that declares {namespace}{} first: rohrpost standard add",
                known_owner(namespace)
            );
            Fault::at(from, line, column, message).hint(hint)
        }
        Unlinked::Missing => {
            let message = format!("the {what} of {location} is satisfied by no file of the package");
            let hint = if remote {
                "put the file into the package; nothing is loaded from the network"
            } else {
                "add the package whole"
            };
            Fault::at(from, line, column, message).hint(hint)
        }
        Unlinked::Several(targets) => {
            let all: Vec<_> =
                targets.iter().map(|target| format!("{}/{}", target.standard, target.path)).collect();
            let message =
                format!("the {what} of {location} (namespace {namespace}) could mean {}", all.join(" or "));
            Fault::at(from, line, column, message).hint("choose with --requires NAME@VERSION")
        }
    }
}

/// Who publishes a namespace that many standards build on.
fn known_owner(namespace: &str) -> &'static str {
    const OWNERS: [(&str, &str); 4] = [
        ("http://xoev.de/schemata/", " (KoSIT's building blocks of XÖV, https://www.xrepository.de)"),
        ("urn:xoev-de:kosit:", " (KoSIT's building blocks of XÖV, https://www.xrepository.de)"),
        ("http://xoev.de/", " (KoSIT's building blocks of XÖV, https://www.xrepository.de)"),
        ("http://www.w3.org/", " (W3C)"),
    ];
    OWNERS.iter().find(|(start, _)| namespace.starts_with(start)).map_or("", |(_, owner)| owner)
}
