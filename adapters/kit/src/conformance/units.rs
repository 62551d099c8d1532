//! What a reader of a folder sees, for adapters that deliver files.

#![allow(clippy::expect_used, clippy::panic, reason = "helpers of tests")]

use crate::files::Sidecar;
use rohrpost_model::digest::Hasher;
use rohrpost_model::ports::{Piece, Preview, Sends};
use rohrpost_model::{DeliveryId, Digest};
use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

/// All files that a reader sees, without `.rohrpost`; none where there is no folder.
pub fn visible(folder: &Path) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.expect("an entry").path();
        match path.is_dir() {
            true if path.ends_with(".rohrpost") => {}
            true => files.extend(visible(&path)),
            false => files.push(path),
        }
    }
    files.sort();
    files
}

/// The sidecars that a reader sees, each checked: all that it names is there, whole.
pub fn whole_units(folder: &Path) -> Vec<Sidecar> {
    let is_sidecar = |path: &PathBuf| path.to_string_lossy().ends_with(".meta.json");
    let sidecars = visible(folder).into_iter().filter(is_sidecar);
    sidecars
        .map(|path| {
            let json = fs::read(&path).expect("the sidecar");
            let sidecar: Sidecar = serde_json::from_slice(&json).expect("a whole sidecar");
            for part in &sidecar.parts {
                let read = size_and_digest(&path.with_file_name(&part.file));
                assert_eq!(read, (part.size, part.sha256), "{}", part.file);
            }
            sidecar
        })
        .collect()
}

/// Size and digest, without holding the whole in memory: the suite measures that.
fn size_and_digest(path: &Path) -> (u64, Digest) {
    let (mut file, mut hasher, mut size) = (fs::File::open(path).expect("the file"), Hasher::default(), 0);
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer).expect("the file") {
            0 => return (size, hasher.finish()),
            length => {
                hasher.update(&buffer[..length]);
                size += length as u64;
            }
        }
    }
}

/// [`Peer::arrived`](super::Peer::arrived).
pub fn arrived(folder: &Path, key: DeliveryId) -> Vec<(Vec<Digest>, Digest)> {
    let units = whole_units(folder).into_iter().filter(|sidecar| sidecar.delivery_id == key);
    units
        .map(|sidecar| {
            let mut digests: Vec<Digest> = sidecar.parts.iter().map(|part| part.sha256).collect();
            digests.sort();
            (digests, digest_of(&sidecar))
        })
        .collect()
}

/// [`Peer::foreseen`](super::Peer::foreseen).
pub fn foreseen(
    folder: &Path,
    preview: &Preview,
    whole: &dyn Fn(&Piece) -> Vec<u8>,
) -> (Vec<Digest>, Digest) {
    let Sends::Files { folder: shown, files } = &preview.sends else { panic!("{preview:?}") };
    let paths: Vec<_> = files.iter().map(|(name, _)| Path::new(shown).join(name)).collect();
    let mut seen = paths.clone();
    seen.sort();
    assert_eq!(visible(folder), seen);
    let (sidecar, parts) = files.split_last().expect("files");
    for (path, (_, piece)) in paths.iter().zip(files) {
        assert_eq!(fs::read(path).expect("the file"), whole(piece), "{}", path.display());
    }
    let mut digests: Vec<_> = parts.iter().map(|(_, piece)| Digest::of(&whole(piece))).collect();
    digests.sort();
    (digests, digest_of(&serde_json::from_slice(&whole(&sidecar.1)).expect("a whole sidecar")))
}

fn digest_of(sidecar: &Sidecar) -> Digest {
    Digest::of(&serde_json::to_vec(sidecar).expect("JSON"))
}

/// [`Peer::takes`](super::Peer::takes): every unit, and every file that belongs to none.
pub fn takes(folder: &Path) -> usize {
    let units = whole_units(folder);
    let named: usize = units.iter().map(|unit| unit.parts.len() + 1).sum();
    units.len() + visible(folder).len() - named
}
