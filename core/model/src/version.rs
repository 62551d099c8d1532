//! Content-addressed versions of what decides which bytes are sent, and of whole configurations.

use crate::digest::Hasher;
use crate::{Digest, MappingName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a kept version is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum VersionKind {
    /// A [`PinnedStep`](crate::route::PinnedStep), as JSON.
    Step,
    /// A mapping with its schemas, in the mapping crate's bundle format.
    Mapping,
    /// A file of a configuration, as it was written.
    File,
}

/// The folder that a configuration's mappings count as, wherever their library lies.
pub const MAPPINGS: &str = "mappings";

/// A configuration as it is written: its files, and the versions of its mappings. Secrets do not stand in it, only where
/// they are to be found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConfigurationText {
    /// The text of each file by its path in the configuration folder, with `/` between the parts.
    pub files: BTreeMap<String, String>,
    /// The digest of each mapping's bundle.
    pub mappings: BTreeMap<MappingName, Digest>,
}

impl ConfigurationText {
    /// Names it by its content: the digest of [`Self::manifest`].
    pub fn version(&self) -> Digest {
        let files = self.files.iter().map(|(name, text)| (name.clone(), Digest::of(text.as_bytes())));
        Self::manifest(files.chain(self.mappings.iter().map(|(name, digest)| (mapping_path(name), *digest))))
    }

    /// The digest of the canonical form, which is part of the stored format: the line `rohrpost configuration 1`, then one
    /// line `SHA-256 path` for each file and `SHA-256 mappings/name` for each mapping, in the order of the paths' bytes.
    pub fn manifest(parts: impl Iterator<Item = (String, Digest)>) -> Digest {
        let mut hasher = Hasher::default();
        hasher.update(b"rohrpost configuration 1\n");
        for (path, digest) in parts.collect::<BTreeMap<_, _>>() {
            hasher.update(format!("{digest} {path}\n").as_bytes());
        }
        hasher.finish()
    }
}

/// The path that a mapping counts as in a configuration.
pub fn mapping_path(name: &MappingName) -> String {
    format!("{MAPPINGS}/{name}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(files: &[(&str, &str)]) -> ConfigurationText {
        let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned()));
        let mapping = ("xfall".parse().unwrap(), Digest::of(b"bundle"));
        ConfigurationText { files: files.collect(), mappings: [mapping].into() }
    }

    #[test]
    fn a_configuration_is_named_by_its_content() {
        let one = text(&[("hub.toml", "a"), ("routes/x.toml", "b")]);
        assert_eq!(one.version(), text(&[("routes/x.toml", "b"), ("hub.toml", "a")]).version());
        for other in [text(&[("hub.toml", "a")]), text(&[("hub.toml", "b"), ("routes/x.toml", "a")])] {
            assert_ne!(one.version(), other.version());
        }
        let mut mended = one.clone();
        mended.mappings.values_mut().for_each(|digest| *digest = Digest::of(b"other"));
        assert_ne!(one.version(), mended.version());
    }

    /// The form is stored: whoever changes it sees it here.
    #[test]
    fn the_canonical_form_stays_as_it_is() {
        let digest = |text: &[u8]| Digest::of(text);
        let form = format!(
            "rohrpost configuration 1\n{} hub.toml\n{} mappings/xfall\n",
            digest(b"a"),
            digest(b"bundle")
        );
        assert_eq!(text(&[("hub.toml", "a")]).version(), Digest::of(form.as_bytes()));
    }
}
