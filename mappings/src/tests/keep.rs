//! The stored form of a bundle.

use super::bundle;
use crate::Bundle;

/// Format 1 as it was first written. Whatever comes later still reads it; a change here breaks deliveries under way.
const GOLDEN: &[u8] = b"rohrpost-mapping\0\0\0\x01\0\0\0\x05probe\0\0\0\x02\
    \0\0\0\x05a.xsd\0\0\0\0\0\0\0\x04<a/>\0\0\0\x0cmapping.toml\0\0\0\0\0\0\0\0";

fn golden() -> Bundle {
    bundle(&[("mapping.toml", ""), ("a.xsd", "<a/>")])
}

#[test]
fn h4_the_stored_form_stays_as_it_is() {
    assert_eq!(golden().to_bytes(), GOLDEN);
    assert_eq!(Bundle::from_bytes(GOLDEN).unwrap(), golden());
    assert_eq!(
        golden().digest().to_string(),
        "1348eaae651e8ed0e2b148c4d743fd5d1a3df413479bb29785c126c60dd4e98e"
    );
}

#[test]
fn refuses_what_is_not_a_bundle() {
    for end in 0..GOLDEN.len() {
        assert!(Bundle::from_bytes(&GOLDEN[..end]).is_err(), "cut at {end}");
    }
    assert!(Bundle::from_bytes(&[GOLDEN, b"x"].concat()).is_err());
    let mut newer = GOLDEN.to_vec();
    newer[19] = 2;
    assert!(Bundle::from_bytes(&newer).is_err());
}

#[test]
fn other_content_has_another_digest() {
    let one = bundle(&[("a", "bc"), ("d", "")]);
    let others =
        [bundle(&[("ab", "c"), ("d", "")]), bundle(&[("a", "b"), ("d", "c")]), bundle(&[("a", "bc")])];
    assert!(others.iter().all(|other| other.digest() != one.digest()));
    let renamed = Bundle { name: "other".parse().unwrap(), ..one.clone() };
    assert_ne!(renamed.digest(), one.digest());
}
