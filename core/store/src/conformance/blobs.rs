//! Cases of the port `Blobs`.

use super::sample::*;
use super::{Ports, Stand};
use bytes::Bytes;
use futures::StreamExt;
use rohrpost_model::digest::Hasher;
use rohrpost_model::ports::{Location, Scope, Slot, StagedContent, StoreFault};
use rohrpost_model::submission::Part;
use rohrpost_model::{Digest, SubmissionId};

/// Bytes that repeat nowhere near a chunk's length.
pub(crate) fn noise(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect()
}

async fn parts(ports: &Ports, id: SubmissionId) -> Vec<Part> {
    ports.records.submission(&Scope::Hub, id).await.unwrap().unwrap().submission.parts
}

pub(crate) async fn h8_content_of_any_size_comes_back_byte_for_byte(stand: &dyn Stand) {
    let ports = stand.open().await;
    let sizes = [0, 1, 65_535, 65_536, 65_537, 262_000, 262_144, 300_000, 1_000_003];
    let attachments: Vec<_> = sizes.into_iter().map(noise).collect();
    let answer = ports.accept(&Draft { attachments: attachments.clone(), ..Draft::default() }).await;
    check_all(&ports, answer.id, &attachments).await;
    drop(ports);
    check_all(&stand.open().await, answer.id, &attachments).await;
}

async fn check_all(ports: &Ports, id: SubmissionId, attachments: &[Vec<u8>]) {
    let key = ports.key_of(id).await;
    let (mut small, mut large) = (0, 0);
    for (part, plain) in parts(ports, id).await.iter().skip(1).zip(attachments) {
        let location = part.location.as_ref().expect("a place");
        match location {
            Location::Segment { .. } => small += 1,
            Location::File { .. } => large += 1,
        }
        assert!(
            ports.read(&key, Slot::Part(id, part.number), location).await == *plain,
            "{} bytes",
            plain.len()
        );
    }
    assert!(small > 0 && large > 0, "both ways are taken");
}

pub(crate) async fn h8_content_opens_only_in_its_own_place_and_under_its_own_key(stand: &dyn Stand) {
    let ports = stand.open().await;
    let draft = Draft { attachments: vec![noise(1000), noise(500_000), noise(500_000)], ..Draft::default() };
    let answer = ports.accept(&draft).await;
    let other = ports.accept(&Draft { steps: vec![step("fachverfahren")], ..Draft::default() }).await;
    let (key, other_key) = (ports.key_of(answer.id).await, ports.key_of(other.id).await);
    let parts = parts(&ports, answer.id).await;
    for part in &parts {
        let location = part.location.as_ref().expect("a place");
        let slot = Slot::Part(answer.id, part.number);
        let elsewhere = Slot::Part(answer.id, part.number + 1);
        let damaged = [
            ports.try_read(&key, elsewhere, location).await,
            ports.try_read(&key, Slot::Part(other.id, part.number), location).await,
            ports.try_read(&other_key, slot, location).await,
        ];
        assert!(damaged.iter().all(|read| matches!(read, Err(StoreFault::Damaged(_)))), "{damaged:?}");
    }
    let nowhere = [
        Location::Segment { segment: 99, offset: 16, length: 10 },
        Location::Segment { segment: 1, offset: u64::MAX, length: 10 },
        Location::Segment { segment: 1, offset: 1 << 40, length: 1 << 50 },
        Location::File { name: "../rohrpost.sqlite".into(), length: 10 },
    ];
    for location in nowhere {
        let read = ports.try_read(&key, Slot::Part(answer.id, 0), &location).await;
        assert!(matches!(read, Err(StoreFault::Damaged(_))), "{location:?}");
    }
}

pub(crate) async fn content_that_nobody_kept_is_gone(stand: &dyn Stand) {
    let ports = stand.open().await;
    let id = SubmissionId::new(at(0));
    let key = ports.vault.issue(&name("lk-beispiel"), at(0)).unwrap().key;
    let slot = Slot::Part(id, 1);
    let StagedContent::File(file) = ports.stage(&key, slot, &noise(400_000)).await else {
        panic!("large content is a file");
    };
    let location = file.location();
    assert_eq!(ports.read(&key, slot, &location).await, noise(400_000));
    std::thread::spawn(move || drop(file)).join().unwrap();
    assert!(ports.try_read(&key, slot, &location).await.is_err());
}

pub(crate) async fn large_content_comes_in_pieces(stand: &dyn Stand) {
    const PIECES: usize = 400;
    let ports = stand.open().await;
    let piece = Bytes::from(noise(100_000));
    let mut new = ports.new_submission(&Draft { attachments: vec![Vec::new()], ..Draft::default() }).await;
    let (id, key) = (new.submission.id, new.key.clone());
    let mut stage = ports.blobs.stage(key.clone(), Slot::Part(id, 1));
    let mut expected = Hasher::default();
    for _ in 0..PIECES {
        expected.update(&piece);
        stage.write(piece.clone()).await.unwrap();
    }
    let expected: Digest = expected.finish();
    let staged = stage.finish().await.unwrap();
    assert_eq!((staged.size, staged.sha256), (40_000_000, expected));
    new.contents[1] = staged.content;
    ports.outbox.accept(new).await.unwrap();

    let location = parts(&ports, id).await[1].location.clone().expect("a place");
    let mut stream = ports.blobs.open(key, Slot::Part(id, 1), &location).await.unwrap();
    let (mut found, mut largest) = (Hasher::default(), 0);
    while let Some(piece) = stream.next().await {
        let piece = piece.unwrap();
        largest = largest.max(piece.len());
        found.update(&piece);
    }
    assert_eq!(found.finish(), expected);
    assert!(largest <= 1 << 20, "a piece of {largest} bytes");
}
