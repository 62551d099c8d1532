//! In which files and lines two configurations differ, for people: unified, file by file. Secrets are not in it.

use std::collections::{BTreeMap, BTreeSet};

/// Lines around a difference that are shown.
const CONTEXT: usize = 3;

/// A difference of more lines on both sides is shown as a whole, since comparing costs the product.
const MAX_PRODUCT: usize = 4_000_000;

/// What a key contains whose value may be a secret: where one stands in the text itself, it is not shown.
const SECRETIVE: [&str; 8] =
    ["password", "passwort", "secret", "token", "apikey", "authorization", "credential", "cookie"];

/// The same as whole words, because others contain them (`mapping`).
const SECRETIVE_WORDS: [&str; 3] = ["key", "pin", "auth"];

/// Files by their path.
pub type Files = BTreeMap<String, Vec<u8>>;

/// One file that differs: its path, `added`, `removed` or `changed`, and the lines.
#[derive(Debug, PartialEq, Eq)]
pub struct Changed {
    /// Its path.
    pub path: String,
    /// What became of it.
    pub change: &'static str,
    /// A unified diff, with the two head lines.
    pub diff: String,
}

/// The files in which two configurations differ, by path.
pub fn between(from: &Files, to: &Files) -> Vec<Changed> {
    let paths: BTreeSet<_> = from.keys().chain(to.keys()).collect();
    paths.into_iter().filter_map(|path| changed(path, from.get(path), to.get(path))).collect()
}

fn changed(path: &str, old: Option<&Vec<u8>>, new: Option<&Vec<u8>>) -> Option<Changed> {
    if old == new {
        return None;
    }
    let change = match (old, new) {
        (None, _) => "added",
        (_, None) => "removed",
        _ => "changed",
    };
    let name = |side: &str, there: bool| if there { format!("{side}/{path}") } else { "/dev/null".into() };
    let text = |content: Option<&Vec<u8>>| String::from_utf8(content.cloned().unwrap_or_default());
    let body = match (text(old), text(new)) {
        (Ok(old), Ok(new)) => hunks(&shown(path, &old), &shown(path, &new)),
        _ => "(no text)\n".to_owned(),
    };
    let head = format!("--- {}\n+++ {}\n", name("a", old.is_some()), name("b", new.is_some()));
    Some(Changed { path: path.to_owned(), change, diff: head + &body })
}

/// The text of a file as it may be shown.
pub fn without_secrets(path: &str, text: &str) -> String {
    let lines = shown(path, text);
    lines.iter().flat_map(|line| [line.shown.as_str(), "\n"]).collect()
}

/// A line as it is compared, and as it may be shown.
struct Line<'t> {
    text: &'t str,
    shown: String,
}

/// The lines of a file. In one of the configuration, texts are left out that stand where a secret belongs.
fn shown<'t>(path: &str, text: &'t str) -> Vec<Line<'t>> {
    let mut within: Option<&str> = None;
    let line = |line: &'t str| {
        let hidden = within.is_some();
        match within {
            Some(end) if line.contains(end) => within = None,
            Some(_) => {}
            None => within = opened(line),
        }
        let shown = match (path.ends_with(".toml"), hidden) {
            (false, _) => line.to_owned(),
            (true, true) => "***".to_owned(),
            (true, false) => masked(line),
        };
        Line { text: line, shown }
    };
    text.lines().map(line).collect()
}

/// The sign that ends a secret of several lines which begins here.
fn opened(line: &str) -> Option<&'static str> {
    let (key, value) = line.split_once('=')?;
    let sign = ["\"\"\"", "'''"].into_iter().find(|sign| value.trim_start().starts_with(sign))?;
    (secretive(key) && value.matches(sign).count() < 2).then_some(sign)
}

/// `key = { file = "…" }` says where a secret lies and is shown; `key = "…"` may be one and is not, in a table within a
/// line either. What is shown ends there: better too little than too much.
fn masked(line: &str) -> String {
    for (at, _) in line.match_indices('=') {
        let (before, value) = (&line[..at], line[at + 1..].trim_start());
        let key = before.rsplit(['{', ',']).next().unwrap_or(before);
        let names_a_place =
            ["{ file =", "{file=", "{ env =", "{env="].iter().any(|form| value.starts_with(form));
        if secretive(key) && !names_a_place && value.contains(['"', '\'']) {
            return format!("{before}= ***");
        }
    }
    line.to_owned()
}

fn secretive(key: &str) -> bool {
    let key = key.to_lowercase();
    let mut words = key.split(|sign: char| !sign.is_alphanumeric());
    SECRETIVE.iter().any(|word| key.contains(word)) || words.any(|word| SECRETIVE_WORDS.contains(&word))
}

fn hunks(old: &[Line<'_>], new: &[Line<'_>]) -> String {
    let edits = edits(old, new);
    let mut out = String::new();
    let changes: Vec<usize> = (0..edits.len()).filter(|index| edits[*index].0 != ' ').collect();
    if changes.is_empty() {
        return "(the texts differ in line ends only)\n".to_owned();
    }
    let mut from = 0;
    while let Some(first) = changes.iter().copied().find(|index| *index >= from) {
        let begin = first.saturating_sub(CONTEXT).max(from);
        let mut end = first;
        while let Some(next) =
            changes.iter().copied().find(|index| *index > end && *index <= end + 2 * CONTEXT)
        {
            end = next;
        }
        let end = (end + CONTEXT + 1).min(edits.len());
        hunk(&edits, begin..end, &mut out);
        from = end;
    }
    out
}

