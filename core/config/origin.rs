//! Where the text of a configuration comes from: the folder as it lies there, or a version that was kept.

use super::files::{Files, RESPONSIBILITIES, read_folder_texts};
use super::mappings::{find_mappings, read_bundle};
use super::reader::{Faults, Source};
use rohrpost_mappings::Bundle;
use rohrpost_model::version::MAPPINGS;
use std::collections::BTreeMap;
use std::path::Path;

/// A configuration's files and mappings, unread: what a version keeps.
#[derive(Clone, Debug, Default)]
pub struct Texts {
    /// The text of each file by its path in the configuration folder.
    pub files: BTreeMap<String, String>,
    /// The mappings.
    pub mappings: Vec<Bundle>,
}

impl Texts {
    /// What lies in `folder` now, right or wrong; what cannot be read is not there.
    pub fn of_folder(folder: &Path) -> Self {
        Self::of_folder_with(folder, super::glance::library_folder(folder).as_deref())
    }

    /// The same with the mappings of another library.
    pub fn of_folder_with(folder: &Path, library: Option<&Path>) -> Self {
        let files = read_folder_texts(folder);
        let found = library.and_then(|library| find_mappings(library).ok()).unwrap_or_default();
        let mappings = found.iter().filter_map(|(name, path)| read_bundle(name, path).ok()).collect();
        Self { files, mappings }
    }

    /// Every file by its path, those of mappings below `mappings/NAME/`.
    pub fn flat(&self) -> BTreeMap<String, Vec<u8>> {
        let files = self.files.iter().map(|(name, text)| (name.clone(), text.clone().into_bytes()));
        let mappings = self.mappings.iter().flat_map(|bundle| {
            let path = move |file: &String| format!("{MAPPINGS}/{}/{file}", bundle.name);
            bundle.files.iter().map(move |(file, content)| (path(file), content.clone()))
        });
        files.chain(mappings).collect()
    }
}

/// Where the text comes from.
#[derive(Clone, Copy)]
pub enum Origin<'a> {
    /// The configuration folder.
    Folder,
    /// A version that was kept. Secrets, keys and certificates are those of now.
    Kept(&'a Texts),
}

impl Origin<'_> {
    /// The files.
    pub fn files(self, folder: &Path, faults: &Faults) -> Files {
        match self {
            Self::Folder => Files::read(folder, faults),
            Self::Kept(texts) => Files::of(&texts.files),
        }
    }
}

impl Files {
    /// Those of a version that was kept.
    pub fn of(texts: &BTreeMap<String, String>) -> Self {
        let source =
            |(name, text): (&String, &String)| Source { name: name.as_str().into(), text: text.clone() };
        let of = |kind: &str| {
            let below = format!("{kind}/");
            texts.iter().filter(|(name, _)| name.starts_with(&below)).map(source).collect()
        };
        Self {
            hub: texts.get_key_value("hub.toml").map(source),
            tenants: of("tenants"),
            clients: of("clients"),
            destinations: of("destinations"),
            seals: of("seals"),
            routes: of("routes"),
            responsibilities: of(RESPONSIBILITIES),
        }
    }
}
