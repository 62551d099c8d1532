//! `rohrpost standard`: packages into the configuration and out of it.

use super::Workshop;
use crate::support::peers;
use std::fs;
use std::io::Write;
use std::process::Command;
use zip::write::SimpleFileOptions;

const BASE: &str = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' targetNamespace='urn:base'>\n<xs:simpleType name='Plz'><xs:restriction base='xs:string'><xs:pattern value='[0-9]{5}'/></xs:restriction></xs:simpleType>\n</xs:schema>";
const MESSAGE: &str = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' xmlns:b='urn:base' targetNamespace='urn:m'>\n<xs:import namespace='urn:base' schemaLocation='https://example.org/base.xsd'/>\n<xs:element name='a' type='b:Plz'/>\n</xs:schema>";

fn archive(shop: &Workshop, name: &str, entries: &[(&str, &str)]) {
    let mut made = zip::ZipWriter::new(fs::File::create(shop.file(name)).expect("a file"));
    for (path, text) in entries {
        made.start_file(*path, SimpleFileOptions::default()).expect("an entry");
        made.write_all(text.as_bytes()).expect("its content");
    }
    made.finish().expect("an archive");
}

/// A workshop with both standards, the second from a folder.
fn with_standards() -> Workshop {
    let shop = Workshop::new();
    archive(&shop, "base-1.zip", &[("types.xsd", BASE), ("liste.xml", "<l/>"), ("lies.pdf", "%PDF")]);
    shop.write("m-2/in/m.xsd", MESSAGE);
    for package in ["base-1.zip", "m-2"] {
        let ran = shop.run(&["standard", "add", package]);
        assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    }
    shop
}

#[test]
fn a_package_is_installed_used_and_removed() {
    let shop = with_standards();
    assert!(shop.read("config/standards/m/2/standard.toml").contains("https://example.org/base.xsd"));
    let list = shop.run(&["standard", "list", "--json"]).json();
    assert_eq!(list["standards"][1]["requires"][0], "base@1");
    assert!(!shop.file("config/standards/base/1/lies.pdf").exists());

    shop.write("gut.xml", "<a xmlns='urn:m'>12345</a>");
    shop.write("schlecht.xml", "<a xmlns='urn:m'>1</a>");
    assert_eq!(shop.run(&["validate", "standard:m@2/m.xsd", "gut.xml"]).code, 0);
    let bad = shop.run(&["validate", "standard:m@2/in/m.xsd", "schlecht.xml"]);
    assert!(bad.code == 1 && bad.errors.starts_with("schlecht.xml:1:1:"), "{bad:?}");
    assert_eq!(shop.run(&["validate", "standard:m@2", "gut.xml"]).code, 2);

    shop.write("mappings/weiter/mapping.toml", "[source]\nstandard = \"m@2\"\nschema = \"m.xsd\"\n");
    let ran = shop.run(&["map", "weiter", "gut.xml"]);
    assert_eq!((ran.code, ran.text.as_str()), (0, "<a xmlns='urn:m'>12345</a>"), "{ran:?}");
    assert_eq!(shop.run(&["check"]).code, 0);
    for (standard, user) in [("m@2", "the mapping weiter"), ("base@1", "the standard m@2")] {
        let ran = shop.run(&["standard", "remove", standard]);
        assert!(ran.code == 1 && ran.errors.contains(user), "{ran:?}");
    }
    fs::remove_dir_all(shop.file("mappings/weiter")).expect("it was there");
    for standard in ["m@2", "base@1"] {
        assert_eq!(shop.run(&["standard", "remove", standard]).code, 0);
    }
    assert_eq!(fs::read_dir(shop.file("config/standards")).expect("a folder").count(), 0);
    assert_eq!(shop.run(&["standard", "remove", "m@2"]).code, 2);
}

#[test]
fn what_another_standard_needs_stays_even_if_that_one_was_changed() {
    let shop = with_standards();
    shop.write("config/standards/m/2/in/m.xsd", "<changed/>");
    let ran = shop.run(&["standard", "remove", "base@1"]);
    assert!(ran.code == 1 && ran.errors.contains("in use by the standard m@2"), "{ran:?}");
    // A mapping whose file has other faults keeps its standard, too.
    shop.write("mappings/halb/mapping.toml", "[target]\nstandard = \"m@2\"\nschema = \"m.xsd\"\n[was");
    let ran = shop.run(&["standard", "remove", "m@2"]);
    assert!(ran.code == 1 && ran.errors.contains("in use by the mapping halb"), "{ran:?}");
    fs::remove_dir_all(shop.file("mappings/halb")).expect("it was there");
    assert_eq!(shop.run(&["standard", "remove", "m@2"]).code, 0);
}

