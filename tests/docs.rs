//! What is written about the program is true of it: generated pages are those that are committed, and every example
//! can be followed.

mod adapter;
mod callbacks;
mod examples;
mod golden;
mod links;

use crate::support::hub::root;
use std::fs;
use std::path::PathBuf;

/// The handbook's pages: the first one and its chapters, by name.
pub fn handbook() -> Vec<PathBuf> {
    let chapters = fs::read_dir(root().join("docs/handbuch")).expect("the chapters").flatten();
    let mut pages: Vec<_> = chapters.map(|entry| entry.path()).collect();
    pages.sort();
    pages.insert(0, root().join("docs/handbuch.md"));
    pages
}

fn read(page: &PathBuf) -> String {
    fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()))
}

/// A fenced block of a page.
pub struct Block {
    /// Page and line, as faults are told.
    pub place: String,
    /// `toml`, `sh`, …
    pub language: String,
    pub text: String,
}

impl Block {
    /// What stands behind `# ` in its first line.
    pub fn title(&self) -> Option<&str> {
        self.text.lines().next()?.strip_prefix("# ")
    }
}

/// The fenced blocks of a page, in order.
pub fn blocks(page: &PathBuf) -> Vec<Block> {
    let (mut found, mut open): (Vec<Block>, Option<Block>) = (Vec::new(), None);
    for (index, line) in read(page).lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => found.extend(open.take()),
            (Some(language), None) => {
                let place = format!("{}:{}", page.display(), index + 1);
                open = Some(Block { place, language: language.trim().to_owned(), text: String::new() });
            }
            (None, Some(block)) => {
                block.text.push_str(line);
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "{}: a block does not end", page.display());
    found
}
