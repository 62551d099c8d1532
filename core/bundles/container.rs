//! The ZIP file around a hand over. Nothing in it is believed before its signature and the manifest's hashes are looked at.

use super::manifest::{MANIFEST, SIGNATURE};
use crate::standards::read_archive;
use rohrpost_model::Fault;
use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::Path;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Files by their path in the file.
pub type Members = BTreeMap<String, Vec<u8>>;

/// A file that was read and not looked into yet.
pub struct Unopened {
    /// The file, as it was named.
    pub shown: String,
    /// The bytes that are signed.
    pub manifest: Vec<u8>,
    /// The signature over them.
    pub signature: Vec<u8>,
    /// Everything else.
    pub members: Members,
}

impl Unopened {
    /// Reads a file, within limits; what is in it is not looked at.
    pub fn read(path: &Path) -> Result<Self, Vec<Fault>> {
        let (shown, mut members) = (path.display().to_string(), read_archive(path)?);
        let mut take = |name: &str| {
            let fault = Fault::of_file(&shown, format!("holds no {name}, so it is no file of a hand over"));
            let hint = "name a file that `rohrpost bundle export` wrote";
            members.remove(name).ok_or_else(|| vec![fault.hint(hint)])
        };
        let (manifest, signature) = (take(MANIFEST)?, take(SIGNATURE)?);
        Ok(Self { shown, manifest, signature, members })
    }
}

/// Packs a hand over. The same content gives the same bytes: names are sorted, and times are none.
pub fn pack(manifest: &[u8], signature: &[u8], members: &Members) -> Result<Vec<u8>, String> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    let own = [(MANIFEST, manifest), (SIGNATURE, signature)];
    let others = members.iter().map(|(name, content)| (name.as_str(), content.as_slice()));
    for (name, content) in own.into_iter().chain(others) {
        archive.start_file(name, options()).map_err(|error| format!("{name}: {error}"))?;
        archive.write_all(content).map_err(|error| format!("{name}: {error}"))?;
    }
    archive.finish().map(Cursor::into_inner).map_err(|error| error.to_string())
}

fn options() -> SimpleFileOptions {
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    options.last_modified_time(DateTime::DEFAULT).unix_permissions(0o644)
}