#[test]
fn what_of_a_package_compiles_is_installed_and_the_rest_is_named() {
    let shop = Workshop::new();
    let unknown_type = MESSAGE.replace("b:Plz", "b:Fehlt").replace("urn:m", "urn:n");
    let entries = [
        ("types.xsd", BASE),
        ("m.xsd", MESSAGE),
        ("n.xsd", unknown_type.as_str()),
        ("kaputt.xsd", "<xs:schema\n>"),
    ];
    archive(&shop, "m-3.zip", &entries);
    let ran = shop.run(&["standard", "add", "m-3.zip"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""), "{ran:?}");
    for told in ["übersetzt  m.xsd", "FEHLER     n.xsd", "FEHLER     kaputt.xsd"] {
        assert!(ran.text.contains(told), "{told}: {ran:?}");
    }
    for why in ["standards/m/3/n.xsd:3:1:", "Fehlt", "standards/m/3/kaputt.xsd:2:"] {
        assert!(ran.text.contains(why), "{why}: {ran:?}");
    }
    let again = shop.run(&["standard", "add", "m-3.zip", "--json"]).json();
    assert_eq!((again["new"].as_bool(), again["broken"].as_u64()), (Some(false), Some(2)), "{again}");

    // The configuration is sound as long as nobody names what does not compile.
    assert_eq!(shop.run(&["check"]).code, 0);
    shop.write("gut.xml", "<a xmlns='urn:m'>12345</a>");
    assert_eq!(shop.run(&["validate", "standard:m@3/m.xsd", "gut.xml"]).code, 0);
    for (schema, why) in
        [("n.xsd", "standards/m/3/n.xsd:3:"), ("kaputt.xsd", "kaputt.xsd, which cannot be read: 2:")]
    {
        let ran = shop.run(&["validate", &format!("standard:m@3/{schema}"), "gut.xml"]);
        assert!(ran.code == 1 && ran.errors.contains(why), "{ran:?}");
    }
    shop.write("mappings/weiter/mapping.toml", "[source]\nstandard = \"m@3\"\nschema = \"n.xsd\"\n");
    let ran = shop.run(&["check"]);
    assert!(ran.code == 1 && ran.errors.contains("standards/m/3/n.xsd:3:"), "{ran:?}");

    // What another schema asks for must be whole, and nothing at all is not installed.
    let asks = "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:include schemaLocation='kaputt.xsd'/></xs:schema>";
    for entries in [vec![("a.xsd", asks), ("kaputt.xsd", "<xs:schema\n>")], vec![("kaputt.xsd", "<x")]] {
        archive(&shop, "o-1.zip", &entries);
        let ran = shop.run(&["standard", "add", "o-1.zip"]);
        assert!(ran.code == 1 && ran.errors.contains("kaputt.xsd:"), "{ran:?}");
    }
    assert!(!shop.file("config/standards/o").exists());
}

#[test]
fn nothing_is_asked_of_the_network() {
    let shop = with_standards();
    shop.write("gut.xml", "<a xmlns='urn:m'>12345</a>");
    shop.write("mappings/weiter/mapping.toml", "[source]\nstandard = \"m@2\"\nschema = \"m.xsd\"\n");
    let runs: [&[&str]; 4] = [
        &["standard", "add", "m-2", "--name", "noch", "--version", "1"],
        &["validate", "standard:m@2/m.xsd", "gut.xml"],
        &["map", "weiter", "gut.xml"],
        &["check"],
    ];
    for arguments in runs {
        let trace = shop.file("trace");
        let mut command = Command::new("strace");
        command.args(["-f", "-e", "trace=network", "-o"]).arg(&trace).arg(env!("CARGO_BIN_EXE_rohrpost"));
        command.arg("--config").arg(shop.file("config")).args(arguments);
        let Some(ran) = peers::run(command.current_dir(shop.file("."))) else { return };
        let errors = String::from_utf8_lossy(&ran.stderr);
        if errors.contains("ptrace") {
            return peers::missing("a strace that may trace");
        }
        assert!(ran.status.success(), "{arguments:?}: {errors}");
        let asked = fs::read_to_string(&trace).expect("a trace");
        assert!(asked.contains("exited with 0"), "it was traced to its end: {asked}");
        let calls: Vec<_> = asked.lines().filter(|line| line.contains("AF_INET")).collect();
        assert!(calls.is_empty(), "{arguments:?}: {calls:?}");
    }
}

#[test]
fn an_archive_that_lies_about_its_sizes_is_not_unpacked_without_end() {
    let shop = Workshop::new();
    archive(&shop, "bad-1.zip", &[("types.xsd", BASE), ("zeros.xml", &"0".repeat((64 << 20) + 1))]);
    let mut bytes = fs::read(shop.file("bad-1.zip")).expect("the archive");
    assert!(bytes.len() < 1 << 20, "a bomb");
    for (signature, size) in [(b"PK\x01\x02", 24), (b"PK\x03\x04", 22)] {
        let entry = bytes.windows(4).rposition(|four| four == signature).expect("an entry");
        bytes[entry + size..entry + size + 4].copy_from_slice(&100_u32.to_le_bytes());
    }
    shop.write("bad-1.zip", bytes);
    let ran = shop.run(&["standard", "add", "bad-1.zip"]);
    assert!(ran.code == 1 && ran.errors.contains("larger than its declared"), "{ran:?}");
    assert!(!shop.file("config/standards").exists(), "nothing was written");
}

