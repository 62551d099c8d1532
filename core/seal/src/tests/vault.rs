use super::fixtures::at;
use super::vault_conformance::vault_conformance;
use crate::{HubKey, KeyFolder, parse_hub_key};
use rohrpost_model::TenantName;
use rohrpost_model::ports::{Vault, VaultFault, WrappedKey};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

fn hub_key() -> HubKey {
    HubKey::from_bytes([9; 32])
}

fn open(folder: &Path) -> KeyFolder {
    KeyFolder::open(folder, &hub_key()).unwrap()
}

fn tenant() -> TenantName {
    "lk-beispiel".parse().unwrap()
}

const NOW: &str = "2026-11-24T08:00:00Z";

#[test]
fn the_key_folder_keeps_the_protocol_of_the_port() {
    let folder = tempfile::tempdir().unwrap();
    vault_conformance(&|| Box::new(open(&folder.path().join("data/keys"))));
}

#[test]
fn keys_are_readable_by_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let keys = folder.path().join("keys");
    open(&keys).issue(&tenant(), at(NOW)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&keys), 0o700);
    assert_eq!(mode(&keys.join("HUB-KEY.check")), 0o600);
    assert_eq!(mode(&keys.join("lk-beispiel")), 0o700);
    assert_eq!(mode(&keys.join("lk-beispiel/2026-W48.key")), 0o600);
    let left: Vec<_> = fs::read_dir(keys.join("lk-beispiel")).unwrap().collect();
    assert_eq!(left.len(), 1, "a temporary file was left behind");
}

#[test]
fn a_wrong_hub_key_is_refused_in_words_and_changes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let wrapped = open(folder.path()).issue(&tenant(), at(NOW)).unwrap().wrapped;
    match KeyFolder::open(folder.path(), &HubKey::from_bytes([8; 32])) {
        Err(VaultFault::WrongKey(text)) => assert!(text.contains("Hub-Schlüssel passt nicht"), "{text}"),
        other => panic!("{other:?}"),
    }
    open(folder.path()).open(&wrapped).unwrap();
}

#[test]
fn keys_without_their_check_value_are_not_taken_for_a_first_start() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).issue(&tenant(), at(NOW)).unwrap();
    fs::remove_file(folder.path().join("HUB-KEY.check")).unwrap();
    assert!(matches!(KeyFolder::open(folder.path(), &hub_key()), Err(VaultFault::Damaged(_))));
}

#[test]
fn a_first_start_that_was_cut_off_is_begun_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("HUB-KEY.tmp"), b"rohr").unwrap();
    open(folder.path());
}

#[test]
fn a_missing_epoch_key_is_asked_for_and_never_made_anew() {
    let folder = tempfile::tempdir().unwrap();
    let wrapped = open(folder.path()).issue(&tenant(), at(NOW)).unwrap().wrapped;
    let file = folder.path().join("lk-beispiel/2026-W48.key");
    let kept = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let vault = open(folder.path());
    assert!(
        matches!(vault.open(&wrapped), Err(VaultFault::Unavailable(text)) if text.contains("restore it"))
    );
    let refused = vault.issue(&tenant(), at(NOW)).err();
    assert!(matches!(refused, Some(VaultFault::Unavailable(_))), "a lost key would be replaced: {refused:?}");
    assert!(!file.exists());
    fs::write(&file, kept).unwrap();
    vault.open(&wrapped).unwrap();
    vault.issue(&tenant(), at(NOW)).unwrap();
}

#[test]
fn a_crash_between_a_key_and_the_note_of_it_is_mended() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path()).issue(&tenant(), at(NOW)).unwrap();
    fs::remove_file(folder.path().join("EPOCHS.made")).unwrap();
    open(folder.path()).issue(&tenant(), at(NOW)).unwrap();
    assert_eq!(fs::read_to_string(folder.path().join("EPOCHS.made")).unwrap(), "lk-beispiel/2026-W48\n");
}

#[test]
fn h9_content_of_a_destroyed_epoch_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let vault = open(folder.path());
    let gone = vault.issue(&tenant(), at(NOW)).unwrap().wrapped;
    let kept = vault.issue(&tenant(), at("2026-12-24T08:00:00Z")).unwrap().wrapped;
    vault.destroy_epoch(&gone.epoch).unwrap();
    for vault in [&vault, &open(folder.path())] {
        assert!(matches!(vault.open(&gone), Err(VaultFault::Destroyed)));
        assert!(matches!(vault.issue(&tenant(), at(NOW)), Err(VaultFault::Destroyed)));
        vault.open(&kept).unwrap();
    }
}

