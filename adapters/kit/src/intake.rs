//! What a message that is fetched is to the hub: what it says of itself, what the configuration says for those that do not,
//! and handing it in.

use crate::correlation::{Answers, CaseBy};
use rohrpost_model::ports::{Answering, CaseNamed, Desk, Intent, TakingIn, TurnedAway, Why};
use rohrpost_model::submission::{Properties, Role};
use rohrpost_model::{Area, ClientName, Digest, Kind, ServiceKey};
use std::fmt::Display;
use std::str::FromStr;

/// The longest idempotency key.
const KEY_MAX: usize = 255;

/// What the configuration says of messages that do not say it themselves.
#[derive(Clone, Debug, Default)]
pub struct Usual {
    /// The service.
    pub service: Option<ServiceKey>,
    /// The area.
    pub area: Option<Area>,
    /// What it is; without it an application.
    pub kind: Option<Kind>,
    /// Whether it is a test.
    pub test: bool,
    /// What makes answers in cases of them, where they are answers.
    pub answers: Option<Answers>,
}

/// What a message says of itself, as it says it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// The service.
    pub service: Option<String>,
    /// The area.
    pub area: Option<String>,
    /// What it is.
    pub kind: Option<String>,
    /// The case that it belongs to.
    pub case: Option<String>,
    /// Whether it is a test.
    pub test: Option<String>,
    /// What the sender calls the case.
    pub foreign_id: Option<String>,
}

impl Usual {
    /// Begins to hand in a message under this idempotency key, as a submission or as an answer in a case.
    pub async fn hand_in(
        &self,
        (desk, client): (&dyn Desk, &ClientName),
        said: &Said,
        key: String,
        properties: Properties,
    ) -> Result<Box<dyn TakingIn>, TurnedAway> {
        match &self.answers {
            Some(answers) => {
                let answering = Answering { properties, ..answers.answering(said, key, self.test)? };
                desk.answer(client, answering).await
            }
            None => desk.admit(client, Intent { properties, ..self.intent(said, key)? }),
        }
    }

    /// What is handed in under this idempotency key. What a message says goes before what the configuration says, and what
    /// it says wrongly is not overlooked.
    pub fn intent(&self, said: &Said, key: String) -> Result<Intent, TurnedAway> {
        let service = stated("service", &said.service, self.service.as_ref())?;
        let area = stated("area", &said.area, self.area.as_ref())?;
        let application = "application".parse().ok();
        let kind = stated("kind", &said.kind, self.kind.as_ref().or(application.as_ref()))?;
        let mut intent = Intent::new(kind, service, area);
        intent.case = said.case.as_deref().map(|case| read("case", case)).transpose()?;
        intent.foreign =
            said.foreign_id.as_deref().map(|id| read("foreign-id", id)).transpose()?.into_iter().collect();
        intent.test = said.test.as_deref().map_or(Ok(self.test), test)?;
        intent.idempotency_key = Some(key);
        Ok(intent)
    }
}

impl Answers {
    /// What an answer under this idempotency key is, and in which case. It may say the case in its content. Where it does
    /// not say whether it is a test, `usually` says it.
    pub fn answering(&self, said: &Said, key: String, usually: bool) -> Result<Answering, TurnedAway> {
        let of = match self.case_by {
            CaseBy::Case => CaseNamed::Case(stated("case", &said.case, None)?),
            CaseBy::ForeignId => CaseNamed::Foreign {
                id: said.foreign_id.as_deref().map(|id| read("foreign-id", id)).transpose()?,
                system: self.system.as_ref().map(|system| system.get_ref().clone()),
            },
        };
        let usual = self.kind.as_ref().map(|kind| kind.get_ref().clone());
        let kind = said.kind.as_deref().map(|kind| read("kind", kind)).transpose()?.or(usual);
        Ok(Answering {
            of,
            form: self.making().form(),
            kind,
            test: said.test.as_deref().map_or(Ok(usually), test)?,
            idempotency_key: Some(key),
            not_before: None,
            obsolete_after: None,
            properties: Properties::new(),
        })
    }
}

fn stated<T: FromStr<Err: Display> + Clone>(
    what: &str,
    said: &Option<String>,
    usual: Option<&T>,
) -> Result<T, TurnedAway> {
    match (said, usual) {
        (Some(said), _) => read(what, said),
        (None, Some(usual)) => Ok(usual.clone()),
        (None, None) => Err(malformed(
            format!(
                "Die Angabe „{what}“ fehlt. Sie gehört in die Nachricht oder in die Konfiguration der Quelle."
            ),
            format!("`{what}` is missing: say it in the message, or in the source's configuration."),
        )),
    }
}

