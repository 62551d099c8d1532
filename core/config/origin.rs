//! Where the text of a configuration comes from: the folder as it lies there, or a version that was kept.

use super::files::{Files, RESPONSIBILITIES, read_folder_texts};
use super::mappings::{find_mappings, read_bundle, take_standards};
use super::reader::{Faults, Source};
use crate::standards::read_shelf;
use rohrpost_mappings::{Bundle, STANDARDS_IN_BUNDLE, place_in_library};
use rohrpost_model::Digest;
use rohrpost_model::version::MAPPINGS;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

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
        let (shelf, _) = read_shelf(folder);
        let read = |(name, path): &(String, PathBuf)| {
            let mut bundle = read_bundle(name, path).ok()?;
            take_standards(&mut bundle, &shelf);
            Some(bundle)
        };
        Self { files, mappings: found.iter().filter_map(read).collect() }
    }

    /// Every file by its path, those of mappings below `mappings/NAME/`, shared ones below `mappings/`. What those take of standards lies elsewhere.
    pub fn flat(&self) -> BTreeMap<String, Vec<u8>> {
        let files = self.files.iter().map(|(name, text)| (name.clone(), text.clone().into_bytes()));
        files.chain(self.of_mappings(false, |content| content.to_vec())).collect()
    }

    /// The same for people who compare. What mappings take of standards is published elsewhere, so that its SHA-256 says
    /// enough.
    pub fn to_compare(&self) -> BTreeMap<String, Vec<u8>> {
        let mut all = self.flat();
        all.extend(
            self.of_mappings(true, |content| format!("sha256 {}\n", Digest::of(content)).into_bytes()),
        );
        all
    }

    /// The files of mappings: those of standards, or those that are their own.
    fn of_mappings(
        &self,
        of_standards: bool,
        told: impl Fn(&[u8]) -> Vec<u8> + Copy,
    ) -> impl Iterator<Item = (String, Vec<u8>)> {
        self.mappings.iter().flat_map(move |bundle| {
            let asked = bundle
                .files
                .iter()
                .filter(move |(file, _)| file.starts_with(STANDARDS_IN_BUNDLE) == of_standards);
            asked.map(move |(file, content)| {
                (format!("{MAPPINGS}/{}", place_in_library(bundle, file)), told(content))
            })
        })
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
            listeners: of("listeners"),
            sources: of("sources"),
            seals: of("seals"),
            routes: of("routes"),
            responsibilities: of(RESPONSIBILITIES),
        }
    }
}
