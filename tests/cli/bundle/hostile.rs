//! Files that somebody changed, or signed and made to harm: each is refused with what is wrong, and nothing is written.

use super::{FILE, Members, Receiver, Workshop, handed_over, members, sign, sign_manifest, write_zip};
use std::fs;
use std::io::Write;
use zip::write::SimpleFileOptions;

const ROUTE: &str = "routes/brunnenbohrung.toml";

/// A hub that is ready for the file, and the file, to be made wrong.
fn scene() -> (Workshop, Receiver, Members) {
    let shop = handed_over();
    let (hub, members) = (Receiver::ready(&shop), members(&shop.file(FILE)));
    (shop, hub, members)
}

/// The file is refused, whatever is asked for, and the hub is as it was.
#[track_caller]
fn refused(hub: &Receiver, members: &Members, told: &str) {
    write_zip(&hub.path().join(FILE), members);
    refused_as_it_lies(hub, told);
}

#[track_caller]
fn refused_as_it_lies(hub: &Receiver, told: &str) {
    let before = hub.everything();
    let ran = hub.import(&["--apply", "--replace", "--untrusted"]);
    assert_eq!(ran.code, 1, "{told}: {ran:?}");
    assert!(ran.errors.contains(told) || ran.text.contains(told), "{told}: {ran:?}");
    assert_eq!(hub.everything(), before, "{told}: nothing was written");
}

#[test]
fn what_was_changed_after_signing() {
    let (_, hub, good) = scene();
    let mut changed = good.clone();
    changed.get_mut(ROUTE).expect("the route").push(b'\n');
    refused(&hub, &changed, "uebergabe.zip/routes/brunnenbohrung.toml:0:0: has the SHA-256");
    let mut surplus = good.clone();
    surplus.insert("routes/andere.toml".into(), good[ROUTE].clone());
    refused(&hub, &surplus, "routes/andere.toml:0:0: is not in the manifest");
    let mut missing = good.clone();
    missing.remove("mappings/brunnenbohrung-xfall/target.xsd");
    refused(&hub, &missing, "target.xsd:0:0: is missing, and the manifest names it");
    let mut manifest = good.clone();
    manifest.get_mut("manifest.json").expect("the manifest").push(b' ');
    refused(&hub, &manifest, "gebrochen");
    let other = Workshop::new();
    assert_eq!(other.run(&["bundle", "export", "brunnenbohrung", "-o", "x.zip"]).code, 0);
    let mut swapped = good.clone();
    swapped.insert("manifest.p7s".into(), members(&other.file("x.zip"))["manifest.p7s"].clone());
    refused(&hub, &swapped, "gebrochen");
    for name in ["manifest.json", "manifest.p7s"] {
        let mut without = good.clone();
        without.remove(name);
        refused(&hub, &without, &format!("holds no {name}"));
    }
    fs::write(hub.path().join(FILE), "kein Archiv").expect("a file");
    refused_as_it_lies(&hub, "is no ZIP file");
}

/// Another key signs as well, but nobody trusts it.
#[test]
fn what_another_key_signed() {
    let (_, hub, mut members) = scene();
    let other = Workshop::without_secrets();
    assert_eq!(other.run(&["check"]).code, 0);
    sign_manifest(&other, &mut members);
    write_zip(&hub.path().join(FILE), &members);
    let before = hub.everything();
    let ran = hub.import(&["--apply", "--replace"]);
    assert!(ran.code == 1 && ran.text.contains("dem Unterzeichner wird nicht vertraut"), "{ran:?}");
    assert_eq!(hub.everything(), before);
}

#[test]
fn paths_that_lead_elsewhere() {
    let (shop, hub, good) = scene();
    let paths = [
        ("../config/hub.toml", "leads out of the package with .."),
        ("routes/../../x.toml", "leads out of the package with .."),
        ("/etc/x.toml", "is an absolute path"),
        ("C:/x.toml", "is an absolute path"),
        ("routes\\x.toml", "contains a backslash"),
        ("routes/Brunnenbohrung.toml", "is there twice"),
        ("routes/brunnenbohrung.toml/x", "which is a file"),
        ("hub.toml", "belongs to none of the routes and mappings"),
        ("secrets/hub.key", "belongs to none of the routes and mappings"),
        ("destinations/lk-beispiel-enaio.toml", "belongs to none of the routes and mappings"),
        ("clients/boese.toml", "belongs to none of the routes and mappings"),
        ("routes/andere.toml", "belongs to none of the routes and mappings"),
        ("routes/brunnenbohrung/secrets/x", "belongs to none of the routes and mappings"),
        ("mappings/andere/mapping.toml", "belongs to none of the routes and mappings"),
        ("mappings/brunnenbohrung-xfall/.git/config", "belongs to none of the routes and mappings"),
    ];
    for (path, told) in paths {
        let mut members = good.clone();
        members.insert(path.into(), b"name = \"x\"\n".to_vec());
        sign(&shop, &mut members);
        refused(&hub, &members, told);
    }
}

