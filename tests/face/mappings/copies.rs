//! A mapping holds all that it needs, so what several read lies in each of them: the copies are equal.

use super::library;
use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

/// Files that have the same content wherever they have the same name.
const SHARED: [&str; 6] = [
    "umschlag.xsl",
    "felder.xsl",
    "codelists/anrede.csv",
    "codelists/staaten.csv",
    "codelists/art.csv",
    "codelists/urkundenart.xml",
];

/// Each group of copies by what it is called.
fn groups() -> BTreeMap<String, Vec<PathBuf>> {
    let mut groups: BTreeMap<String, Vec<PathBuf>> = BTreeMap::new();
    for (mapping, folder) in library() {
        let service = mapping.split('-').next().unwrap_or_default();
        let source = (format!("{service}: source.xsd"), folder.join("source.xsd"));
        let shared = SHARED.iter().map(|file| ((*file).to_owned(), folder.join(file)));
        for (name, file) in shared.chain([source]).filter(|(_, file)| file.exists()) {
            groups.entry(name).or_default().push(file);
        }
    }
    groups
}

#[test]
fn copies_of_a_file_are_equal() {
    let groups = groups();
    assert_eq!(groups.len(), SHARED.len() + 3, "three services and the shared files: {:?}", groups.keys());
    for (name, files) in groups {
        let read = |file: &PathBuf| fs::read(file).expect("a file");
        assert!(files.len() >= 2, "{name} has no copy");
        for file in &files[1..] {
            assert!(read(file) == read(&files[0]), "{} and {} differ", files[0].display(), file.display());
        }
    }
}
