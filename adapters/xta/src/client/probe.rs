//! Tries step by step whether a partner can be spoken to.

use super::partner::Partner;
use super::target::XtaTarget;
use super::verdict::Trouble;
use crate::{
    Availability, Body, FaultCode, LookupRequest, LookupResponse, LookupWish, Operation, Port,
    StatusListRequest,
};
use rohrpost_kit::probe::Endpoint;
use rohrpost_model::ports::{Finding, Probe, Words};

const ACCOUNT: &str = "account";
const READER: &str = "reader";

/// The way of a message: to the send port, then the account and the reader at the management port. None of it is a
/// message.
pub(super) async fn of_target(target: &XtaTarget, probe: &mut Probe) {
    let partner = &target.partner;
    let Some(endpoint) = endpoint(partner, Port::Send) else { return };
    endpoint.plan(probe);
    let author = &partner.author.identifier.value;
    let reader = &target.reader.identifier.value;
    probe.plan(ACCOUNT, Words::new(format!("Konto: {author}"), format!("account: {author}")));
    probe.plan(READER, Words::new(format!("Leser: {reader}"), format!("reader: {reader}")));
    if !endpoint.reach(probe, partner.clock.now()).await {
        return;
    }
    if partner.ports.management.is_none() {
        probe.end(without_management());
        return probe.end(without_management());
    }
    let finding = account(partner).await;
    let goes_on = matches!(finding, Finding::Works(_));
    probe.end(finding);
    if goes_on {
        probe.end(looked_up(target).await);
    }
}

/// Where deliveries or rounds connect to.
pub(super) fn endpoint(partner: &Partner, port: Port) -> Option<Endpoint> {
    partner.client.endpoint(partner.ports.of(port)?)
}

fn without_management() -> Finding {
    Finding::NotTried(Words::new(
        "Nicht versucht: Es gibt keine Adresse `management`.",
        "Not tried: there is no address `management`.",
    ))
}

async fn account(partner: &Partner) -> Finding {
    match partner.ask(Operation::CheckAccountActive, &Body::Empty).await {
        Ok(_) => Finding::Works(Words::new("ist aktiv", "is active")),
        Err(trouble) => fails(trouble),
    }
}

async fn looked_up(target: &XtaTarget) -> Finding {
    let wish = LookupWish { reader: target.reader.clone(), service: target.qualifier.service.clone() };
    let asked = Body::LookupRequest(LookupRequest { wishes: vec![wish] });
    let found = match target.partner.ask(Operation::LookupService, &asked).await {
        Ok(Body::LookupResponse(found)) => found,
        Ok(_) => LookupResponse::default(),
        Err(trouble) => return fails(trouble),
    };
    match found.results.first().map(|result| result.availability) {
        Some(Availability::Available) => {
            Finding::Works(Words::new("nimmt diesen Dienst an", "takes this service"))
        }
        Some(Availability::NotAvailable) => Finding::Fails {
            reason: rohrpost_model::Reason::new(rohrpost_model::ReasonCode::TargetRefused)
                .with("status", "lookupService"),
            advice: Words::new(
                "Der Server sagt, dass der Leser diesen Dienst nicht anbietet. `reader` und `service` prüfen, sonst beim Partner klären.",
                "The server says that the reader does not offer this service. Check `reader` and `service`, else clear it with the partner.",
            ),
        },
        // Many servers look up nothing; a message may get through all the same.
        _ => Finding::NotTried(Words::new(
            "Der Server weiß nicht, ob der Leser diesen Dienst anbietet.",
            "The server does not know whether the reader offers this service.",
        )),
    }
}

/// What an operator does about it.
pub(super) fn fails(trouble: Trouble) -> Finding {
    let code = trouble.code();
    let failure = trouble.of_asking();
    let advice = match code {
        Some(FaultCode::CertificateExpired) => Words::new(
            "Der Server hält unser Zertifikat für abgelaufen. Neues Zertifikat beim Partner hinterlegen und in `connection` angeben.",
            "The server takes our certificate for expired. Deposit a new one with the partner and name it in `connection`.",
        ),
        Some(FaultCode::AccountLocked | FaultCode::AccountUnknown) => Words::new(
            "Der Server kennt kein offenes Konto zu unserem Zertifikat. Beim Partner freischalten lassen.",
            "The server knows no open account for our certificate. Have it opened by the partner.",
        ),
        Some(FaultCode::NotTheAuthor) => Words::new(
            "Die Kennung in `author` gehört nicht zu unserem Zertifikat. Kennung berichtigen oder beim Partner eintragen lassen.",
            "The identifier in `author` does not belong to our certificate. Mend it, or have it entered by the partner.",
        ),
        _ => Words::new(
            "Der Server nimmt die Verbindung an, beantwortet die Anfrage aber nicht wie XTA 2.1.1. Adresse des Ports und das Protokoll des Partners prüfen; mit TLS auch das Zertifikat in `connection`.",
            "The server takes the connection but does not answer as XTA 2.1.1 does. Check the port's address and the partner's log; with TLS check the certificate in `connection`, too.",
        ),
    };
    Finding::Fails { reason: failure.reason().clone(), advice }
}

const MAILBOX: &str = "mailbox";

/// The way of a round: to the message box port, then one line of its list.
pub(super) async fn of_mailbox(partner: &Partner, probe: &mut Probe) {
    let Some(endpoint) = endpoint(partner, Port::MsgBox) else { return };
    endpoint.plan(probe);
    let reader = &partner.author.identifier.value;
    probe.plan(MAILBOX, Words::new(format!("Postfach: {reader}"), format!("mailbox: {reader}")));
    if endpoint.reach(probe, partner.clock.now()).await {
        probe.end(listed(partner).await);
    }
}

async fn listed(partner: &Partner) -> Finding {
    let asked = StatusListRequest { max_items: Some(1), ..StatusListRequest::default() };
    match partner.ask(Operation::GetStatusList, &Body::StatusListRequest(asked)).await {
        Ok(Body::StatusList(list)) if list.attributes.is_empty() && list.metadata.is_empty() => {
            Finding::Works(Words::new("ist leer", "is empty"))
        }
        Ok(_) => Finding::Works(Words::new("Nachrichten warten", "messages wait")),
        Err(trouble) => fails(trouble),
    }
}
