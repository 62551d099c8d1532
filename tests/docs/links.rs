//! What the pages refer to is there.

use super::{blocks, handbook, read};
use crate::support::hub::root;
use std::path::{Path, PathBuf};

/// The targets of `[…](target)` within the project, without their anchors.
fn links(text: &str) -> impl Iterator<Item = &str> {
    let targets = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
    let own = targets.filter(|target| !target.contains("://") && !target.starts_with('#'));
    own.filter_map(|target| target.split('#').next())
}

#[test]
fn every_link_leads_to_a_file() {
    let pages = ["README.md", "CHANGELOG.md"].map(|page| root().join(page));
    for page in pages.into_iter().chain(handbook()).chain(references()) {
        let folder = page.parent().unwrap_or(Path::new("."));
        for link in links(&read(&page)) {
            assert!(folder.join(link).exists(), "{} links to {link}", page.display());
        }
    }
}

fn references() -> Vec<PathBuf> {
    let pages = std::fs::read_dir(root().join("docs/referenz")).expect("the reference pages").flatten();
    pages.map(|entry| entry.path()).collect()
}

#[test]
fn the_handbook_names_all_its_chapters() {
    let first = root().join("docs/handbuch.md");
    let text = read(&first);
    for chapter in handbook().iter().skip(1).chain(&references()) {
        let relative = chapter.strip_prefix(root().join("docs")).expect("in docs").display().to_string();
        assert!(text.contains(&format!("]({relative})")), "docs/handbuch.md does not name {relative}");
    }
}

/// What stands in backquotes in the first column of the README's map, and on its way of a message.
#[test]
fn the_paths_that_the_readme_names_exist() {
    let text = read(&root().join("README.md"));
    let quoted =
        |line: &str| -> Vec<String> { line.split('`').skip(1).step_by(2).map(str::to_owned).collect() };
    let rows =
        text.lines().filter_map(|line| line.strip_prefix("| `")).filter_map(|row| row.split(" |").next());
    let first_cells = rows.flat_map(|cell| quoted(&format!("`{cell}")));
    let all = text.lines().flat_map(quoted);
    let paths =
        first_cells.chain(all).filter(|name| name.contains('/') && !name.contains([' ', '<', '*', ':']));
    let paths: Vec<_> = paths.filter(|name| !name.starts_with('/')).collect();
    assert!(paths.len() > 15, "the README has a map");
    for path in paths {
        let made_at_start = path.starts_with("config/secrets");
        assert!(made_at_start || root().join(&path).exists(), "README.md names {path}");
    }
}

#[test]
fn every_block_says_its_language_and_every_toml_its_file() {
    for page in handbook() {
        for block in blocks(&page) {
            assert!(!block.language.is_empty(), "{}: a block without its language", block.place);
            if block.language == "toml" {
                let title = block.title().unwrap_or_default();
                let names_file = ["config/", "mappings/"].iter().any(|folder| title.starts_with(folder));
                assert!(
                    names_file && title.ends_with(".toml"),
                    "{}: begins with # config/….toml",
                    block.place
                );
            }
        }
    }
}

/// The words that stand between `before` and the next quotation mark.
fn words_after<'t>(text: &'t str, before: &'t str) -> impl Iterator<Item = &'t str> {
    text.split(before).skip(1).filter_map(|rest| rest.split('"').next())
}

/// The production code below a folder.
fn code(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).expect("a folder of code").flatten() {
        let path = entry.path();
        if path.is_dir() && !path.ends_with("tests") {
            text.push_str(&code(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            text.push_str(read(&path).split("#[cfg(test)]").next().unwrap_or_default());
        }
    }
    text
}

#[test]
fn every_metric_is_in_the_handbook() {
    let (code, page) = (code(&root().join("core")), read(&root().join("docs/handbuch/betrieb.md")));
    let metrics: Vec<_> = words_after(&code, "\"rohrpost_").filter(|rest| !rest.contains(' ')).collect();
    assert!(metrics.len() >= 7, "{metrics:?}");
    for metric in metrics {
        let named = format!("`rohrpost_{metric}");
        assert!(page.contains(&named), "docs/handbuch/betrieb.md does not name rohrpost_{metric}");
    }
}

#[test]
fn every_key_of_the_configuration_is_in_the_handbook() {
    let (code, page) =
        (code(&root().join("core/config")), read(&root().join("docs/handbuch/konfiguration.md")));
    let asked = ["may(\"", "must(\"", "flag(\"", "size(\"", "number(\"", "path(\""];
    let keys: std::collections::BTreeSet<_> =
        asked.iter().flat_map(|before| words_after(&code, before)).collect();
    assert!(keys.len() > 40, "{keys:?}");
    for key in keys {
        // Alone, at the end of a path, or with keys of its own.
        let alone = [format!("`{key}`"), format!(".{key}`"), format!("`{key}."), format!(".{key}.")];
        assert!(
            alone.iter().any(|written| page.contains(written)),
            "docs/handbuch/konfiguration.md does not explain `{key}`"
        );
    }
}
