//! What a target answers at once, in the answer to the delivery itself: it becomes an answer in the delivery's case.
//!
//! | Key | Meaning |
//! |---|---|
//! | `client` | in whose name it is handed in; it needs the role `submit` |
//! | `kind`, `mapping`, `text` | what makes an answer of it: [`Making`] |
//!
//! It is handed in under a key that comes from the delivery's, so that there is one answer however often the target was asked
//! for it (H3). Whose case it is nobody has to say: it is the delivery's own, of its own tenant (H7).

use crate::adapter::AdapterSource;
use crate::answering::Answerer;
use crate::correlation::Making;
use crate::settings::Places;
use bytes::Bytes;
use rohrpost_model::media_type::extension;
use rohrpost_model::ports::{AnswerForm, Answering, CaseNamed, Desk, Parcel, Why};
use rohrpost_model::submission::{Properties, Role};
use rohrpost_model::{ClientName, Failure, Fault, Kind, MappingName};
use std::sync::Arc;
use std::time::Duration;
use toml::Spanned;
use toml::de::DeTable;

/// How long it waits where the desk has no room just now: what was answered is in memory only, and a target need not say it
/// twice.
const PAUSES: [Duration; 3] =
    [Duration::from_millis(100), Duration::from_millis(500), Duration::from_secs(2)];

/// Keys of [`Answers`](crate::correlation::Answers) that say which case is meant.
const OF_CASES: [&str; 2] = ["case-by", "system"];

/// Hands in what a target answered.
pub struct AtOnce {
    answerer: Answerer,
    kind: Option<Kind>,
    form: AnswerForm,
}

impl AtOnce {
    /// Checks how it is written; `None` where the target's answers are none for the case.
    pub fn configured(
        client: Option<&Spanned<ClientName>>,
        making: Making<'_>,
        places: &Places<'_>,
    ) -> Result<Option<Self>, Vec<Fault>> {
        let mut faults = making.faults(places);
        if client.is_none() {
            faults.extend(making.place().map(|place| {
                let fault = places.fault(place, "nobody is named who answers");
                fault.hint("add `client`, a client with the role submit")
            }));
        }
        if !faults.is_empty() {
            return Err(faults);
        }
        Ok(client.map(|client| Self {
            answerer: Answerer::new(client.get_ref().clone()),
            kind: making.kind.map(|kind| kind.get_ref().clone()),
            form: making.form(),
        }))
    }

    /// In whose name.
    pub const fn client(&self) -> &ClientName {
        self.answerer.client()
    }

    /// The mapping that makes the answer.
    pub const fn mapping(&self) -> Option<&MappingName> {
        match &self.form {
            AnswerForm::Mapping(name) => Some(name),
            _ => None,
        }
    }

    /// See [`Target::meet`](rohrpost_model::ports::Target::meet).
    pub fn meet(&self, desk: &Arc<dyn Desk>) {
        self.answerer.meet(desk);
    }

    /// Whether the delivery's answer is in the case.
    pub async fn is_in_case(&self, parcel: &Parcel<'_>) -> Result<bool, Failure> {
        Ok(self.answerer.handed_in(&key(parcel)).await?.is_some())
    }

    /// Hands in what was answered. When it returns `Ok`, it is in the case.
    pub async fn hand_in(&self, parcel: &Parcel<'_>, media_type: &str, said: &Bytes) -> Result<(), Why> {
        for pause in PAUSES {
            match self.once(parcel, media_type, said).await {
                Err(Why::Unavailable) => tokio::time::sleep(pause).await,
                ended => return ended,
            }
        }
        self.once(parcel, media_type, said).await
    }

    async fn once(&self, parcel: &Parcel<'_>, media_type: &str, said: &Bytes) -> Result<(), Why> {
        let desk = self.answerer.desk().map_err(|_| Why::Unavailable)?;
        let begun = desk.answer(self.client(), self.answering(parcel)).await;
        let mut taking = begun.map_err(|turned| turned.why)?;
        // Of a document that goes along with a text it is the name; what is an answer itself has none.
        let name = format!("antwort.{}", extension(media_type));
        let part = async {
            taking.begin(Role::Data, Some(name), media_type.to_owned())?;
            taking.write(said.clone()).await?;
            taking.end().await
        };
        part.await.map_err(|turned| turned.why)?;
        taking.accept().await.map(drop).map_err(|turned| turned.why)
    }

    fn answering(&self, parcel: &Parcel<'_>) -> Answering {
        let submission = parcel.submission;
        Answering {
            of: CaseNamed::Of(submission.tenant.clone(), submission.case.clone()),
            form: self.form.clone(),
            kind: self.kind.clone(),
            test: submission.test,
            idempotency_key: Some(key(parcel)),
            not_before: None,
            obsolete_after: None,
            properties: Properties::new(),
        }
    }
}

/// The idempotency key of the answer: one for each delivery.
fn key(parcel: &Parcel<'_>) -> String {
    format!("answer:{}", parcel.key)
}

/// The faults of reading the table at `path`: where it has keys of [`Answers`](crate::correlation::Answers) that say which
/// case is meant, they say why these are not known here.
pub fn of_own_case(source: &AdapterSource<'_>, [outer, inner]: [&str; 2], faults: Vec<Fault>) -> Vec<Fault> {
    let Ok(root) = DeTable::parse(source.text) else { return faults };
    let outer = root.get_ref().get(outer).and_then(|table| table.get_ref().as_table());
    let inner = outer.and_then(|table| table.get(inner)?.get_ref().as_table());
    let keys = inner.into_iter().flat_map(DeTable::keys);
    let keys = keys.filter(|key| OF_CASES.contains(&key.get_ref().as_ref()));
    let places: Vec<_> = keys.map(|key| source.places().of(key.span().start)).collect();
    let hinted = |fault: Fault| match places.contains(&(fault.line, fault.column)) {
        true => fault.hint("leave it out: what a target answers at once belongs to the delivery's own case"),
        false => fault,
    };
    faults.into_iter().map(hinted).collect()
}
