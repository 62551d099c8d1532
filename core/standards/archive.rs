//! ZIP files, which come from anywhere: nothing in them is believed.

use super::package::{MAX_BYTES, MAX_FILE_BYTES, MAX_FILES, Package, bad_name};
use crate::faults::plain;
use rohrpost_model::Fault;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;
use zip::CompressionMethod;
use zip::read::{ZipArchive, ZipFile};

type Archive = ZipArchive<BufReader<File>>;

/// Reads those files of a ZIP file that are `kept`. It is looked through whole before anything is unpacked.
pub fn read(path: &Path, shown: &str, kept: fn(&str) -> bool) -> Result<Package, Vec<Fault>> {
    let whole = |message: String| vec![Fault::of_file(shown, message)];
    let file = File::open(path).map_err(|error| whole(plain(&error)))?;
    let mut archive = Archive::new(BufReader::new(file)).map_err(|error| {
        vec![
            Fault::of_file(shown, format!("is no ZIP file that can be read: {error}"))
                .hint("name a ZIP file or a folder"),
        ]
    })?;
    if archive.len() > MAX_FILES {
        return Err(whole(format!("holds {} files; at most {MAX_FILES} are taken", archive.len())));
    }
    let faults = looked_through(&mut archive, shown);
    if faults.is_empty() { unpacked(&mut archive, shown, kept) } else { Err(faults) }
}

/// Everything that is wrong with its entries, as the directory at its end tells of them.
fn looked_through(archive: &mut Archive, shown: &str) -> Vec<Fault> {
    let (mut faults, mut total) = (Vec::new(), 0_u64);
    let mut seen: BTreeMap<String, String> = BTreeMap::new();
    for index in 0..archive.len() {
        let entry = match archive.by_index_raw(index) {
            Ok(entry) => entry,
            Err(error) => {
                faults.push(Fault::of_file(shown, format!("entry {} cannot be read: {error}", index + 1)));
                continue;
            }
        };
        let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
        let what = wrong_with(&entry, &name);
        total = total.saturating_add(entry.size());
        if let Some(other) = seen.insert(name.to_lowercase(), name.clone()) {
            faults.push(of_entry(shown, &name, &format!("is there twice, also as {other:?}")));
        }
        faults.extend(what.map(|what| of_entry(shown, &name, &what)));
    }
    for name in seen.values() {
        let mut folders = name.trim_end_matches('/').match_indices('/').map(|(at, _)| &name[..at]);
        if let Some(file) = folders.find(|folder| seen.contains_key(&folder.to_lowercase())) {
            faults.push(of_entry(shown, name, &format!("lies in {file:?}, which is a file")));
        }
    }
    if archive.has_duplicate_names() {
        faults.push(Fault::of_file(shown, "holds two files of one name; pack the files anew"));
    }
    if total > MAX_BYTES {
        faults.push(Fault::of_file(
            shown,
            format!("holds {total} bytes unpacked; at most {MAX_BYTES} are taken"),
        ));
    }
    faults
}

fn of_entry(shown: &str, name: &str, what: &str) -> Fault {
    Fault::of_file(shown, format!("{name:?} {what}"))
}

fn wrong_with(entry: &ZipFile<'_, BufReader<File>>, name: &str) -> Option<String> {
    if std::str::from_utf8(entry.name_raw()).is_err() {
        return Some("is a name that is not UTF-8; pack the files anew".into());
    }
    if let Some(what) = bad_name(name.strip_suffix('/').unwrap_or(name)) {
        return Some(what.into());
    }
    if entry.is_symlink() {
        return Some("is a symbolic link; a package holds files only".into());
    }
    if entry.encrypted() {
        return Some("is encrypted; unpack it and give the folder".into());
    }
    if entry.size() > MAX_FILE_BYTES {
        return Some(format!("has {} bytes unpacked; at most {MAX_FILE_BYTES} are taken", entry.size()));
    }
    let known = matches!(entry.compression(), CompressionMethod::Stored | CompressionMethod::Deflated);
    (!known).then(|| {
        format!(
            "is packed with {:?}; only Deflate is read: unpack it and give the folder",
            entry.compression()
        )
    })
}

/// Unpacks what is kept. The sizes that the directory told are not believed either.
fn unpacked(archive: &mut Archive, shown: &str, kept: fn(&str) -> bool) -> Result<Package, Vec<Fault>> {
    let mut package = Package::default();
    for index in 0..archive.len() {
        let entry = archive.by_index(index).map_err(|error| {
            vec![Fault::of_file(shown, format!("entry {} cannot be read: {error}", index + 1))]
        })?;
        let name = String::from_utf8_lossy(entry.name_raw()).into_owned();
        if entry.is_dir() {
            continue;
        }
        if !kept(&name) {
            package.left_out += 1;
            continue;
        }
        let mut bytes = Vec::new();
        let read = entry.take(MAX_FILE_BYTES + 1).read_to_end(&mut bytes);
        read.map_err(|error| vec![of_entry(shown, &name, &format!("cannot be unpacked: {error}"))])?;
        let size = bytes.len() as u64;
        if size > MAX_FILE_BYTES || !package.count(size) {
            return Err(vec![of_entry(
                shown,
                &name,
                "is larger unpacked than the file says; at most 64 MiB a file and 512 MiB together are taken",
            )]);
        }
        package.files.insert(name, bytes);
    }
    Ok(package)
}
