use crate::vault::stream::DataKey;
use aead_stream::{DecryptorBE32, EncryptorBE32};
use aes_gcm::aead::{KeyInit, Payload};
use aes_gcm::{Aes256Gcm, Key};
use proptest::prelude::*;
use rohrpost_model::Digest;
use rohrpost_model::ports::{CHUNK, ContentKey, StreamSealer, VaultFault};

const KEY: [u8; 32] = [7; 32];
const PREFIX: [u8; 7] = [1, 2, 3, 4, 5, 6, 7];
const CONTEXT: &[u8] = b"submission/data";
const HEADER: usize = 8;
const SEALED_CHUNK: usize = CHUNK + 16;

fn key() -> DataKey {
    DataKey::new(&KEY).unwrap()
}

fn content(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 251) as u8).collect()
}

fn sealed(plain: &[u8]) -> Vec<u8> {
    let mut sealer = Box::new(key().sealer_from(PREFIX, CONTEXT));
    let mut out = Vec::new();
    sealer.push(plain, &mut out).unwrap();
    sealer.finish(&mut out).unwrap();
    out
}

/// The same stream by another implementation.
fn sealed_by_peer(plain: &[u8]) -> Vec<u8> {
    let aead = Aes256Gcm::new(&Key::<Aes256Gcm>::from(KEY));
    let mut encryptor = EncryptorBE32::from_aead(aead, &PREFIX.into());
    let mut out = [&[1][..], &PREFIX].concat();
    let mut chunks = plain.chunks(CHUNK).peekable();
    while let Some(chunk) = chunks.next() {
        let payload = Payload { msg: chunk, aad: CONTEXT };
        if chunks.peek().is_none() {
            out.extend(encryptor.encrypt_last(payload).unwrap());
            return out;
        }
        out.extend(encryptor.encrypt_next(payload).unwrap());
    }
    out.extend(encryptor.encrypt_last(Payload { msg: b"", aad: CONTEXT }).unwrap());
    out
}

#[test]
fn the_stream_is_the_one_that_stream_be32_writes() {
    for length in [0, 1, 100, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5] {
        assert_eq!(sealed(&content(length)), sealed_by_peer(&content(length)), "{length} bytes");
    }
}

#[test]
fn what_is_sealed_here_is_opened_by_stream_be32() {
    let plain = content(CHUNK + 9);
    let sealed = key().seal(CONTEXT, &plain).unwrap();
    let prefix: [u8; 7] = sealed[1..HEADER].try_into().unwrap();
    let aead = Aes256Gcm::new(&Key::<Aes256Gcm>::from(KEY));
    let mut decryptor = DecryptorBE32::from_aead(aead, &prefix.into());
    let (first, last) = sealed[HEADER..].split_at(SEALED_CHUNK);
    let mut opened = decryptor.decrypt_next(Payload { msg: first, aad: CONTEXT }).unwrap();
    opened.extend(decryptor.decrypt_last(Payload { msg: last, aad: CONTEXT }).unwrap());
    assert!(opened == plain);
}

/// The format of version 1. If this fails, stored content can no longer be read: make a version 2 beside it.
#[test]
fn golden_stream_version_1() {
    assert_eq!(hex::encode(sealed(b"Rohrpost")), GOLDEN_SHORT);
    assert_eq!(key().open(CONTEXT, &hex::decode(GOLDEN_SHORT).unwrap()).unwrap(), b"Rohrpost");
    assert_eq!(Digest::of(&sealed(&content(2 * CHUNK + 1))).to_string(), GOLDEN_LONG_SHA256);
}

const GOLDEN_SHORT: &str = "010102030405060755d4f84dd74237a8bacfe0cfdad1cd42ad99e30cffb24ffe";
const GOLDEN_LONG_SHA256: &str = "de3baf512a90161ac33fafac0ca7dba887f07579fac52a0b3cdecaa5a1e34ce0";

#[test]
fn two_streams_of_one_content_differ() {
    assert_ne!(key().seal(CONTEXT, b"gleich").unwrap(), key().seal(CONTEXT, b"gleich").unwrap());
}

#[track_caller]
fn damaged(context: &[u8], sealed: &[u8]) {
    for piece in [1 << 20, 4096, SEALED_CHUNK, 1021] {
        let mut opener = key().opener(context);
        let mut out = Vec::new();
        let pushed = sealed.chunks(piece).try_for_each(|piece| opener.push(piece, &mut out));
        let result = pushed.and_then(|()| opener.finish(&mut out));
        assert!(matches!(result, Err(VaultFault::Damaged(_))), "pieces of {piece}: {result:?}");
        // What was given out until then is authentic.
        assert!(content(out.len()) == out);
    }
}

