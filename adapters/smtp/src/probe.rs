//! Tries, step by step, what a delivery meets; the mail itself is called off before it begins.

use crate::connection::{Envelope, Security, Server, Session, Trouble};
use rohrpost_model::Timestamp;
use rohrpost_model::ports::{Finding, Probe, Words};

const GREETING: &str = "greeting";
const LOG_IN: &str = "log-in";
const SENDER: &str = "sender";
const RECIPIENTS: &str = "recipients";

pub(crate) async fn probe(server: &Server, envelope: &Envelope, now: Timestamp, probe: &mut Probe) {
    server.endpoint.plan(probe);
    // Before STARTTLS the greeting belongs to the step of TLS.
    let greets = !matches!(server.security, Security::StartTls(_));
    if greets {
        probe.plan(GREETING, Words::new("begrüßen", "greet"));
    }
    probe.plan(LOG_IN, Words::new("anmelden", "log in"));
    probe.plan(SENDER, Words::new("Absender nennen", "name the sender"));
    probe.plan(RECIPIENTS, Words::new("Empfänger nennen", "name the recipients"));
    let reached = match &server.security {
        Security::StartTls(_) => {
            let preface = async |stream| server.ask_for_tls(stream).await.map_err(failed);
            server.endpoint.reach_after(probe, now, preface).await
        }
        _ => server.endpoint.reach(probe, now).await,
    };
    if reached
        && tokio::time::timeout(server.patience, converse(server, envelope, greets, probe)).await.is_err()
    {
        probe.cut_off(server.patience, "connect-timeout");
    }
}

async fn converse(server: &Server, envelope: &Envelope, greets: bool, probe: &mut Probe) {
    let mut session = match server.greet().await {
        Ok(session) => session,
        Err(trouble) => return probe.end(failed(trouble)),
    };
    if greets {
        probe.end(works("begrüßt", "greeted"));
    }
    if said(&mut session, server, envelope, probe).await.is_ok() {
        session.call_off().await;
    }
}

async fn said(
    session: &mut Session,
    server: &Server,
    envelope: &Envelope,
    probe: &mut Probe,
) -> Result<(), ()> {
    let end = |probe: &mut Probe, result: Result<(), Trouble>, good: Finding| match result {
        Ok(()) => {
            probe.end(good);
            Ok(())
        }
        Err(trouble) => {
            probe.end(failed(trouble));
            Err(())
        }
    };
    let logged_in = session.log_in(server).await;
    let good = if server.account.is_some() {
        works("angemeldet", "logged in")
    } else {
        Finding::NotTried(Words::new("Nicht geprüft: Es gibt kein `user`.", "Not tried: there is no `user`."))
    };
    end(probe, logged_in, good)?;
    end(probe, session.sender(envelope).await, works("angenommen", "accepted"))?;
    end(probe, session.recipients(envelope).await, works("angenommen", "accepted"))
}

fn works(german: &str, english: &str) -> Finding {
    Finding::Works(Words::new(german, english))
}

fn failed(trouble: Trouble) -> Finding {
    let advice = match &trouble {
        Trouble::Connection(_) => Words::new(
            "Die Verbindung bricht ab, bevor das Gespräch fertig ist. Port und `security` prüfen, sonst beim Mailserver \
             nachsehen.",
            "The connection breaks off before the conversation is done. Check port and `security`, else look at the mail \
             server.",
        ),
        Trouble::Answer(code) => Words::new(
            format!(
                "Der Mailserver antwortet {code}. `from` und `to` prüfen, sonst dort klären, was er annimmt."
            ),
            format!(
                "The mail server answers {code}. Check `from` and `to`, else clear there what it accepts."
            ),
        ),
        Trouble::LogIn(code) => Words::new(
            format!("Der Mailserver lehnt die Anmeldung ab ({code}). `user` und `password` prüfen."),
            format!("The mail server refuses the log-in ({code}). Check `user` and `password`."),
        ),
        Trouble::NoLogIn => Words::new(
            "Der Mailserver bietet keine Anmeldung mit Passwort an (PLAIN oder LOGIN). Vielleicht verlangt er vorher TLS: \
             `security` prüfen.",
            "The mail server offers no log-in with a password (PLAIN or LOGIN). Perhaps it wants TLS before: check \
             `security`.",
        ),
        Trouble::NoStartTls => Words::new(
            "Der Mailserver bietet kein STARTTLS an. `security = \"tls\"` mit Port 465 versuchen, sonst dort TLS \
             einrichten lassen.",
            "The mail server does not offer STARTTLS. Try `security = \"tls\"` with port 465, else have TLS set up there.",
        ),
    };
    Finding::Fails { reason: trouble.failure().reason().clone(), advice }
}