#[test]
fn archives_that_are_no_plain_ones() {
    let (_, hub, good) = scene();
    let pack = |more: &dyn Fn(&mut zip::ZipWriter<fs::File>)| {
        let mut made = zip::ZipWriter::new(fs::File::create(hub.path().join(FILE)).expect("a file"));
        for (name, content) in &good {
            made.start_file(name, SimpleFileOptions::default()).expect("an entry");
            made.write_all(content).expect("its content");
        }
        more(&mut made);
        made.finish().expect("an archive");
    };
    pack(&|made| {
        made.add_symlink("routes/link.toml", "/etc/passwd", SimpleFileOptions::default()).expect("an entry");
    });
    refused_as_it_lies(&hub, "is a symbolic link");
    pack(&|made| {
        made.start_file("routes/null.toml", SimpleFileOptions::default()).expect("an entry");
        let zeros = vec![b'0'; 1 << 20];
        (0..65).for_each(|_| made.write_all(&zeros).expect("its content"));
    });
    assert!(fs::metadata(hub.path().join(FILE)).expect("a file").len() < 1 << 20, "a bomb");
    refused_as_it_lies(&hub, "at most 67108864 are taken");
    // Two files of one name, which a ZIP writer does not make by itself.
    pack(&|made| {
        made.start_file("routes/Xrunnenbohrung.toml", SimpleFileOptions::default()).expect("an entry");
        made.write_all(b"name = \"x\"\n").expect("its content");
    });
    let mut bytes = fs::read(hub.path().join(FILE)).expect("the archive");
    let places: Vec<_> =
        (0..bytes.len() - 14).filter(|at| bytes[*at..].starts_with(b"routes/Xrunnenb")).collect();
    assert_eq!(places.len(), 2, "before the content and in the directory");
    places.into_iter().for_each(|at| bytes[at + 7] = b'b');
    fs::write(hub.path().join(FILE), bytes).expect("a file");
    refused_as_it_lies(&hub, "two files of one name");
}

/// Whoever is trusted may err, or mean ill.
#[test]
fn what_is_wrong_although_it_is_signed() {
    let (shop, hub, good) = scene();
    let route = String::from_utf8(good[ROUTE].clone()).expect("text");
    let key = shop.read("config/secrets/siegel.key").into_bytes();
    let with = |name: &str, content: &[u8]| {
        let mut members = good.clone();
        members.insert(name.into(), content.to_vec());
        sign(&shop, &mut members);
        members
    };
    let other_name = route.replace("name = \"brunnenbohrung\"", "name = \"anderes\"");
    refused(
        &hub,
        &with(ROUTE, other_name.as_bytes()),
        "routes/brunnenbohrung.toml:2:8: the name `anderes` is not",
    );
    let more = format!("{route}\n[http]\nauth = \"geheim\"\n");
    refused(&hub, &with(ROUTE, more.as_bytes()), "unknown key `http`");
    refused(&hub, &with(ROUTE, b"name = \"brunnenbohrung\xff\"\n"), "not UTF-8");
    let smuggled = with("mappings/brunnenbohrung-xfall/notiz.txt", &key);
    refused(&hub, &smuggled, "notiz.txt:0:0: holds a private key");
    let stray = with("mappings/brunnenbohrung-xfall/.standards/source.toml", b"schema = \"x\"\n");
    refused(&hub, &stray, "is of a standard, and the mapping names none");
    let unnamed = route.replace("mapping = \"brunnenbohrung-enaio\"\n", "");
    refused(&hub, &with(ROUTE, unnamed.as_bytes()), "is a mapping that none of the routes names");
    let lacking = route.replace("brunnenbohrung-enaio\"", "fehlt\"");
    refused(&hub, &with(ROUTE, lacking.as_bytes()), "mappings/fehlt:0:0: is missing");

    let manifest = |edit: &dyn Fn(&mut serde_json::Value)| {
        let mut members = good.clone();
        let mut manifest = serde_json::from_slice(&good["manifest.json"]).expect("JSON");
        edit(&mut manifest);
        members.insert("manifest.json".into(), manifest.to_string().into_bytes());
        sign_manifest(&shop, &mut members);
        members
    };
    let later = manifest(&|manifest| {
        manifest["format"] = 2.into();
        manifest["neu"] = true.into();
    });
    refused(&hub, &later, "manifest.json:0:0: has the format 2; this Rohrpost reads the format 1");
    refused(&hub, &manifest(&|manifest| manifest["neu"] = true.into()), "unknown field `neu`");
    refused(&hub, &manifest(&|manifest| manifest["routes"] = serde_json::json!(["../x"])), "cannot be read");
    let fewer = manifest(&|manifest| manifest["routes"] = serde_json::json!([]));
    refused(&hub, &fewer, "belongs to none of the routes and mappings");
}
