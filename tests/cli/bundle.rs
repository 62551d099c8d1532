//! `rohrpost bundle`: routes from one hub to another, and what of a file from elsewhere is refused.

mod export;
mod hostile;
mod import;

use super::{Ran, Workshop, rohrpost};
use std::collections::BTreeMap;
use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

const FILE: &str = "uebergabe.zip";

type Members = BTreeMap<String, Vec<u8>>;

/// Hub A with the file that it handed over.
fn handed_over() -> Workshop {
    let shop = Workshop::new();
    let ran = shop.run(&["bundle", "export", "brunnenbohrung", "-o", FILE]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    shop
}

/// Hub B: a fresh configuration in an empty folder, with what hub A handed over and the certificates to trust it.
struct Receiver(TempDir);

impl Receiver {
    fn of(shop: &Workshop) -> Self {
        let folder = TempDir::new().expect("a folder");
        let init = ["init", "--tenant", "musterstadt", "--title", "Musterstadt", "--area", "15091*"];
        assert_eq!(rohrpost(folder.path(), &init).code, 0);
        super::copy_all(&shop.file(FILE), &folder.path().join(FILE));
        super::copy_all(&shop.file("config/secrets/trust"), &folder.path().join("vertraut"));
        Self(folder)
    }

    /// With the destinations that the route leads to.
    fn ready(shop: &Workshop) -> Self {
        let hub = Self::of(shop);
        for (name, adapter) in [("musterstadt-wasserbehoerde", "folder"), ("musterstadt-enaio", "http")] {
            assert_eq!(hub.run(&["new", "destination", name, "--adapter", adapter]).code, 0);
        }
        hub
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn run(&self, arguments: &[&str]) -> Ran {
        rohrpost(self.path(), arguments)
    }

    /// Imports for its own tenant, trusting hub A.
    fn import(&self, more: &[&str]) -> Ran {
        let begin = ["bundle", "import", FILE, "--trust", "vertraut", "--tenant", "musterstadt"];
        self.run(&[&begin, more].concat())
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("a file");
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Every file in its folder.
    fn everything(&self) -> Members {
        let mut found = Members::new();
        collect(self.path(), &mut found);
        found
    }
}

fn collect(folder: &Path, found: &mut Members) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        match entry.path().is_dir() {
            true => collect(&entry.path(), found),
            false => drop(
                found.insert(entry.path().display().to_string(), fs::read(entry.path()).expect("a file")),
            ),
        }
    }
}

/// The members of a file, read by another hand than the program's.
fn members(file: &Path) -> Members {
    let mut archive = zip::ZipArchive::new(fs::File::open(file).expect("a file")).expect("a ZIP file");
    let mut found = Members::new();
    for index in 0..archive.len() {
        let mut entry = archive.by_index(index).expect("an entry");
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("its content");
        found.insert(entry.name().expect("a name").to_string(), content);
    }
    found
}

fn write_zip(path: &Path, members: &Members) {
    let mut made = zip::ZipWriter::new(fs::File::create(path).expect("a file"));
    for (name, content) in members {
        made.start_file(name, SimpleFileOptions::default()).expect("an entry");
        made.write_all(content).expect("its content");
    }
    made.finish().expect("an archive");
}

/// Signs what was changed anew, with the key of hub A: only what is in it can be wrong then.
fn sign(shop: &Workshop, members: &mut Members) {
    let files: BTreeMap<_, _> = members
        .iter()
        .filter(|(name, _)| !name.starts_with("manifest."))
        .map(|(name, content)| (name.clone(), rohrpost_model::Digest::of(content).to_string()))
        .collect();
    let mut manifest: serde_json::Value = serde_json::from_slice(&members["manifest.json"]).expect("JSON");
    manifest["files"] = serde_json::to_value(files).expect("JSON");
    members.insert("manifest.json".into(), manifest.to_string().into_bytes());
    sign_manifest(shop, members);
}

/// Signs the manifest as it stands, with the key of the seal of `shop`.
fn sign_manifest(shop: &Workshop, members: &mut Members) {
    let seal = "name = \"dateien\"\nform = \"cms\"\nkey = { file = \"secrets/siegel.key\" }\ncertificate = \"secrets/siegel.pem\"\n";
    shop.write("config/seals/dateien.toml", seal);
    shop.write("zu-signieren", &members["manifest.json"]);
    let ran = shop.run(&["sign", "--seal", "dateien", "zu-signieren", "-o", "signatur"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    members.insert("manifest.p7s".into(), fs::read(shop.file("signatur")).expect("a signature"));
}