/// Header and chunks of a sealed content of three full chunks and a rest.
fn parts() -> (Vec<u8>, Vec<Vec<u8>>) {
    let sealed = sealed(&content(3 * CHUNK + 100));
    (sealed[..HEADER].to_vec(), sealed[HEADER..].chunks(SEALED_CHUNK).map(<[u8]>::to_vec).collect())
}

#[test]
fn h8_a_truncated_swapped_or_repeated_blob_chunk_is_refused_on_reading() {
    let (header, chunks) = parts();
    let joined = |order: &[usize]| {
        let mut sealed = header.clone();
        order.iter().for_each(|&chunk| sealed.extend_from_slice(&chunks[chunk]));
        sealed
    };
    assert!(key().open(CONTEXT, &joined(&[0, 1, 2, 3])).is_ok());
    let orders: [&[usize]; 11] = [
        &[0, 1, 2],
        &[0, 1],
        &[0],
        &[],
        &[3],
        &[1, 0, 2, 3],
        &[0, 2, 1, 3],
        &[0, 0, 1, 2, 3],
        &[0, 1, 2, 3, 3],
        &[0, 1, 3],
        &[1, 2, 3],
    ];
    orders.iter().for_each(|order| damaged(CONTEXT, &joined(order)));
}

#[test]
fn h8_content_cut_off_anywhere_is_refused() {
    let sealed = sealed(&content(CHUNK + 40));
    let lengths = (0..40).chain(SEALED_CHUNK - 2..SEALED_CHUNK + HEADER + 20).chain([sealed.len() - 1]);
    lengths.for_each(|length| damaged(CONTEXT, &sealed[..length]));
}

#[test]
fn h8_content_under_another_name_key_or_format_is_refused() {
    let sealed = sealed(&content(CHUNK + 40));
    damaged(b"submission/other", &sealed);
    damaged(b"", &sealed);
    let other = DataKey::new(&[8; 32]).unwrap();
    assert!(matches!(other.open(CONTEXT, &sealed), Err(VaultFault::Damaged(_))));
    let mut format = sealed.clone();
    format[0] = 2;
    damaged(CONTEXT, &format);
    // A chunk of another stream under the same key.
    let strange = key().seal(CONTEXT, &content(CHUNK + 40)).unwrap();
    damaged(CONTEXT, &[&sealed[..HEADER + SEALED_CHUNK], &strange[HEADER + SEALED_CHUNK..]].concat());
}

#[test]
fn after_a_refused_chunk_nothing_more_is_given_out() {
    let mut sealed = sealed(&content(2 * CHUNK));
    sealed[HEADER] ^= 1;
    let mut opener = key().opener(CONTEXT);
    let mut out = Vec::new();
    let results: Vec<_> = sealed.chunks(1000).map(|piece| opener.push(piece, &mut out).is_ok()).collect();
    let first_refusal = results.iter().position(|ok| !ok).unwrap();
    assert!(results[first_refusal..].iter().all(|ok| !ok));
    assert!(opener.finish(&mut out).is_err());
    assert!(out.is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn h8_any_content_in_any_pieces_comes_back(
        length in prop_oneof![0..200usize, CHUNK - 20..CHUNK + 20, 0..3 * CHUNK],
        pieces_in in prop::collection::vec(1..CHUNK + 100, 1..8),
        pieces_out in prop::collection::vec(1..SEALED_CHUNK + 100, 1..8),
        context in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let plain = content(length);
        let mut sealed = Vec::new();
        let mut sealer = key().sealer(&context);
        in_pieces(&plain, &pieces_in, |piece| sealer.push(piece, &mut sealed).unwrap());
        sealer.finish(&mut sealed).unwrap();
        let mut opened = Vec::new();
        let mut opener = key().opener(&context);
        in_pieces(&sealed, &pieces_out, |piece| opener.push(piece, &mut opened).unwrap());
        opener.finish(&mut opened).unwrap();
        prop_assert!(opened == plain);
    }

    #[test]
    fn h8_any_altered_byte_is_refused(length in 0..2 * CHUNK, at in any::<prop::sample::Index>(), bit in 0..8u8) {
        let mut sealed = sealed(&content(length));
        let at = at.index(sealed.len());
        sealed[at] ^= 1 << bit;
        prop_assert!(matches!(key().open(CONTEXT, &sealed), Err(VaultFault::Damaged(_))));
    }
}

fn in_pieces(mut bytes: &[u8], sizes: &[usize], mut each: impl FnMut(&[u8])) {
    for size in sizes.iter().cycle() {
        if bytes.is_empty() {
            return;
        }
        let (piece, rest) = bytes.split_at(bytes.len().min(*size));
        each(piece);
        bytes = rest;
    }
}
