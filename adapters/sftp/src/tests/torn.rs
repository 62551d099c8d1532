//! The connection dies at every single request, before it reaches the server and after the server has done it.

use super::peer::{Serves, Sshd, is_there};
use rohrpost_kit::conformance::units::{arrived, visible};
use rohrpost_kit::conformance::{Peer, Sample};
use rohrpost_model::Failure;
use rohrpost_model::ports::Inquiry;
use std::fs;

#[tokio::test]
async fn h5_when_the_connection_dies_before_any_request_nothing_is_lost_or_doubled() {
    dies_at_every_request("before").await;
}

#[tokio::test]
async fn h5_when_the_connection_dies_after_any_request_nothing_is_lost_or_doubled() {
    dies_at_every_request("after").await;
}

async fn dies_at_every_request(when: &str) {
    if !is_there() {
        return;
    }
    let sshd = Sshd::start(Serves::Relayed, "flat");
    // An earlier delivery has made the work folder, and its daily sweep is done by every new target.
    sshd.target().deliver(&Sample::new().parcel(1)).await.unwrap();
    for number in 0.. {
        let sample = Sample::new().with_attachment(Some("Lageplan.pdf"), 40_000);
        let target = sshd.target();
        sshd.mood(&format!("{when} {number}"));
        let torn = target.deliver(&sample.parcel(1)).await;
        sshd.mood("well");
        let context = format!("{when} request {number}: {torn:?}");
        let published = arrived(&sshd.folder(), sample.key).len();
        match &torn {
            Ok(_) => assert_eq!(published, 1, "{context}"),
            Err(Failure::Unavailable { .. }) => assert_eq!(published, 0, "h5: surely not taken: {context}"),
            Err(Failure::Unknown(_)) => {}
            Err(_) => panic!("{context}"),
        }
        let asked = target.inquire(&sample.parcel(1), None).await.unwrap();
        assert_eq!(matches!(asked, Inquiry::Found(_)), published == 1, "{context}: {asked:?}");
        assert_eq!(asked == Inquiry::Absent, published == 0, "{context}: {asked:?}");
        // A reader takes away every other unit as soon as it is there.
        let reader_comes = published == 1 && number % 2 == 0;
        if reader_comes {
            take_away(&sshd);
        }
        target.deliver(&sample.parcel(2)).await.unwrap();
        let there = arrived(&sshd.folder(), sample.key).len();
        assert_eq!(there, usize::from(!reader_comes), "once and no more: {context}");
        take_away(&sshd);
        if torn.is_ok() && number > 30 {
            return;
        }
    }
}

fn take_away(sshd: &Sshd) {
    visible(&sshd.folder()).iter().for_each(|file| fs::remove_file(file).unwrap());
}
