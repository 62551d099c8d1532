//! What a printer is asked, and what its answers mean.

use super::peer::IppPeer;
use super::proxy::{job, said};
use super::spooler::Spooler;
use super::{SETTINGS, StepClock, configured};
use bytes::Bytes;
use ipp::model::{Operation, StatusCode};
use rohrpost_kit::conformance::{Cut, Letter, Peer, Sample};
use rohrpost_model::ports::{Inquiry, Target};
use rohrpost_model::{Digest, Failure, Outcome, ReasonCode};
use std::sync::Arc;
use std::time::Duration;

/// A printer, and a target that talks to it through a proxy.
struct Office {
    spooler: Arc<Spooler>,
    peer: IppPeer,
}

impl Office {
    async fn open() -> Option<Self> {
        let spooler = Spooler::start().map(Arc::new)?;
        Some(Self { peer: IppPeer::new(Arc::clone(&spooler)).await, spooler })
    }

    /// A target with these lines instead of the suite's.
    fn target(&self, lines: &str) -> Arc<dyn Target> {
        let suite = "history = \"1h\"\nlongest-call = \"20s\"\n";
        let text = SETTINGS.replace(suite, lines);
        let address = format!("127.0.0.1:{}", self.peer.proxy.port);
        configured(&text.replace("{address}", &address), Arc::new(StepClock::default())).unwrap()
    }
}

fn mark(sample: &Sample) -> String {
    let digest = Digest::of(&sample.message).to_string();
    format!("rohrpost-{}-message-{}", sample.key, &digest[..8])
}

async fn asked(target: &dyn Target, sample: &Sample) -> Result<Inquiry, Failure> {
    target.inquire(&sample.parcel(1), None).await
}

fn code<T: std::fmt::Debug>(answer: Result<T, Failure>) -> ReasonCode {
    answer.unwrap_err().reason().code
}

