//! A package as it was published: a folder or a ZIP file. What is read is bounded, and every name is looked at before
//! anything is written.

use super::{archive, folder};
use rohrpost_model::Fault;
use std::collections::BTreeMap;
use std::path::Path;

/// So many files a package may hold.
pub const MAX_FILES: usize = 10_000;
/// So large may a file be, unpacked.
pub const MAX_FILE_BYTES: u64 = 64 << 20;
/// So large may all be together, unpacked.
pub const MAX_BYTES: u64 = 512 << 20;

/// Schemas, code lists (Genericode, CSV, JSON) and rules. Specifications and pictures stay where they are.
const KEPT: [&str; 8] = ["xsd", "xml", "gc", "csv", "json", "sch", "dtd", "txt"];

/// The files of a package that are installed.
#[derive(Debug, Default)]
pub struct Package {
    /// By path.
    pub files: BTreeMap<String, Vec<u8>>,
    /// How many others it holds.
    pub left_out: usize,
    bytes: u64,
}

/// Reads a package, or names everything that keeps it from being read.
pub fn read(path: &Path) -> Result<Package, Vec<Fault>> {
    let shown = path.display().to_string();
    if path.is_dir() {
        let files = folder::read(path)
            .map_err(|fault| vec![Fault { file: path.join(&fault.file).display().to_string(), ..fault }])?;
        let mut package = Package::default();
        files.into_iter().for_each(|(name, bytes)| package.put(name, bytes));
        return Ok(package);
    }
    archive::read(path, &shown, is_kept)
}

/// All files of a ZIP file by path, or everything that keeps it from being read.
pub fn read_archive(path: &Path) -> Result<BTreeMap<String, Vec<u8>>, Vec<Fault>> {
    archive::read(path, &path.display().to_string(), |_| true).map(|package| package.files)
}

impl Package {
    /// Takes a file, where it is of a kind that is kept.
    pub fn put(&mut self, name: String, bytes: Vec<u8>) {
        if is_kept(&name) {
            self.files.insert(name, bytes);
        } else {
            self.left_out += 1;
        }
    }

    /// Counts what is unpacked; false where it is too much.
    pub fn count(&mut self, bytes: u64) -> bool {
        self.bytes += bytes;
        self.bytes <= MAX_BYTES
    }
}

/// Whether a file is of a kind that is kept.
pub fn is_kept(name: &str) -> bool {
    let last = name.rsplit('/').next().unwrap_or_default();
    let extension = last.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    !last.starts_with('.') && KEPT.contains(&extension.as_str())
}

/// What is wrong with the path of a file in a package.
pub fn bad_name(name: &str) -> Option<&'static str> {
    let drive = name.as_bytes().get(1) == Some(&b':') && name.as_bytes()[0].is_ascii_alphabetic();
    if name.starts_with('/') || drive {
        return Some("is an absolute path; a package names its files from its own folder");
    }
    if name.contains('\\') {
        return Some("contains a backslash; the parts of a path are divided by /");
    }
    if name.chars().any(char::is_control) {
        return Some("contains a control character");
    }
    if name.split('/').any(|part| part == "..") {
        return Some("leads out of the package with ..");
    }
    if name.split('/').any(|part| part.is_empty() || part == ".") {
        return Some("has an empty part or a part `.`");
    }
    (name.len() > 240 || name.split('/').any(|part| part.len() > 200)).then_some("is longer than 240 bytes")
}
