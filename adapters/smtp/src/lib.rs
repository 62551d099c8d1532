//! Sends mail: a notice that there is something, or, where that was chosen, the content itself.
//!
//! ```toml
//! adapter = "smtp"
//!
//! [smtp]
//! host = "mail.example.org"
//! port = 587                             # the default follows from `security`
//! security = "starttls"                  # this is the default; or "tls" (465), or "none" (25)
//! allow-plain = false                    # true: "none" to other machines too
//! user = "rohrpost"
//! password = { file = "secrets/smtp.password" }
//! from = "rohrpost@example.org"
//! to = ["bauamt@example.org"]
//! subject = "…"                          # both with placeholders; the defaults are content-free, German and English
//! text = "…"
//! attach = false
//! open-mail-is-acceptable = true         # only beside attach = true, and needed there
//! size-limit = "20 MB"
//! connect-timeout = "10s"
//!
//! [smtp.tls]                             # see rohrpost_kit::tls::TlsSettings
//! ca = ["certs/mail-ca.pem"]
//! ```
//!
//! A notice carries only facts that are nobody's personal data. Its `Message-ID` is made of the delivery's key, so it is
//! the same on every attempt; only `Date` differs. A mail server drops no repetition and cannot be asked.
//!
//! # What can go wrong, and what it is
//! | | |
//! |---|---|
//! | no connection, or it tears before the end of the mail is sent | unavailable: an unfinished mail is dropped (RFC 5321, 4.1.1.4) |
//! | it tears after that, before the answer | unknown |
//! | 4xx | unavailable |
//! | 5xx, also for one recipient of several | refused: nobody gets it |

mod body;
mod connection;
mod mail;
mod probe;
mod settings;

use async_trait::async_trait;
use connection::{Server, Trouble};
use mail::Letter;
use rohrpost_kit::{Adapter, AdapterSource, parcel};
use rohrpost_model::ports::{Clock, Inquiry, Parcel, Probe, Target};
use rohrpost_model::{Failure, Fault, Outcome, Receipt};
use std::sync::Arc;

/// The adapter of kind `smtp`.
pub struct Smtp;

impl Adapter for Smtp {
    fn kind(&self) -> &'static str {
        "smtp"
    }

    fn example(&self) -> &'static str {
        include_str!("example.toml")
    }

    fn schema(&self) -> &'static str {
        include_str!("schema.json")
    }

    fn configure(&self, source: &AdapterSource<'_>) -> Result<Arc<dyn Target>, Vec<Fault>> {
        let (server, letter) = settings::read(source, self.kind())?;
        Ok(Arc::new(SmtpTarget { server, letter, clock: source.clock.clone() }))
    }
}

struct SmtpTarget {
    server: Server,
    letter: Letter,
    clock: Arc<dyn Clock>,
}

#[async_trait]
impl Target for SmtpTarget {
    async fn deliver(&self, parcel: &Parcel<'_>) -> Result<Outcome, Failure> {
        parcel::check(parcel)?;
        let mail = self.letter.write(parcel, self.clock.now()).await?;
        let mut session = self.server.log_in().await.map_err(Trouble::failure)?;
        session.address(&mail.envelope).await.map_err(Trouble::failure)?;
        session.send(mail.pieces).await?;
        Ok(Outcome::Done(Receipt {
            reference: Some(mail.id),
            at: Some(self.clock.now()),
            code: Some("250".to_owned()),
            result: None,
        }))
    }

    /// Nobody can ask a mail server what became of a mail.
    async fn inquire(&self, _: &Parcel<'_>, _: Option<&str>) -> Result<Inquiry, Failure> {
        Ok(Inquiry::NoWord)
    }

    fn deduplicates(&self) -> bool {
        false
    }

    fn takes_enclosed(&self) -> bool {
        self.letter.attach
    }

    async fn probe(&self, probe: &mut Probe) {
        probe::probe(&self.server, &self.letter.envelope(), self.clock.now(), probe).await;
    }
}

#[cfg(test)]
mod tests;
