//! Tries step by step whether a delivery would get through, without making one.

use rohrpost_kit::http::header::{AUTHORIZATION, HeaderMap, HeaderValue};
use rohrpost_kit::http::{Answer, Body, Client, Method, Request, Url};
use rohrpost_kit::probe::Endpoint;
use rohrpost_model::ports::{Finding, Probe, Words};
use rohrpost_model::{Reason, ReasonCode, Timestamp};

const ANSWER: &str = "answer";
const CREDENTIALS: &str = "credentials";

/// What a probe needs.
pub(crate) struct Prober {
    /// Where deliveries connect to.
    pub(crate) endpoint: Endpoint,
    pub(crate) authorization: Option<HeaderValue>,
    /// What is asked once the server is reached; `None` where the configuration names nothing.
    pub(crate) asks: Option<Asks>,
}

/// A question that changes nothing.
pub(crate) struct Asks {
    pub(crate) method: Method,
    pub(crate) url: Url,
    /// The statuses that mean: all is well.
    pub(crate) expect: Vec<u16>,
}

impl Prober {
    pub(crate) async fn probe(&self, client: &Client, now: Timestamp, probe: &mut Probe) {
        self.endpoint.plan(probe);
        let asked = self.asks.as_ref().map(Asks::told).unwrap_or_default();
        probe.plan(ANSWER, Words::new(format!("antwortet{asked}"), format!("answers{asked}")));
        probe.plan(CREDENTIALS, Words::new("Zugangsdaten werden angenommen", "the credentials are accepted"));
        if !self.endpoint.reach(probe, now).await {
            return;
        }
        let Some(asks) = &self.asks else {
            probe.end(left_out());
            return probe.end(left_out());
        };
        match client.send(asks.request(self.authorization.as_ref())).await {
            Ok(answer) => self.judge(asks, &answer, probe),
            Err(failure) => probe.end(Finding::Fails {
                reason: failure.reason().clone(),
                advice: Words::new(
                    "Der Server nimmt die Verbindung an, beantwortet die Anfrage aber nicht. Beim Ziel in dessen \
                     Protokoll sehen; mit TLS auch `client-certificate` prüfen.",
                    "The server takes the connection but does not answer the request. Look into the target's log; \
                     with TLS check `client-certificate` too.",
                ),
            }),
        }
    }

    fn judge(&self, asks: &Asks, answer: &Answer, probe: &mut Probe) {
        let status = answer.status;
        let (expected, refused) = (asks.expect.contains(&status), matches!(status, 401 | 403 | 407));
        if !expected && !refused {
            return probe.end(unexpected(asks, status));
        }
        probe.end(Finding::Works(Words::new(format!("Status {status}"), format!("status {status}"))));
        probe.end(match (expected, &self.authorization) {
            (false, Some(_)) => Finding::Fails {
                reason: Reason::new(ReasonCode::CredentialsRefused).with("status", status),
                advice: Words::new(
                    format!("Das Ziel lehnt die Zugangsdaten ab (Status {status}). `auth` berichtigen oder beim Ziel freischalten lassen."),
                    format!("The target refuses the credentials (status {status}). Mend `auth`, or have them admitted at the target."),
                ),
            },
            (false, None) => Finding::Fails {
                reason: Reason::new(ReasonCode::CredentialsRefused).with("status", status),
                advice: Words::new(
                    format!("Das Ziel verlangt Zugangsdaten (Status {status}), und es sind keine eingerichtet. `auth` angeben."),
                    format!("The target wants credentials (status {status}), and none are configured. Give `auth`."),
                ),
            },
            // That a refusal is what the configuration expects says nothing good of the credentials.
            (true, _) if refused => Finding::NotTried(Words::new(
                "Nicht geprüft: Erwartet wird ein Status, der ablehnt.",
                "Not tried: the status that is expected is a refusal.",
            )),
            (true, Some(_)) => Finding::Works(Words::new("ja", "yes")),
            (true, None) => {
                Finding::NotTried(Words::new("Nicht geprüft: Es gibt kein `auth`.", "Not tried: there is no `auth`."))
            }
        });
    }
}

impl Asks {
    fn request(&self, authorization: Option<&HeaderValue>) -> Request {
        let mut headers = HeaderMap::new();
        headers.extend(authorization.map(|authorization| (AUTHORIZATION, authorization.clone())));
        Request { method: self.method.clone(), url: self.url.clone(), headers, body: Body::Empty }
    }

    /// Method and address without its query, which may hold more than a name.
    fn told(&self) -> String {
        let mut url = self.url.clone();
        url.set_query(None);
        format!(": {} {url}", self.method)
    }
}

fn left_out() -> Finding {
    Finding::NotTried(Words::new(
        "Nicht versucht: Es gibt kein [http.probe], und die Adresse für Lieferungen berührt eine Probe nicht.",
        "Not tried: there is no [http.probe], and a probe does not touch the address of deliveries.",
    ))
}

fn unexpected(asks: &Asks, status: u16) -> Finding {
    let expected: Vec<_> = asks.expect.iter().map(ToString::to_string).collect();
    let expected = expected.join(", ");
    Finding::Fails {
        reason: Reason::new(ReasonCode::UnexpectedAnswer).with("status", status),
        advice: Words::new(
            format!(
                "Die Antwort hat den Status {status}, erwartet wird {expected}. `url` und `expect` in [http.probe] prüfen, sonst beim Ziel klären."
            ),
            format!(
                "The answer has the status {status}; expected is {expected}. Check `url` and `expect` in [http.probe], else clear it with the target."
            ),
        ),
    }
}
