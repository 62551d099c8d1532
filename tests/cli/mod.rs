//! The commands as people use them: the binary, run on real files.

mod audit;
mod begin;
mod bundle;
mod cases;
mod check;
mod documents;
mod faults;
mod files;
mod hub;
mod many;
mod one_route;
mod policy;
mod probe;
mod queue;
mod responsibilities;
mod rules;
mod schemas;
mod shared;
mod standard;
mod trace;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use tempfile::TempDir;

/// What a command left behind.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub out: Vec<u8>,
    pub text: String,
    pub errors: String,
}

impl Ran {
    /// The output as JSON.
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs `rohrpost` in `folder`, with nothing of the environment that could change what it does.
pub fn rohrpost(folder: &Path, arguments: &[&str]) -> Ran {
    rohrpost_with(folder, arguments, &[])
}

/// The same, with variables of the environment.
pub fn rohrpost_with(folder: &Path, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    let mut command = Command::new(env!("CARGO_BIN_EXE_rohrpost"));
    command.current_dir(folder);
    ran(command, arguments, variables)
}

/// A copy of the shipped configuration and mappings, to be changed.
pub struct Workshop(TempDir);

impl Workshop {
    /// A fresh copy, with secrets that were made once for all tests.
    pub fn new() -> Self {
        static MADE: OnceLock<TempDir> = OnceLock::new();
        let made = MADE.get_or_init(|| {
            let first = Self::without_secrets();
            let ran = first.run(&["check"]);
            assert_eq!(ran.code, 0, "the shipped configuration has no fault: {ran:?}");
            first.0
        });
        let copy = TempDir::new().expect("a temporary folder");
        copy_all(made.path(), copy.path());
        Self(copy)
    }

    /// A fresh copy as it is shipped.
    pub fn without_secrets() -> Self {
        let copy = TempDir::new().expect("a temporary folder");
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for kind in ["hub.toml", "tenants", "clients", "destinations", "seals", "routes", "samples"] {
            copy_all(&root.join("config").join(kind), &copy.path().join("config").join(kind));
        }
        for entry in fs::read_dir(root.join("mappings")).expect("the library").flatten() {
            if entry.path().join("mapping.toml").exists() {
                copy_all(&entry.path(), &copy.path().join("mappings").join(entry.file_name()));
            }
        }
        Self(copy)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Its text.
    pub fn read(&self, name: &str) -> String {
        fs::read_to_string(self.file(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// Writes a file of it.
    pub fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.file(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// Replaces what stands in a file exactly once.
    pub fn edit(&self, name: &str, from: &str, to: &str) {
        let text = self.read(name);
        assert_eq!(text.matches(from).count(), 1, "{from:?} stands once in {name}");
        self.write(name, text.replace(from, to));
    }

    /// Runs a command in it.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        rohrpost(self.path(), arguments)
    }
}

fn copy_all(from: &Path, to: &Path) {
    if from.is_file() {
        fs::create_dir_all(to.parent().expect("a folder")).expect("a folder");
        fs::copy(from, to).expect("a copy");
        return;
    }
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).into_iter().flatten().flatten() {
        copy_all(&entry.path(), &to.join(entry.file_name()));
    }
}

/// What `check` must find, all of it, in this order; each as it begins.
#[track_caller]
fn expect(shop: &Workshop, expected: &[&str]) {
    let ran = shop.run(&["check"]);
    let found: Vec<_> = ran.errors.lines().collect();
    assert_eq!(found.len(), expected.len(), "{}", ran.errors);
    for (found, expected) in found.iter().zip(expected) {
        assert!(found.starts_with(expected), "\nfound    {found}\nexpected {expected}");
    }
    assert_eq!(ran.code, i32::from(!expected.is_empty()), "{ran:?}");
}

/// Runs a command that was made elsewhere.
fn run(command: Command, arguments: &[&str]) -> Ran {
    ran(command, arguments, &[])
}

fn ran(mut command: Command, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
    command.args(arguments).env_remove("ROHRPOST_TOKEN").envs(variables.iter().copied());
    let output = command.output().expect("the binary runs");
    Ran {
        code: output.status.code().expect("it ended by itself"),
        text: String::from_utf8_lossy(&output.stdout).into_owned(),
        errors: String::from_utf8_lossy(&output.stderr).into_owned(),
        out: output.stdout,
    }
}
