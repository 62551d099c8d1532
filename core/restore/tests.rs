use super::*;
use rohrpost_mappings::Bundle;

fn texts(files: &[(&str, &str)], mapping: Option<&str>) -> Texts {
    let files = files.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    let bundle = |text: &str| Bundle {
        name: "xfall".parse().unwrap(),
        files: [("mapping.toml", "m"), ("transform.xsl", text)]
            .map(|(name, text)| (name.to_owned(), text.as_bytes().to_vec()))
            .into(),
    };
    Texts { files, mappings: mapping.map(bundle).into_iter().collect() }
}

const HUB: &str = "mappings = \"library\"\n";

fn old() -> Texts {
    texts(
        &[("hub.toml", HUB), ("routes/a.toml", "a1"), ("routes/b.toml", "b"), ("seals/s.toml", "s")],
        Some("1"),
    )
}

fn new() -> Texts {
    texts(
        &[("hub.toml", HUB), ("routes/a.toml", "a2"), ("routes/c.toml", "c"), ("seals/s.toml", "s")],
        Some("2"),
    )
}

/// A folder in which `new` lies.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in new().flat() {
        put(&place(folder.path(), &folder.path().join("library"), &path), &content).unwrap();
    }
    put(&folder.path().join("library/xfall/cases/01.in.xml"), b"case").unwrap();
    put(&folder.path().join("secrets/hub.key"), b"secret").unwrap();
    folder
}

fn stage(folder: &Path) -> io::Result<Plan> {
    Plan::stage(folder, &folder.join("library"), &old(), Timestamp::UNIX_EPOCH)
}

fn now(folder: &Path) -> Files {
    Texts::of_folder(folder).flat()
}

fn assert_clean(folder: &Path) {
    for (path, content) in [("library/xfall/cases/01.in.xml", "case"), ("secrets/hub.key", "secret")] {
        assert_eq!(fs::read_to_string(folder.join(path)).unwrap(), content);
    }
    for below in ["", "routes", "library/xfall"] {
        let names = fs::read_dir(folder.join(below)).unwrap().flatten();
        let hidden: Vec<_> =
            names.filter(|entry| entry.file_name().to_string_lossy().starts_with('.')).collect();
        assert!(hidden.is_empty(), "{hidden:?}");
    }
}

#[test]
fn a_version_is_put_back_and_what_it_replaces_lies_beside() {
    let folder = folder();
    let plan = stage(folder.path()).unwrap();
    assert_eq!(now(folder.path()), new().flat(), "staging changes nothing");
    plan.carry_out(folder.path()).unwrap();
    assert_eq!(now(folder.path()), old().flat());
    assert_clean(folder.path());
    let replaced = plan.replaced().unwrap();
    for (path, content) in
        [("routes/a.toml", "a2"), ("routes/c.toml", "c"), ("mappings/xfall/transform.xsl", "2")]
    {
        assert_eq!(fs::read_to_string(replaced.join(path)).unwrap(), content);
    }
    assert!(!replaced.join("seals").exists(), "what stays is not copied");
    assert!(!finish(folder.path()).unwrap(), "nothing is left to do");
}

/// A crash after every single step of carrying out: whoever starts next finishes it.
#[test]
fn whatever_a_crash_leaves_is_finished_at_the_next_start() {
    for done in 0..=6 {
        let folder = folder();
        let plan = stage(folder.path()).unwrap();
        write_whole(&folder.path().join(PLAN), &serde_json::to_vec(&plan).unwrap(), 0o600).unwrap();
        let renames = plan.renames.iter().map(|(from, to)| fs::rename(from, to));
        let removals = plan.removals.iter().map(fs::remove_file);
        renames.chain(removals).take(done).for_each(Result::unwrap);
        assert!(finish(folder.path()).unwrap());
        assert_eq!(now(folder.path()), old().flat(), "after {done} steps");
        assert_clean(folder.path());
    }
}

#[test]
fn a_crash_before_the_plan_is_committed_changes_nothing() {
    let folder = folder();
    stage(folder.path()).unwrap();
    assert!(!finish(folder.path()).unwrap());
    assert_eq!(now(folder.path()), new().flat());
    stage(folder.path()).unwrap().carry_out(folder.path()).unwrap();
    assert_eq!(now(folder.path()), old().flat(), "what an earlier one staged is not in the way");
}

#[test]
fn what_cannot_be_staged_changes_nothing() {
    let folder = folder();
    // A folder stands where a copy is to go: this fails for everybody, root too.
    fs::write(folder.path().join(REPLACED), "no folder").unwrap();
    stage(folder.path()).unwrap_err();
    assert_eq!(now(folder.path()), new().flat());
    assert_clean(folder.path());
}

#[test]
fn a_plan_of_another_format_is_refused() {
    let folder = folder();
    let plan = Plan { format: 2, ..stage(folder.path()).unwrap() };
    fs::write(folder.path().join(PLAN), serde_json::to_vec(&plan).unwrap()).unwrap();
    assert!(finish(folder.path()).is_err());
    assert_eq!(now(folder.path()), new().flat());
}
