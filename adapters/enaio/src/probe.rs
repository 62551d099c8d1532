//! Tries step by step whether a delivery would get through: every question that a delivery asks, and no call that makes
//! something.

use crate::EnaioTarget;
use crate::object::Kind;
use rohrpost_model::ports::{Finding, Probe, Words};
use rohrpost_model::{Failure, Reason, ReasonCode};

const ANSWER: &str = "answer";
const CREDENTIALS: &str = "credentials";
const FOLDER: &str = "folder";
const REGISTER: &str = "register";
const DOCUMENT: &str = "document";
const ATTACHMENT: &str = "attachment";

/// No object bears it.
const NOBODYS_MARK: &str = "rohrpost-probe";

impl EnaioTarget {
    pub(crate) async fn probes(&self, probe: &mut Probe) {
        let Some(endpoint) = &self.endpoint else { return };
        endpoint.plan(probe);
        probe.plan(ANSWER, Words::new("antwortet", "answers"));
        probe.plan(CREDENTIALS, Words::new("Anmeldung wird angenommen", "the log-in is accepted"));
        let kinds = self.kinds();
        for (word, kind) in &kinds {
            let Kind { object_type, key_field } = kind;
            probe.plan(
                word,
                Words::new(
                    format!("Typ {object_type} und Feld {key_field} lassen sich suchen"),
                    format!("type {object_type} and field {key_field} can be searched"),
                ),
            );
        }
        if endpoint.reach(probe, self.caller.clock.now()).await
            && end(probe, self.answers().await)
            && end(probe, self.logs_in().await)
        {
            for (_, kind) in kinds {
                if !end(probe, self.searches(kind).await) {
                    return;
                }
            }
        }
    }

    fn kinds(&self) -> Vec<(&'static str, &Kind)> {
        let register = self.register.as_ref().map(|level| (REGISTER, &level.kind));
        let papers = [(DOCUMENT, &self.paperwork.message.0), (ATTACHMENT, &self.paperwork.attachment.0)];
        [(FOLDER, &self.folder.kind)].into_iter().chain(register).chain(papers).collect()
    }

    async fn answers(&self) -> Finding {
        let answer = match self.caller.dialect.ping() {
            Ok(request) => self.caller.client.send(request).await,
            Err(failure) => Err(failure),
        };
        match answer {
            Ok(answer) if answer.status < 500 => {
                let status = answer.status;
                Finding::Works(Words::new(format!("Status {status}"), format!("status {status}")))
            }
            Ok(answer) => fails(
                &Failure::Unknown(Reason::new(ReasonCode::UnexpectedAnswer).with("status", answer.status)),
                "Das Gateway antwortet mit einem Fehler. Dort nachsehen, ob der Dienst läuft; `url` und `interface` prüfen.",
                "The gateway answers with an error. Look whether the service runs there; check `url` and `interface`.",
            ),
            Err(failure) => fails(
                &failure,
                "Der Server nimmt die Verbindung an, antwortet aber nicht. Dort im Protokoll nachsehen.",
                "The server takes the connection but does not answer. Look into its log.",
            ),
        }
    }

    async fn logs_in(&self) -> Finding {
        let Some(access) = &self.caller.access else {
            return Finding::NotTried(Words::new(
                "Nicht geprüft: Es gibt kein `auth`.",
                "Not tried: there is no `auth`.",
            ));
        };
        let logged_in = match access.session {
            Some(_) => self.caller.begin_session(access).await.map(drop),
            None => match self.caller.dialect.who_am_i() {
                Ok(request) => self.caller.ask(request).await.map(drop),
                Err(failure) => Err(failure),
            },
        };
        match logged_in {
            Ok(()) => Finding::Works(Words::new("ja", "yes")),
            Err(failure) => fails(
                &failure,
                "Die Anmeldung gelingt nicht. `auth` prüfen, das Konto in enaio freischalten; mit `session` muss das Gateway Cookies setzen.",
                "The log-in fails. Check `auth` and the account in enaio; with `session` the gateway has to set cookies.",
            ),
        }
    }

    async fn searches(&self, kind: &Kind) -> Finding {
        match self.find(kind, NOBODYS_MARK).await {
            Ok(_) => Finding::Works(Words::new("ja", "yes")),
            Err(failure) => fails(
                &failure,
                "enaio nimmt die Suche nicht an. `type` und `key-field` mit dem Objektschema vergleichen, Leserechte des Kontos prüfen.",
                "enaio does not take the search. Compare `type` and `key-field` with the object schema, check the account's rights to read.",
            ),
        }
    }
}

/// Ends a step; whether the next one may be tried.
fn end(probe: &mut Probe, finding: Finding) -> bool {
    let well = !matches!(finding, Finding::Fails { .. });
    probe.end(finding);
    well
}

fn fails(failure: &Failure, german: &str, english: &str) -> Finding {
    Finding::Fails { reason: failure.reason().clone(), advice: Words::new(german, english) }
}