#[test]
fn the_same_again_is_no_change_and_another_content_is_refused() {
    let shop = with_standards();
    let before = shop.read("config/standards/base/1/standard.toml");
    let again = shop.run(&["standard", "add", "base-1.zip", "--json"]);
    assert_eq!((again.code, again.json()["new"].as_bool()), (0, Some(false)));
    archive(&shop, "base-1.zip", &[("types.xsd", &BASE.replace("{5}", "{4}"))]);
    let other = shop.run(&["standard", "add", "base-1.zip"]);
    assert!(other.code == 1 && other.errors.contains("another content"), "{other:?}");
    assert_eq!(shop.read("config/standards/base/1/standard.toml"), before);
}

#[test]
fn check_names_a_changed_file_and_a_mapping_without_its_standard() {
    let shop = with_standards();
    shop.write("config/standards/base/1/liste.xml", "<l>neu</l>");
    shop.write("mappings/weiter/mapping.toml", "[source]\nstandard = \"fehlt@2\"\nschema = \"m.xsd\"\n");
    let ran = shop.run(&["check"]);
    assert_eq!(ran.code, 1);
    assert!(ran.errors.contains("standards/base/1/liste.xml:0:0: the file was changed"), "{ran:?}");
    assert!(
        ran.errors.contains("weiter/mapping.toml:2:12: the standard `fehlt@2` is not installed"),
        "{ran:?}"
    );
}

#[test]
fn what_lacks_an_import_or_is_not_safe_is_refused_whole() {
    let shop = Workshop::new();
    shop.write("m-2/m.xsd", MESSAGE);
    let ran = shop.run(&["standard", "add", "m-2"]);
    assert!(
        ran.code == 1 && ran.errors.starts_with("m-2/m.xsd:2:1: the import of https://example.org/base.xsd"),
        "{ran:?}"
    );
    let bad = [
        ("../x.xsd", "leads out"),
        ("/x.xsd", "absolute"),
        ("C:/x.xsd", "absolute"),
        ("a\\x.xsd", "backslash"),
        ("a//x.xsd", "empty part"),
        ("a\u{7}.xsd", "control character"),
    ];
    for (name, word) in bad {
        archive(&shop, "bad-1.zip", &[("types.xsd", BASE), (name, "<x/>")]);
        let ran = shop.run(&["standard", "add", "bad-1.zip"]);
        assert!(ran.code == 1 && ran.errors.contains(word), "{name}: {ran:?}");
    }
    archive(&shop, "bad-1.zip", &[("types.xsd", BASE), ("Types.xsd", BASE)]);
    assert!(shop.run(&["standard", "add", "bad-1.zip"]).errors.contains("is there twice"));
    archive(&shop, "bad-1.zip", &[("types.xsd", BASE), ("types.xsd/m.xsd", MESSAGE)]);
    assert!(
        shop.run(&["standard", "add", "bad-1.zip"]).errors.contains("lies in \"types.xsd\", which is a file")
    );
    let mut made = zip::ZipWriter::new(fs::File::create(shop.file("bad-1.zip")).expect("a file"));
    made.add_symlink("x.xsd", "/etc/passwd", SimpleFileOptions::default()).expect("an entry");
    made.finish().expect("an archive");
    assert!(shop.run(&["standard", "add", "bad-1.zip"]).errors.contains("symbolic link"));
    archive(&shop, "bad-1.zip", &[("types.xsd", BASE), ("zeros.xml", &"0".repeat((64 << 20) + 1))]);
    assert!(shop.run(&["standard", "add", "bad-1.zip"]).errors.contains("at most 67108864"));
    // The flag for encryption, in the directory at the end.
    archive(&shop, "bad-1.zip", &[("types.xsd", BASE)]);
    let mut bytes = fs::read(shop.file("bad-1.zip")).expect("the archive");
    let entry = bytes.windows(4).rposition(|four| four == b"PK\x01\x02").expect("an entry of the directory");
    bytes[entry + 8] |= 1;
    shop.write("bad-1.zip", bytes);
    assert!(shop.run(&["standard", "add", "bad-1.zip"]).errors.contains("is encrypted"));
    shop.write("bad-1.zip", "no archive");
    assert_eq!(shop.run(&["standard", "add", "bad-1.zip"]).code, 1);
    let linked = Command::new("ln").args(["-s", "/etc/passwd"]).arg(shop.file("m-2/link.xsd")).status();
    assert!(linked.is_ok_and(|status| status.success()));
    assert!(shop.run(&["standard", "add", "m-2"]).errors.contains("neither a file nor a folder"));
    assert_eq!(shop.run(&["standard", "add", "ohne"]).code, 2);
    assert!(!shop.file("config/standards").exists(), "nothing was written");
}
