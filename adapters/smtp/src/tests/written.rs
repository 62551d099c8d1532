//! What stands in a mail, as Python reads it.

use super::peer::{Exim, Way, is_there};
use rohrpost_kit::conformance::{CONTENT_MARK, FixedClock, Peer, Sample};
use rohrpost_model::submission::ReplyChannel;
use rohrpost_model::{Failure, Outcome, ReasonCode};

#[tokio::test]
async fn h10_a_notice_says_that_there_is_something_and_nothing_of_it() {
    if !is_there() {
        return;
    }
    let exim = Exim::start(Way::Tls, false).await;
    let sample = Sample::new().with_signature().with_attachment(Some("Lageplan Mustermann.pdf"), 5000);
    let outcome = exim.target().deliver(&sample.parcel(1)).await.unwrap();
    let mail = exim.mails_of(sample.key).remove(0);
    let Outcome::Done(receipt) = outcome else { panic!("{outcome:?}") };
    assert_eq!(receipt.reference, Some(mail.id.clone()));
    let all = format!("{mail:?}");
    for content in [CONTENT_MARK, "Mustermann", "Lageplan", "2026:BR-4711", "portal"] {
        assert!(!all.contains(content), "{content} is in {all}");
    }
    assert_eq!(mail.headers["Subject"], "Neuer Eingang / New submission: 99012070006001");
    assert_eq!(mail.headers["Auto-Submitted"], "auto-generated");
    assert_eq!(
        (mail.headers["From"].as_str(), mail.headers["To"].as_str()),
        ("Rohrpost <hub@example.org>", "bauamt@example.org")
    );
    assert!(
        mail.headers["Date"]
            .starts_with(&FixedClock::default().0.strftime("%a, %d %b %Y %H:%M:%S").to_string())
    );
    assert!(
        mail.text.contains("Im Fachverfahren liegt ein neuer Eingang.")
            && mail.text.contains("There is a new submission.")
    );
    assert!(mail.text.contains(&format!("Kennung / id: {}", sample.key)), "{}", mail.text);
    assert!(mail.names.is_empty() && mail.defects.is_empty(), "{all}");
}

#[tokio::test]
async fn subject_and_text_are_those_of_the_configuration() {
    if !is_there() {
        return;
    }
    let exim = Exim::start(Way::Tls, false).await;
    let further = "subject = \"Für {tenant}: Übergabe\"\ntext = \"\"\"\nZeile eins, größer.\n.\n.Punkt am Anfang, {kind}\n\"\"\"\n";
    // No line of it ends the mail, in whatever encoding it goes.
    let plain = Sample::new();
    exim.target_with("text = \"eins\\n.\\nMAIL FROM:<x@example.org>\\n.\\r\\n..\"\n")
        .deliver(&plain.parcel(1))
        .await
        .unwrap();
    assert_eq!(exim.mails_of(plain.key)[0].text.trim_end(), "eins\n.\nMAIL FROM:<x@example.org>\n.\n..");
    let sample = Sample::new();
    exim.target_with(further).deliver(&sample.parcel(1)).await.unwrap();
    let mail = exim.mails_of(sample.key).remove(0);
    assert_eq!(mail.headers["Subject"], "Für lk-beispiel: Übergabe");
    assert_eq!(mail.text.trim_end(), "Zeile eins, größer.\n.\n.Punkt am Anfang, application");
}

#[tokio::test]
async fn with_content_everything_goes_along_under_a_name() {
    if !is_there() {
        return;
    }
    let exim = Exim::start(Way::StartTls, true).await;
    let sample = Sample::new()
        .with_signature()
        .with_document("index")
        .with_attachment(Some("../Flur 3 / Süd \"neu\".pdf"), 57 * 3)
        .with_attachment(None, 0)
        .with_attachment(Some("b.pdf"), 100_001);
    exim.target().deliver(&sample.parcel(1)).await.unwrap();
    let mail = exim.mails_of(sample.key).remove(0);
    assert!(mail.defects.is_empty(), "{mail:?}");
    let key = sample.key;
    let expected = [
        format!("{key}.xml"),
        format!("{key}.p7s"),
        format!("{key}_index.json"),
        "_._Flur_3___Süd__neu_.pdf".to_owned(),
        "anlage2.pdf".to_owned(),
        "b.pdf".to_owned(),
    ];
    assert_eq!(mail.names, expected);
    assert_eq!(
        mail.types[..4],
        ["application/xml", "application/pkcs7-signature", "application/json", "application/pdf"]
    );
    let mut digests = mail.digests.clone();
    digests.sort();
    assert_eq!(digests, sample.digests());
    assert!(mail.text.contains("Im Fachverfahren"), "{}", mail.text);
}

#[tokio::test]
async fn what_is_too_large_is_found_out_before_anybody_is_called() {
    if !is_there() {
        return;
    }
    let exim = Exim::start(Way::StartTls, true).await;
    let target = |limit: &str| super::configure(&exim.settings("").replace("400 MB", limit)).unwrap();
    let sample = Sample::new().with_attachment(Some("a.pdf"), 100_000);
    target("1 MB").deliver(&sample.parcel(1)).await.unwrap();
    let raw = fs_size(&exim);
    let failure = target(&format!("{} B", raw - 1)).deliver(&sample.parcel(2)).await.unwrap_err();
    let Failure::Refused(reason) = failure else { panic!("{failure:?}") };
    assert_eq!(
        (reason.code, reason.params["size"].as_str()),
        (ReasonCode::TooLarge, raw.to_string().as_str())
    );
    assert!(reason.german().contains("es wurde nichts gesendet"), "{}", reason.german());
    target(&format!("{raw} B")).deliver(&sample.parcel(3)).await.unwrap();
    assert_eq!(exim.takes().await, 2);
}

/// How large the mail was on its way: with two bytes at each line's end, and without what the server put on top.
fn fs_size(exim: &Exim) -> u64 {
    exim.mails();
    let mut files = std::fs::read_dir(exim.path("mail/new")).unwrap();
    let text = String::from_utf8(std::fs::read(files.next().unwrap().unwrap().path()).unwrap()).unwrap();
    let own = text.find("From: ").unwrap();
    let own = &text[own.min(text.find("Message-ID: ").unwrap()).min(text.find("MIME-Version: ").unwrap())..];
    (own.len() + own.matches('\n').count()) as u64
}

#[tokio::test]
async fn a_notice_goes_to_whom_the_submission_names_and_to_nobody_else() {
    if !is_there() {
        return;
    }
    let exim = Exim::start(Way::Tls, false).await;
    let target = exim.target_to("{reply.mail}");
    let mut sample = Sample::new();
    let refused = target.deliver(&sample.parcel(1)).await.unwrap_err();
    assert!(
        matches!(&refused, Failure::Defect(reason) if reason.code == ReasonCode::NoMailAddress),
        "{refused:?}"
    );
    let channel = r#"{"mail":{"address":"erika.mustermann@example.org"}}"#;
    sample.submission.reply = Some(serde_json::from_str::<ReplyChannel>(channel).unwrap());
    target.deliver(&sample.parcel(1)).await.unwrap();
    let mail = exim.mails_of(sample.key).remove(0);
    assert_eq!(mail.headers["To"], "erika.mustermann@example.org");
    assert!(mail.names.is_empty(), "{mail:?}");
}
