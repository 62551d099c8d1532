//! Whoever follows the page about adapters has one that builds, passes the conformance suite and is known to the hub.

use super::{Block, blocks, read};
use crate::support::hub::{PROGRAM, root};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

fn page() -> PathBuf {
    root().join("docs/writing-an-adapter.md")
}

/// The repository as somebody has it who added the page's crate. All other crates are links to the repository's, at the same
/// places in it, and the target folder is the same: so only the page's crate and the program are built anew.
struct Workshop {
    home: TempDir,
    target: PathBuf,
}

impl Workshop {
    fn new() -> Self {
        let target = Path::new(PROGRAM).ancestors().nth(2).expect("the target folder").to_owned();
        let workshop = Self { home: tempfile::tempdir().expect("a folder"), target };
        let own = ["target", ".git", "adapters", "core", "Cargo.toml", "Cargo.lock"];
        link_all(&root(), &workshop.path(""), |name| own.iter().all(|own| name != *own));
        link_all(&root().join("adapters"), &workshop.path("adapters"), |_| true);
        copy(&root().join("core"), &workshop.path("core"));
        fs::copy(root().join("Cargo.lock"), workshop.path("Cargo.lock")).expect("a copy");
        workshop
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }

    /// Runs a line of the page in the folder; what it says.
    fn run(&self, line: &str) -> String {
        let mut words = line.split(' ');
        let (program, folder) = match words.next().expect("a program") {
            "cargo" => (PathBuf::from(env!("CARGO")), "."),
            "target/debug/rohrpost" => (self.target.join("debug/rohrpost-of-the-page"), "work"),
            other => panic!("the page runs {other}"),
        };
        let words = words.map(|word| if word == "rohrpost" { "rohrpost-of-the-page" } else { word });
        // Together with the program, which has no tests here, other crates have the features with which they are built.
        let further: &[&str] = match line.split(' ').nth(1) {
            Some("test") => &["--offline", "-p", "rohrpost"],
            Some("build") => &["--offline"],
            _ => &[],
        };
        let mut command = Command::new(program);
        command.args(words).args(further).current_dir(self.path(folder));
        let output = command.env("CARGO_TARGET_DIR", &self.target).output().expect("it runs");
        let said = [output.stdout, output.stderr].concat();
        let said = String::from_utf8_lossy(&said).into_owned();
        assert!(output.status.success(), "{line}: {said}");
        said
    }
}

/// A folder with links to what is in another.
fn link_all(from: &Path, to: &Path, counts: impl Fn(&OsStr) -> bool) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten().filter(|entry| counts(&entry.file_name())) {
        symlink(entry.path(), to.join(entry.file_name())).expect("a link");
    }
}

/// The sources of a package, with links to the packages in it.
fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder").flatten() {
        let (path, copied) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true if path.join("Cargo.toml").exists() => symlink(&path, &copied).expect("a link"),
            true => copy(&path, &copied),
            false => drop(fs::copy(&path, &copied).expect("a copy")),
        }
    }
}

/// The line of the page that goes into a file, in the block of text after its name.
fn line_for(blocks: &[Block], begins: &str) -> String {
    let texts = blocks.iter().filter(|block| block.language == "text");
    let mut lines = texts.map(|block| block.text.clone()).filter(|text| text.trim().starts_with(begins));
    lines.next().unwrap_or_else(|| panic!("the page has no line that begins with {begins}"))
}

/// The manifest with the page's line, and without the tests and what only they depend on: that would be built anew.
fn manifest(line: &str) -> String {
    let text = fs::read_to_string(root().join("Cargo.toml")).expect("the manifest");
    assert!(text.contains("    \"adapters/*\""), "a folder in adapters/ is a member by itself");
    let text = text.replace(
        "[[bin]]\nname = \"rohrpost\"\n",
        "[[bin]]\nname = \"rohrpost-of-the-page\"\ntest = false\n",
    );
    let (before, tests) = text.split_once("[[test]]").expect("its tests");
    let (_, rest) = tests.split_once("[lints]").expect("its lints");
    let (rest, _) = rest.split_once("[dev-dependencies]").expect("what tests depend on");
    format!("{before}[lints]{rest}{line}")
}

#[test]
fn whoever_follows_the_page_has_an_adapter() {
    let (workshop, blocks, text) = (Workshop::new(), blocks(&page()), read(&page()));
    workshop.write("Cargo.toml", &manifest(&line_for(&blocks, "rohrpost-adapter-journal = ")));
    let assembled = workshop.path("core/assemble.rs");
    let list = fs::read_to_string(&assembled).expect("the list");
    let begin = "pub const ADAPTERS: &[&dyn Adapter] = &[\n";
    assert!(list.contains(begin));
    let known = format!("{begin}{}", line_for(&blocks, "&rohrpost_adapter_journal"));
    fs::write(assembled, list.replace(begin, &known)).expect("the list");
    let mut named = 0;
    for block in &blocks {
        // A file's name stands by itself in the line before its block and an empty one.
        let at: usize = block.place.rsplit(':').next().expect("a line").parse().expect("a number");
        let before = text.lines().nth(at.saturating_sub(3)).unwrap_or_default();
        if let Some(name) = before.strip_prefix('`').and_then(|name| name.strip_suffix('`')) {
            workshop.write(name, &block.text);
            named += 1;
        }
    }
    assert_eq!(named, 5, "the files of the crate");
    fs::create_dir(workshop.path("work")).expect("a folder");
    let commands = blocks.iter().find(|block| block.language == "sh").expect("its commands");
    let said: Vec<_> = commands.text.lines().map(|line| workshop.run(line)).collect();
    assert!(said[0].contains("tests::it_passes_the_conformance_suite ... ok"), "{}", said[0]);
    let destination = workshop.path("work/config/destinations/tagebuch.toml");
    let wrong = fs::read_to_string(&destination).expect("it").replace("../tagebuch.jsonl", "");
    fs::write(&destination, wrong).expect("it");
    let program = workshop.target.join("debug/rohrpost-of-the-page");
    let checked = Command::new(program).arg("check").current_dir(workshop.path("work")).output();
    let told = String::from_utf8_lossy(&checked.expect("it runs").stderr).into_owned();
    assert!(told.contains("the path is empty"), "the hub asks the adapter: {told}");
}
