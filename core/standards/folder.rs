//! The files below a folder. Links are refused: what lies elsewhere may change without anybody noticing.

use super::package::{MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, bad_name};
use crate::faults::plain;
use rohrpost_model::Fault;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// All files below `folder` by path; what begins with a dot is left out. A fault names the file from there.
pub fn read(folder: &Path) -> Result<BTreeMap<String, Vec<u8>>, Fault> {
    let mut reader = Reader { files: BTreeMap::new(), bytes: 0 };
    reader.read(folder, "")?;
    Ok(reader.files)
}

struct Reader {
    files: BTreeMap<String, Vec<u8>>,
    bytes: u64,
}

impl Reader {
    fn read(&mut self, folder: &Path, prefix: &str) -> Result<(), Fault> {
        let failed = |error: std::io::Error| Fault::of_file(prefix, plain(&error));
        for entry in fs::read_dir(folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                return Err(Fault::of_file(
                    format!("{prefix}{}", name.display()),
                    "is a name that is not UTF-8",
                ));
            };
            if name.starts_with('.') {
                continue;
            }
            let path = format!("{prefix}{name}");
            let kind = entry.file_type().map_err(failed)?;
            if kind.is_dir() {
                self.read(&entry.path(), &format!("{path}/"))?;
            } else if kind.is_file() {
                self.file(&entry.path(), path)?;
            } else {
                return Err(Fault::of_file(path, "is neither a file nor a folder")
                    .hint("a package holds files only, no links"));
            }
        }
        Ok(())
    }

    fn file(&mut self, from: &Path, path: String) -> Result<(), Fault> {
        if let Some(what) = bad_name(&path) {
            return Err(Fault::of_file(path, what));
        }
        let size = fs::metadata(from).map_err(|error| Fault::of_file(&path, plain(&error)))?.len();
        self.bytes = self.bytes.saturating_add(size);
        if size > MAX_FILE_BYTES || self.bytes > MAX_BYTES || self.files.len() >= MAX_FILES {
            let message = "is too much: at most 10 000 files of 64 MiB each and 512 MiB together are taken";
            return Err(Fault::of_file(path, message));
        }
        let bytes = fs::read(from).map_err(|error| Fault::of_file(&path, plain(&error)))?;
        self.files.insert(path, bytes);
        Ok(())
    }
}
