//! The house keeps its own rules: who may depend on whom, and where the outside world may be touched.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every crate of the house with the crates of the house that it may depend on. `model` is at the bottom, the binary
/// on top; an adapter knows the kit and the model and nothing else.
fn may_depend_on(package: &str) -> Option<&'static [&'static str]> {
    let allowed: &[&str] = match package {
        "rohrpost-model" => &[],
        "rohrpost-mappings" => &["rohrpost-model"],
        "rohrpost-engine" => &["rohrpost-model", "rohrpost-mappings"],
        "rohrpost-store" | "rohrpost-seal" => &["rohrpost-model"],
        "rohrpost-gateway" => &["rohrpost-model", "rohrpost-engine", "rohrpost-mappings"],
        "rohrpost-kit" => &["rohrpost-model"],
        adapter if adapter.starts_with("rohrpost-adapter-") => &["rohrpost-model", "rohrpost-kit"],
        // It measures the hub from outside; nothing depends on it.
        "rohrpost-bench" => &["rohrpost-model", "rohrpost-mappings", "rohrpost-seal", "rohrpost-store"],
        "rohrpost" => return None,
        other => panic!("{other} is not in the list of the house: say here what it may depend on"),
    };
    Some(allowed)
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Package → its dependencies within the house, tests' own left out.
fn dependencies() -> BTreeMap<String, BTreeSet<String>> {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version=1", "--no-deps", "--locked", "--offline"])
        .current_dir(root())
        .output()
        .expect("cargo metadata runs");
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("cargo metadata prints JSON");
    let packages = metadata["packages"].as_array().expect("packages");
    let name = |value: &serde_json::Value| value["name"].as_str().unwrap_or_default().to_owned();
    packages
        .iter()
        .map(|package| {
            let of_the_house = |dependency: &&serde_json::Value| {
                name(dependency).starts_with("rohrpost") && dependency["kind"].as_str() != Some("dev")
            };
            let dependencies = package["dependencies"].as_array().into_iter().flatten();
            (name(package), dependencies.filter(of_the_house).map(name).collect())
        })
        .collect()
}

#[test]
fn crates_depend_downward_only() {
    for (package, dependencies) in dependencies() {
        let Some(allowed) = may_depend_on(&package) else { continue };
        for dependency in dependencies {
            assert!(allowed.contains(&dependency.as_str()), "{package} must not depend on {dependency}");
        }
    }
}

/// All Rust files below the folders, tests left out.
fn sources() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for folder in ["core", "mappings/src", "adapters"] {
        collect(&root().join(folder), &mut found);
    }
    found
}

fn collect(folder: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(folder).expect("a folder of the house").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && name != "tests" && name != "conformance" {
            collect(&path, found);
        } else if name.ends_with(".rs") && name != "tests.rs" {
            let text = std::fs::read_to_string(&path).expect("a source file");
            let production = text.split("#[cfg(test)]").next().unwrap_or_default().to_owned();
            found.push((path.strip_prefix(root()).unwrap_or(&path).to_owned(), production));
        }
    }
}

fn only_in(needle: &str, folders: &[&str]) {
    for (path, text) in sources() {
        let allowed = folders.iter().any(|folder| path.starts_with(folder));
        let line =
            text.lines().position(|line| !line.trim_start().starts_with("//") && line.contains(needle));
        if let (false, Some(line)) = (allowed, line) {
            panic!("{}:{}: `{needle}` belongs into {folders:?} only", path.display(), line + 1);
        }
    }
}

#[test]
fn the_outside_world_is_touched_in_one_place_each() {
    only_in("rusqlite", &["core/store"]);
    only_in("reqwest::", &["adapters/kit"]);
    only_in("env::var", &["core/main.rs"]);
    only_in("env::args", &["core/main.rs"]);
    only_in("Timestamp::now()", &["core/clock.rs"]);
    only_in("unsafe ", &["mappings/src/ffi"]);
    only_in("libxml2", &["mappings"]);
}

#[test]
fn every_adapter_is_named_in_one_file_only() {
    for package in dependencies().keys().filter(|name| name.starts_with("rohrpost-adapter-")) {
        let krate = package.replace('-', "_");
        only_in(&krate, &["core/assemble.rs"]);
    }
}

#[test]
fn no_placeholder_is_left_behind() {
    for (path, text) in sources() {
        for word in ["todo!(", "unimplemented!(", "unbounded_channel", "thread::sleep"] {
            assert!(!text.contains(word), "{}: {word}", path.display());
        }
    }
}
