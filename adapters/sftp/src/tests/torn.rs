//! The connection dies when the unit is there, and the reader takes it away before anybody asks.

use super::peer::{Serves, Sshd, is_there};
use rohrpost_kit::conformance::units::{arrived, visible};
use rohrpost_kit::conformance::{Peer, Sample};
use rohrpost_model::Failure;
use rohrpost_model::ports::Inquiry;
use std::fs;

#[tokio::test]
async fn h5_a_unit_that_the_reader_took_away_is_known_and_does_not_appear_again() {
    if !is_there() {
        return;
    }
    for unit in ["flat", "subfolder"] {
        let sshd = Sshd::start(Serves::Relayed, unit);
        let (sample, target) = (Sample::new().with_attachment(Some("Lageplan.pdf"), 40_000), sshd.target());
        sshd.mood("break-after");
        let torn = target.deliver(&sample.parcel(1)).await;
        assert!(matches!(torn, Err(Failure::Unknown(_))), "{unit}: {torn:?}");
        sshd.mood("well");
        assert_eq!(arrived(&sshd.folder(), sample.key).len(), 1, "{unit}");
        visible(&sshd.folder()).iter().for_each(|file| fs::remove_file(file).unwrap());
        let asked = target.inquire(&sample.parcel(1), None).await;
        assert!(matches!(asked, Ok(Inquiry::Found(_))), "{unit}: {asked:?}");
        target.deliver(&sample.parcel(2)).await.unwrap();
        assert!(visible(&sshd.folder()).is_empty(), "h5: {unit}: it appeared again");
    }
}