#[test]
fn a_damaged_epoch_key_is_said_to_be_damaged() {
    let folder = tempfile::tempdir().unwrap();
    let wrapped = open(folder.path()).issue(&tenant(), at(NOW)).unwrap().wrapped;
    let file = folder.path().join("lk-beispiel/2026-W48.key");
    let mut bytes = fs::read(&file).unwrap();
    bytes[20] ^= 1;
    fs::write(&file, bytes).unwrap();
    assert!(matches!(open(folder.path()).open(&wrapped), Err(VaultFault::Damaged(_))));
}

#[test]
fn an_epoch_key_does_not_stand_in_for_that_of_another_epoch() {
    let folder = tempfile::tempdir().unwrap();
    let vault = open(folder.path());
    vault.issue(&tenant(), at(NOW)).unwrap();
    vault.issue(&tenant(), at("2026-12-24T08:00:00Z")).unwrap();
    let file = |week| folder.path().join(format!("lk-beispiel/2026-W{week}.key"));
    fs::copy(file(52), file(48)).unwrap();
    let found = open(folder.path()).issue(&tenant(), at(NOW)).err();
    assert!(matches!(found, Some(VaultFault::Damaged(_))), "{found:?}");
}

#[test]
fn a_folder_that_cannot_be_written_is_unavailable() {
    let folder = tempfile::tempdir().unwrap();
    let in_the_way = folder.path().join("file");
    fs::write(&in_the_way, b"").unwrap();
    let found = KeyFolder::open(&in_the_way.join("keys"), &hub_key());
    assert!(matches!(found, Err(VaultFault::Unavailable(_))), "{found:?}");
}

/// The formats of version 1: the check value, an epoch key, a data key. If this fails, existing installations lose
/// their content: make a version 2 beside it.
#[test]
fn golden_key_folder_version_1() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("HUB-KEY.check"), GOLDEN_CHECK).unwrap();
    fs::create_dir(folder.path().join("lk-beispiel")).unwrap();
    fs::write(folder.path().join("lk-beispiel/2026-W48.key"), hex::decode(GOLDEN_EPOCH_KEY).unwrap())
        .unwrap();
    let vault = open(folder.path());
    let wrapped =
        WrappedKey { epoch: "lk-beispiel/2026-W48".to_owned(), bytes: hex::decode(GOLDEN_DATA_KEY).unwrap() };
    let key = vault.open(&wrapped).unwrap();
    assert_eq!(key.open(b"data", &hex::decode(GOLDEN_CONTENT).unwrap()).unwrap(), b"Rohrpost");
    assert_eq!(vault.blind("aktenzeichen", b"A 1").to_string(), GOLDEN_BLIND);
}

const GOLDEN_CHECK: &str =
    "rohrpost keys 1\nd2c5e8cb8404f853d8507326a6cc2644103ff0719ca33fd787ad5a74f41b5be7\n";
const GOLDEN_EPOCH_KEY: &str = "015a7c9d9ec2ab1db88b130f66a1bf6313e126fb3ad65fe635139f2b378b49704ebf642adfd194388cfbc2b7e99a75459335eb769f670229f4599828dc";
const GOLDEN_DATA_KEY: &str = "019df36ce56dcd2a3437d1f7bc77b37afa847f0dddbbaf2f60d92a477f27aab7e963ccfb669a3b30f63b033bcb5c2d8712c3f32970f67091c22c94b2bd";
const GOLDEN_CONTENT: &str = "013f37d2140155c6e1c24f4f1dabfcad1b994ebfb8824deaa0ce36f508f84461";
const GOLDEN_BLIND: &str = "8e66ac51b134a9bfd6564cc4b3c056fbc99b2046d8710416a2ae2b69764f60b2";

#[test]
fn a_hub_key_is_read_from_hexadecimal_or_base64_and_never_repeated() {
    for text in ["09".repeat(32), " CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=\n".to_owned()] {
        let folder = tempfile::tempdir().unwrap();
        open(folder.path());
        KeyFolder::open(folder.path(), &parse_hub_key(&text).unwrap()).unwrap();
    }
    for text in ["", "geheim", &"09".repeat(31), &"0g".repeat(32), "Z2VoZWlt"] {
        let fault = parse_hub_key(text).unwrap_err();
        assert!(fault.contains("64 hexadecimal digits"), "{fault}");
        assert!(text.is_empty() || !fault.contains(text), "{fault}");
    }
    assert_eq!(format!("{:?}", hub_key()), "HubKey(***)");
}