fn hunk(edits: &[(char, &Line<'_>)], range: std::ops::Range<usize>, out: &mut String) {
    let count =
        |range: std::ops::Range<usize>, sign| edits[range].iter().filter(|(is, _)| *is != sign).count();
    let (old, new) = (count(range.clone(), '+'), count(range.clone(), '-'));
    let (before_old, before_new) = (count(0..range.start, '+'), count(0..range.start, '-'));
    let start = |before: usize, lines: usize| if lines == 0 { before } else { before + 1 };
    let (at_old, at_new) = (start(before_old, old), start(before_new, new));
    out.push_str(&format!("@@ -{at_old},{old} +{at_new},{new} @@\n"));
    for (sign, line) in &edits[range] {
        out.push_str(&format!("{sign}{}\n", line.shown));
    }
}

/// Every line of both: ` ` both, `-` old only, `+` new only.
fn edits<'l, 't>(old: &'l [Line<'t>], new: &'l [Line<'t>]) -> Vec<(char, &'l Line<'t>)> {
    let same = |(a, b): &(&Line<'_>, &Line<'_>)| a.text == b.text;
    let begin = old.iter().zip(new).take_while(same).count();
    let both = (old.len() - begin).min(new.len() - begin);
    let end = old.iter().rev().zip(new.iter().rev()).take(both).take_while(same).count();
    let mut edits: Vec<_> = old[..begin].iter().map(|line| (' ', line)).collect();
    middle(&old[begin..old.len() - end], &new[begin..new.len() - end], &mut edits);
    edits.extend(old[old.len() - end..].iter().map(|line| (' ', line)));
    edits
}

/// By the longest common subsequence.
fn middle<'l, 't>(old: &'l [Line<'t>], new: &'l [Line<'t>], edits: &mut Vec<(char, &'l Line<'t>)>) {
    if old.len().saturating_mul(new.len()) > MAX_PRODUCT {
        edits.extend(old.iter().map(|line| ('-', line)));
        edits.extend(new.iter().map(|line| ('+', line)));
        return;
    }
    let width = new.len() + 1;
    let mut common = vec![0_u32; (old.len() + 1) * width];
    for i in (0..old.len()).rev() {
        for j in (0..new.len()).rev() {
            common[i * width + j] = match old[i].text == new[j].text {
                true => common[(i + 1) * width + j + 1] + 1,
                false => common[(i + 1) * width + j].max(common[i * width + j + 1]),
            };
        }
    }
    let (mut i, mut j) = (0, 0);
    while i < old.len() || j < new.len() {
        let (down, right) = (i < old.len(), j < new.len());
        if down && right && old[i].text == new[j].text {
            edits.push((' ', &old[i]));
            (i, j) = (i + 1, j + 1);
        } else if down && (!right || common[(i + 1) * width + j] >= common[i * width + j + 1]) {
            edits.push(('-', &old[i]));
            i += 1;
        } else {
            edits.push(('+', &new[j]));
            j += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(path: &str, old: Option<&str>, new: Option<&str>) -> String {
        let files = |text: Option<&str>| -> Files {
            text.map(|text| (path.to_owned(), text.as_bytes().to_vec())).into_iter().collect()
        };
        between(&files(old), &files(new)).pop().map(|changed| changed.diff).unwrap_or_default()
    }

    fn lines(range: std::ops::RangeInclusive<u32>) -> String {
        range.map(|number| format!("{number}\n")).collect()
    }

    #[test]
    fn a_difference_is_told_as_diff_and_patch_do() {
        let old = lines(1..=20);
        let new = old.replace("\n4\n", "\nvier\n").replace("\n18\n", "\n18\n18a\n");
        let told = "--- a/routes/x.toml\n+++ b/routes/x.toml\n@@ -1,7 +1,7 @@\n 1\n 2\n 3\n-4\n+vier\n 5\n 6\n 7\n\
                    @@ -16,5 +16,6 @@\n 16\n 17\n 18\n+18a\n 19\n 20\n";
        assert_eq!(one("routes/x.toml", Some(&old), Some(&new)), told);
        assert_eq!(one("x", Some(&old), Some(&old)), "");
        assert_eq!(one("x", None, Some("a\n")), "--- /dev/null\n+++ b/x\n@@ -0,0 +1,1 @@\n+a\n");
        assert_eq!(one("x", Some("a\n"), None), "--- a/x\n+++ /dev/null\n@@ -1,1 +0,0 @@\n-a\n");
    }

    #[test]
    fn a_secret_that_stands_in_the_text_is_not_shown() {
        let old = "password = { file = \"secrets/a\" }\n";
        let new =
            "password = \"geheim\"\nX-Api-Key = 'geheim'\ntoken = \"\"\"\ngeheim\n\"\"\"\nmapping = \"x\"\n";
        let inline = "headers = { \"X-Case\" = \"{case}\", \"X-Api-Key\" = \"geheim\" }\n";
        let told = without_secrets("destinations/x.toml", inline);
        assert_eq!(told, "headers = { \"X-Case\" = \"{case}\", \"X-Api-Key\" = ***\n");
        let place = "login = { user = \"u\", password = { file = \"secrets/a\" } }\n";
        assert_eq!(without_secrets("destinations/x.toml", place), place);
        assert_eq!(without_secrets("mappings/x/transform.xsl", "key=\"a\"\n"), "key=\"a\"\n");
        let told = one("destinations/x.toml", Some(old), Some(new));
        assert!(!told.contains("geheim"), "{told}");
        assert!(told.contains("-password = { file = \"secrets/a\" }\n+password = ***\n"), "{told}");
        assert!(told.contains("+mapping = \"x\"\n"), "{told}");
        let other = one("destinations/x.toml", Some(new), Some(&new.replace("geheim", "anders")));
        assert!(
            other.contains("-password = ***\n") && !other.contains("anders"),
            "that it changed shows: {other}"
        );
    }
}