#[tokio::test]
async fn a_letter_is_printed_as_it_is_under_a_name_that_names_nobody() {
    let Some(office) = Office::open().await else { return };
    let (target, sample) = (office.peer.target(), Sample::letter());
    let outcome = target.deliver(&sample.parcel(1)).await.unwrap();
    let Outcome::Accepted { receipt, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(receipt.reference.as_deref(), Some("1"));
    assert_eq!(office.spooler.printed(), [(mark(&sample), sample.message.to_vec())]);
    let found = asked(target.as_ref(), &sample).await.unwrap();
    let Inquiry::Found(Outcome::Done(receipt)) = found else { panic!("{found:?}") };
    assert_eq!((receipt.reference.as_deref(), receipt.code.as_deref()), (Some("1"), Some("completed")));
    let sent = office.peer.proxy.asked().concat();
    let sent = String::from_utf8_lossy(&sent[..sent.len() - sample.message.len()]).into_owned();
    assert!(!sent.contains("BR-4711"), "h10: the case may name a person");
}

#[tokio::test]
async fn a_real_printer_is_probed_without_a_job() {
    let Some(office) = Office::open().await else { return };
    let mut probe = rohrpost_model::ports::Probe::default();
    let lines = "copies = 1\nsides = \"one-sided\"\nmedia = \"iso_a4_210x297mm\"\n";
    office.target(lines).probe(&mut probe).await;
    assert!(probe.is_well(), "{:#?}", probe.steps());
    let mut probe = rohrpost_model::ports::Probe::default();
    office.target("media = \"iso_a0_841x1189mm\"\n").probe(&mut probe).await;
    let last = probe.steps().last().unwrap();
    assert_eq!((last.word, last.finding.word()), ("job", "failed"), "it has no such paper: {last:?}");
    assert_eq!(office.spooler.printed(), []);
}

#[tokio::test]
async fn what_it_cannot_print_as_it_should_is_refused_before_a_job_is_made() {
    let Some(office) = Office::open().await else { return };
    let target = office.target("sides = \"two-sided-short-edge\"\nmedia = \"iso_a0_841x1189mm\"\n");
    let failure = target.deliver(&Sample::letter().parcel(1)).await.unwrap_err();
    assert!(
        matches!(&failure, Failure::Refused(reason)
        if reason.params["status"] == "client-error-attributes-or-values-not-supported"),
        "{failure:?}"
    );
    assert_eq!(office.spooler.printed(), []);
}

#[tokio::test]
async fn copies_sides_colour_and_a_tray_stand_in_the_job() {
    let Some(office) = Office::open().await else { return };
    let accepted = job(7, 3, "none", "");
    office.peer.proxy.answer(Operation::ValidateJob, &said(StatusCode::SuccessfulOk));
    office.peer.proxy.answer(Operation::PrintJob, &accepted);
    let lines = "copies = 2\nsides = \"two-sided-long-edge\"\ncolour = \"monochrome\"\ntray = \"tray-2\"\nuser = \"amt32\"\n";
    office.target(lines).deliver(&Sample::letter().parcel(1)).await.unwrap();
    for request in office.peer.proxy.asked() {
        let text = String::from_utf8_lossy(&request).into_owned();
        for word in
            ["copies", "two-sided-long-edge", "print-color-mode", "monochrome", "media-source", "tray-2"]
        {
            assert!(text.contains(word), "{word}");
        }
        assert!(text.contains("amt32") && text.contains("ipp-attribute-fidelity\0\x01\x01"), "true");
    }
}

#[tokio::test]
async fn a_job_is_awaited_until_it_is_printed_and_the_printer_is_asked_less_and_less_often() {
    let Some(office) = Office::open().await else { return };
    let (target, sample, proxy) = (office.peer.target(), Sample::letter(), &office.peer.proxy);
    target.deliver(&sample.parcel(1)).await.unwrap();
    let mut pauses = Vec::new();
    for (passes, state, reason, shown) in [
        (0, 3, "none", "pending"),
        (40, 6, "media-empty-error", "processing-stopped (media-empty-error)"),
        (7200, 4, "job-hold-until-specified", "pending-held (job-hold-until-specified)"),
    ] {
        office.peer.time_passes(Duration::from_secs(passes)).await;
        proxy.answer(Operation::GetJobAttributes, &job(1, state, reason, &mark(&sample)));
        let found = asked(target.as_ref(), &sample).await.unwrap();
        let Inquiry::Found(Outcome::Accepted { receipt, ask_again_at }) = found else { panic!("{found:?}") };
        assert_eq!(receipt.code.as_deref(), Some(shown));
        pauses.push(ask_again_at.duration_since(receipt.at.unwrap()).as_secs());
    }
    assert_eq!(pauses, [2, 10, 900]);
    proxy.answer_no_more(Operation::GetJobAttributes);
    assert!(matches!(asked(target.as_ref(), &sample).await, Ok(Inquiry::Found(Outcome::Done(_)))));
}

#[tokio::test]
async fn a_job_that_ended_badly_waits_for_a_person_whose_retry_prints_it_anew() {
    let Some(office) = Office::open().await else { return };
    for (state, reason, shown) in [
        (7, "job-canceled-at-device", "canceled (job-canceled-at-device)"),
        (8, "document-format-error", "aborted (document-format-error)"),
    ] {
        let (target, sample, proxy) = (office.peer.target(), Sample::letter(), &office.peer.proxy);
        let before = office.spooler.printed().len();
        let outcome = target.deliver(&sample.parcel(1)).await.unwrap();
        let Outcome::Accepted { receipt, .. } = outcome else { panic!("{outcome:?}") };
        let id = receipt.reference.unwrap().parse().unwrap();
        proxy.answer(Operation::GetJobAttributes, &job(id, state, reason, &mark(&sample)));
        let failure = asked(target.as_ref(), &sample).await.unwrap_err();
        assert!(matches!(&failure, Failure::Refused(reason) if reason.code == ReasonCode::ReportedFailed));
        assert!(failure.reason().german().contains(shown), "{}", failure.reason().german());
        target.deliver(&sample.parcel(2)).await.unwrap();
        assert_eq!(office.spooler.printed().len(), before + 2, "the one that ended badly, and a new one");
        proxy.answer_no_more(Operation::GetJobAttributes);
        target.deliver(&sample.parcel(3)).await.unwrap();
        assert_eq!(office.spooler.printed().len(), before + 2, "h5: what is printed is not printed again");
    }
}

#[tokio::test]
async fn h5_what_may_still_be_at_work_is_waited_for_and_not_printed_twice() {
    let Some(office) = Office::open().await else { return };
    let (target, sample) = (office.peer.target(), Sample::letter());
    office.peer.proxy.hold_back();
    assert!(matches!(target.deliver(&sample.parcel(1)).await, Err(Failure::Unknown(_))));
    let waits = |answer: Result<(), Failure>| {
        matches!(answer, Err(Failure::Unavailable { reason, retry_after: Some(pause) })
            if reason.code == ReasonCode::CallOutstanding && pause == Duration::from_secs(20))
    };
    assert!(waits(asked(target.as_ref(), &sample).await.map(drop)));
    assert!(waits(target.deliver(&sample.parcel(2)).await.map(drop)), "a person was quick");
    office.peer.proxy.catch_up().await;
    assert!(matches!(asked(target.as_ref(), &sample).await, Ok(Inquiry::Found(_))));
    target.deliver(&sample.parcel(3)).await.unwrap();
    assert_eq!(office.spooler.printed().len(), 1);
}

#[tokio::test]
async fn h5_what_a_printer_may_have_forgotten_waits_for_a_person() {
    let Some(office) = Office::open().await else { return };
    let history = "history = \"1h\"\nlongest-call = \"20s\"\n";
    for (lines, passed, expected) in [
        (history, 3599, Ok(Inquiry::Absent)),
        (history, 3600, Ok(Inquiry::NoWord)),
        ("longest-call = \"20s\"\n", 20, Ok(Inquiry::NoWord)),
    ] {
        let peer = IppPeer::new(Arc::clone(&office.spooler)).await;
        peer.cut(2, Cut::TornBefore).await;
        let (sample, clock) = (Sample::letter(), Arc::new(StepClock::default()));
        let text = SETTINGS.replace(history, lines);
        let text = text.replace("{address}", &format!("127.0.0.1:{}", peer.proxy.port));
        let target = configured(&text, Arc::clone(&clock) as _).unwrap();
        assert!(matches!(target.deliver(&sample.parcel(1)).await, Err(Failure::Unknown(_))));
        clock.advance(Duration::from_secs(passed));
        assert_eq!(asked(target.as_ref(), &sample).await, expected, "{lines}{passed}");
        let before = office.spooler.printed().len();
        target.deliver(&sample.parcel(2)).await.unwrap();
        assert_eq!(office.spooler.printed().len(), before + 1, "a person had it sent again");
    }
}

#[tokio::test]
async fn a_job_that_the_printer_took_and_forgot_counts_as_the_configuration_says() {
    let Some(office) = Office::open().await else { return };
    for (answer, why) in [
        (said(StatusCode::ClientErrorNotFound), "not there"),
        (said(StatusCode::ClientErrorGone), "gone"),
        (job(1, 9, "none", "another's"), "the printer began anew with its numbers"),
    ] {
        for (lines, is_done) in [("", false), ("forgotten = \"done\"\n", true)] {
            let (target, sample) = (office.target(lines), Sample::letter());
            target.deliver(&sample.parcel(1)).await.unwrap();
            office.peer.proxy.answer(Operation::GetJobAttributes, &answer);
            let word = asked(target.as_ref(), &sample).await;
            match is_done {
                true => assert!(matches!(word, Ok(Inquiry::Found(Outcome::Done(_)))), "{why}: {word:?}"),
                false => assert_eq!(code(word), ReasonCode::PrintJobForgotten, "{why}"),
            }
            let before = office.spooler.printed().len();
            target.deliver(&sample.parcel(2)).await.unwrap();
            assert_eq!(office.spooler.printed().len(), before, "h5: it may have been printed: {why}");
            office.peer.proxy.answer_no_more(Operation::GetJobAttributes);
        }
    }
}

#[tokio::test]
async fn what_a_status_of_print_job_means() {
    let Some(office) = Office::open().await else { return };
    use StatusCode as S;
    for (status, expected) in [
        (S::ServerErrorBusy, "unavailable"),
        (S::ServerErrorNotAcceptingJobs, "unavailable"),
        (S::ServerErrorTemporaryError, "unavailable"),
        (S::ServerErrorServiceUnavailable, "unavailable"),
        (S::ClientErrorDocumentFormatNotSupported, "refused"),
        (S::ClientErrorNotPossible, "refused"),
        (S::ClientErrorNotAuthorized, "refused"),
        (S::ServerErrorVersionNotSupported, "refused"),
        (S::ServerErrorInternalError, "unknown"),
        (S::ServerErrorDeviceError, "unknown"),
        (S::SuccessfulOk, "unknown"), // and no job in it
    ] {
        office.peer.proxy.answer(Operation::PrintJob, &said(status));
        let (target, sample) = (office.target(""), Sample::letter());
        let failure = target.deliver(&sample.parcel(1)).await.unwrap_err();
        assert!(failure.to_string().starts_with(expected), "{status:?}: {failure:?}");
        office.peer.proxy.answer_no_more(Operation::PrintJob);
        let before = office.spooler.printed().len();
        if expected != "unknown" {
            target.deliver(&sample.parcel(2)).await.unwrap();
            assert_eq!(office.spooler.printed().len(), before + 1, "surely no job was made: {status:?}");
        }
    }
}

#[tokio::test]
async fn what_is_no_letter_is_refused_before_anything_is_asked() {
    let Some(office) = Office::open().await else { return };
    let target = office.target("[ipp.pdf]\naddress-zone = \"filled\"\n");
    let code_of = async |sample: Sample| code(target.deliver(&sample.parcel(1)).await);
    assert_eq!(code_of(Sample::new()).await, ReasonCode::NotPdf);
    let letter = |letter: Letter| {
        let mut sample = Sample::letter();
        sample.message = letter.bytes();
        sample
    };
    assert_eq!(code_of(letter(Letter::default())).await, ReasonCode::PdfAddressMissing);
    let large = Letter { size: (297.0, 420.0), ..Letter::default() };
    assert_eq!(code_of(letter(large)).await, ReasonCode::PdfPageSize);
    assert_eq!(code_of(Sample::letter().with_signature()).await, ReasonCode::AdapterConfiguration);
    assert_eq!(office.peer.requests(), 0);
}

/// A delivery with these attachments.
fn with_attachments(attachments: &[(&str, Bytes)]) -> Sample {
    let name = "Erika Mustermann.pdf";
    let with =
        |sample: Sample, (kind, content): &(&str, Bytes)| sample.with_file(name, kind, content.clone());
    attachments.iter().fold(Sample::new(), with)
}

fn pdf(text: &str) -> Bytes {
    Letter::saying(text).bytes()
}

const ATTACHMENTS: &str = "print = \"attachments\"\nhistory = \"1h\"\nlongest-call = \"1s\"\n";

#[tokio::test]
async fn every_attachment_that_is_a_pdf_is_a_job_of_its_own() {
    let Some(office) = Office::open().await else { return };
    let image = Bytes::from_static(b"\x89PNG");
    let (one, two) = (pdf("Bescheid"), pdf("Anlage"));
    let sample = with_attachments(&[
        ("application/pdf", one.clone()),
        ("image/png", image),
        ("Application/PDF; version=1.7", two.clone()),
    ]);
    let target = office.target(ATTACHMENTS);
    let Outcome::Accepted { receipt, .. } = target.deliver(&sample.parcel(1)).await.unwrap() else {
        panic!()
    };
    assert_eq!(receipt.reference.as_deref(), Some("1,2"));
    let printed = office.spooler.printed();
    let mut bytes: Vec<_> =
        printed.iter().map(|(name, bytes)| (name.contains("-a3-"), bytes.clone())).collect();
    bytes.sort();
    assert_eq!(bytes, [(false, one.to_vec()), (true, two.to_vec())]);
    assert!(!format!("{printed:?}").contains("Erika Mustermann.pdf"), "h10: names of files name people");
    assert!(matches!(asked(target.as_ref(), &sample).await, Ok(Inquiry::Found(Outcome::Done(_)))));
}

#[tokio::test]
async fn without_a_pdf_or_with_one_that_is_wrong_nothing_is_printed() {
    let Some(office) = Office::open().await else { return };
    let target = office.target(ATTACHMENTS);
    let none = with_attachments(&[("image/png", pdf("Bescheid"))]);
    assert_eq!(code(target.deliver(&none.parcel(1)).await), ReasonCode::NothingToPrint);
    let wrong = Bytes::from_static(b"<xml/>");
    let one_of_two = with_attachments(&[("application/pdf", pdf("Bescheid")), ("application/pdf", wrong)]);
    let failure = target.deliver(&one_of_two.parcel(1)).await.unwrap_err();
    assert_eq!(failure.reason().params["document"], "attachment 2");
    assert_eq!(office.peer.requests(), 0, "not even the one that is right");
}

#[tokio::test]
async fn h5_with_several_documents_each_is_printed_once_whichever_call_tears() {
    let Some(office) = Office::open().await else { return };
    let sample = || with_attachments(&[("application/pdf", pdf("eins")), ("application/pdf", pdf("zwei"))]);
    let history = "history = \"1h\"\nlongest-call = \"20s\"\n";
    for request in 1..=4 {
        for cut in [Cut::TornBefore, Cut::TornAfter, Cut::Throttled] {
            let (peer, clock) =
                (IppPeer::new(Arc::clone(&office.spooler)).await, Arc::new(StepClock::default()));
            let address = format!("127.0.0.1:{}", peer.proxy.port);
            let text = SETTINGS.replace(history, ATTACHMENTS).replace("{address}", &address);
            let target = configured(&text, Arc::clone(&clock) as _).unwrap();
            peer.cut(request, cut).await;
            let (before, sample) = (office.spooler.printed().len(), sample());
            let failure = target.deliver(&sample.parcel(1)).await.unwrap_err();
            clock.advance(Duration::from_secs(2));
            if matches!(failure, Failure::Unknown(_)) {
                let word = asked(target.as_ref(), &sample).await.unwrap();
                let all_done = (request, cut) == (4, Cut::TornAfter);
                assert_eq!(matches!(word, Inquiry::Found(_)), all_done, "{request} {cut:?}: {word:?}");
            }
            target.deliver(&sample.parcel(2)).await.unwrap();
            assert_eq!(office.spooler.printed().len(), before + 2, "{request} {cut:?}");
        }
    }
}

#[tokio::test]
async fn a_delivery_that_a_person_mended_is_printed_with_what_it_says_now() {
    let Some(office) = Office::open().await else { return };
    let (target, mut sample) = (office.peer.target(), Sample::letter());
    target.deliver(&sample.parcel(1)).await.unwrap();
    sample.message = pdf("berichtigt");
    assert_eq!(asked(target.as_ref(), &sample).await, Ok(Inquiry::Absent), "this one was not printed");
    target.deliver(&sample.parcel(2)).await.unwrap();
    let printed = office.spooler.printed();
    assert!(printed.contains(&(mark(&sample), sample.message.to_vec())) && printed.len() == 2);
}