fn read<T: FromStr<Err: Display>>(what: &str, said: &str) -> Result<T, TurnedAway> {
    said.trim().parse().map_err(|error| {
        let right = match what {
            "service" => "ein LeiKa-Schlüssel aus 14 Ziffern, der mit 99 beginnt",
            "area" => "ein Amtlicher Regionalschlüssel aus 2, 3, 5, 9 oder 12 Ziffern",
            "foreign-id" => "ein Zeichen mit 1 bis 500 Buchstaben, ohne Steuerzeichen",
            "case" => "1 bis 100 Zeichen aus A-Z, a-z, 0-9, Punkt, Unterstrich, Doppelpunkt und Bindestrich",
            _ => "ein Wort wie application oder amendment",
        };
        malformed(
            format!("Die Angabe „{what}“ ist „{said}“; richtig ist {right}."),
            format!("`{what}` is `{said}`: {error}."),
        )
    })
}

fn test(said: &str) -> Result<bool, TurnedAway> {
    match said.trim() {
        "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        other => Err(malformed(
            format!("Die Angabe „test“ ist „{other}“; richtig ist true oder false."),
            format!("`test` is `{other}`: write true or false."),
        )),
    }
}

/// A message that is not what it should be.
pub fn malformed(german: impl Into<String>, english: impl Into<String>) -> TurnedAway {
    TurnedAway { why: Why::Malformed, german: german.into(), english: english.into() }
}

/// The idempotency key of what the place calls `id`. An id that cannot stand in a key stands there by its SHA-256.
pub fn key(place: &str, id: &str) -> String {
    let key = format!("{place}:{id}");
    if key.len() <= KEY_MAX && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return key;
    }
    format!("{place}:sha256:{}", Digest::of(id.as_bytes()))
}

/// Hands in a part that is in memory.
pub async fn part(
    taking: &mut dyn TakingIn,
    role: Role,
    name: Option<String>,
    media_type: String,
    content: bytes::Bytes,
) -> Result<(), TurnedAway> {
    taking.begin(role, name, media_type)?;
    taking.write(content).await?;
    taking.end().await
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usual() -> Usual {
        Usual {
            service: "99108003000000".parse().ok(),
            area: "15091".parse().ok(),
            kind: None,
            ..Usual::default()
        }
    }

    fn said(what: &str, value: &str) -> Said {
        let value = Some(value.to_owned());
        match what {
            "service" => Said { service: value, ..Said::default() },
            "area" => Said { area: value, ..Said::default() },
            "kind" => Said { kind: value, ..Said::default() },
            "foreign-id" => Said { foreign_id: value, ..Said::default() },
            "case" => Said { case: value, ..Said::default() },
            _ => Said { test: value, ..Said::default() },
        }
    }

    #[test]
    fn what_a_message_says_goes_before_the_configuration() {
        let plain = usual().intent(&Said::default(), "k".into()).unwrap();
        assert_eq!((plain.kind.as_str(), plain.area.as_str(), plain.test), ("application", "15091", false));
        let said = Said { test: Some("true".into()), ..said("area", " 150910000000 ") };
        let intent = usual().intent(&said, "k".into()).unwrap();
        assert_eq!((intent.area.as_str(), intent.test), ("150910000000", true));
        assert_eq!(intent.idempotency_key.as_deref(), Some("k"));
    }

    #[test]
    fn what_is_said_wrongly_or_not_at_all_is_told_with_what_would_be_right() {
        for (what, value, right) in [
            ("service", "4711", "14 Ziffern"),
            ("area", "x", "Regionalschlüssel"),
            ("kind", "Änderung!", "amendment"),
            ("case", "a b", "100 Zeichen"),
            ("foreign-id", "a\u{7}", "500 Buchstaben"),
            ("test", "vielleicht", "true oder false"),
        ] {
            let turned = usual().intent(&said(what, value), "k".into()).unwrap_err();
            assert_eq!(turned.why, Why::Malformed);
            for part in [what, value, right] {
                assert!(turned.german.contains(part), "{part} is not in {turned:?}");
            }
        }
        let turned = Usual::default().intent(&Said::default(), "k".into()).unwrap_err();
        assert!(turned.german.contains("„service“ fehlt"), "{turned:?}");
    }

    #[test]
    fn a_key_is_visible_ascii_of_bounded_length_and_another_for_each_id() {
        assert_eq!(key("amqp", "a-1"), "amqp:a-1");
        let (long, strange) = (key("amqp", &"x".repeat(300)), key("amqp", "Straße 1"));
        for key in [&long, &strange] {
            assert!(key.starts_with("amqp:sha256:") && key.len() <= KEY_MAX, "{key}");
            assert!(key.bytes().all(|byte| byte.is_ascii_graphic()), "{key}");
        }
        assert_ne!(long, strange);
    }
}
