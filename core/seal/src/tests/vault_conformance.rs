//! What every implementation of the port `Vault` must do.

use super::fixtures::at;
use rohrpost_model::TenantName;
use rohrpost_model::ports::{CHUNK, Vault, VaultFault, WrappedKey};
use std::collections::HashSet;

/// Runs the suite. `reopen` opens the vault on the same keys anew, as after a restart.
pub fn vault_conformance(reopen: &dyn Fn() -> Box<dyn Vault>) {
    content_comes_back_after_a_restart(reopen);
    keys_differ(&*reopen());
    epochs_are_tenant_and_iso_week(&*reopen());
    a_wrapped_key_opens_only_as_itself(&*reopen());
    blinding_is_stable_and_separates(reopen);
    threads_share_one_epoch_key(reopen);
}

fn tenant(name: &str) -> TenantName {
    name.parse().unwrap()
}

const MONDAY: &str = "2026-11-23T00:00:00Z";

fn content_comes_back_after_a_restart(reopen: &dyn Fn() -> Box<dyn Vault>) {
    let issued = reopen().issue(&tenant("lk-beispiel"), at(MONDAY)).unwrap();
    let plain = vec![5; CHUNK + 1];
    let sealed = issued.key.seal(b"data", &plain).unwrap();
    assert!(!sealed.windows(64).any(|window| window == &plain[..64]));
    let opened = reopen().open(&issued.wrapped).unwrap();
    assert!(opened.open(b"data", &sealed).unwrap() == plain);
    assert!(matches!(opened.open(b"other", &sealed), Err(VaultFault::Damaged(_))));
}

fn keys_differ(vault: &dyn Vault) {
    let issue = || vault.issue(&tenant("lk-beispiel"), at(MONDAY)).unwrap();
    let (one, other) = (issue(), issue());
    assert_ne!(one.wrapped.bytes, other.wrapped.bytes);
    let sealed = one.key.seal(b"data", b"content").unwrap();
    assert!(matches!(other.key.open(b"data", &sealed), Err(VaultFault::Damaged(_))));
}

fn epochs_are_tenant_and_iso_week(vault: &dyn Vault) {
    for (time, epoch) in [
        (MONDAY, "lk-beispiel/2026-W48"),
        ("2026-11-22T23:59:59Z", "lk-beispiel/2026-W47"),
        ("2027-01-03T12:00:00Z", "lk-beispiel/2026-W53"),
        ("2024-12-30T00:00:00Z", "lk-beispiel/2025-W01"),
    ] {
        assert_eq!(vault.issue(&tenant("lk-beispiel"), at(time)).unwrap().wrapped.epoch, epoch);
    }
    assert_eq!(vault.issue(&tenant("stadt-b"), at(MONDAY)).unwrap().wrapped.epoch, "stadt-b/2026-W48");
}

fn a_wrapped_key_opens_only_as_itself(vault: &dyn Vault) {
    let wrapped = vault.issue(&tenant("lk-beispiel"), at(MONDAY)).unwrap().wrapped;
    vault.issue(&tenant("stadt-b"), at(MONDAY)).unwrap();
    let damaged = |wrapped: WrappedKey| {
        let found = vault.open(&wrapped).err();
        assert!(matches!(found, Some(VaultFault::Damaged(_))), "{wrapped:?}: {found:?}");
    };
    for at in 0..wrapped.bytes.len() {
        let mut changed = wrapped.clone();
        changed.bytes[at] ^= 1;
        damaged(changed);
    }
    for length in 0..wrapped.bytes.len() {
        damaged(WrappedKey { bytes: wrapped.bytes[..length].to_vec(), ..wrapped.clone() });
    }
    for epoch in [
        "stadt-b/2026-W48",
        "",
        "lk-beispiel",
        "../x/2026-W48",
        "lk-beispiel/2026-W4x",
        "lk-beispiel/2026-W48/x",
    ] {
        damaged(WrappedKey { epoch: epoch.to_owned(), ..wrapped.clone() });
    }
}

fn blinding_is_stable_and_separates(reopen: &dyn Fn() -> Box<dyn Vault>) {
    let blind = |purpose: &str, value: &[u8]| reopen().blind(purpose, value);
    assert_eq!(blind("aktenzeichen", b"A 1"), blind("aktenzeichen", b"A 1"));
    let distinct = [
        ("aktenzeichen", b"A 1".as_slice()),
        ("aktenzeichen", b"A 2"),
        ("kassenzeichen", b"A 1"),
        ("a", b"bc"),
        ("ab", b"c"),
    ];
    let digests: HashSet<_> = distinct.iter().map(|(purpose, value)| blind(purpose, value)).collect();
    assert_eq!(digests.len(), distinct.len());
    assert!(!digests.contains(&rohrpost_model::Digest::of(b"A 1")));
}

/// Two threads that issue in a new epoch at the same time make one key: otherwise one of them would encrypt with a key
/// that is lost (promise H1).
fn threads_share_one_epoch_key(reopen: &dyn Fn() -> Box<dyn Vault>) {
    let vault = reopen();
    let barrier = std::sync::Barrier::new(8);
    for week in 0..20 {
        let time = at("2030-01-07T00:00:00Z") + std::time::Duration::from_secs(week * 7 * 86_400);
        let issue = || {
            barrier.wait();
            vault.issue(&tenant("lk-beispiel"), time).unwrap().wrapped
        };
        let wrapped: Vec<WrappedKey> = std::thread::scope(|scope| {
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(issue)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let restarted = reopen();
        wrapped.iter().for_each(|wrapped| drop(restarted.open(wrapped).unwrap()));
    }
}
