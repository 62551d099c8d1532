//! Messages of a mailbox that are answers in cases of ours: what their metadata say of the case, and what they are.

use super::source::NotTaken;
use crate::MessageMetaData;
use crate::intake::{self, At, NoIntent, Rules, ServiceSettings};
use rohrpost_kit::AdapterSource;
use rohrpost_kit::correlation::{Answers, CaseBy, no_answer};
use rohrpost_kit::intake::Said;
use rohrpost_model::Fault;
use rohrpost_model::ports::{Answering, Why};
use serde::Deserialize;
use toml::Spanned;

/// Where the metadata of an answer have the number by which others call its case.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum NumberAt {
    /// `ProcessRef/Responder`: whoever answers writes its own there.
    #[default]
    Responder,
    /// `ProcessRef/Requester`.
    Requester,
    /// The first `In-Reply-To`: the message of ours that is answered, which the receipt of its delivery names.
    InReplyTo,
    /// The value of the message property of this code.
    Property(String),
}

impl NumberAt {
    fn read<'m>(&self, metadata: &'m MessageMetaData) -> Option<&'m str> {
        let number = match self {
            Self::Responder => metadata.responder.as_ref().map(|process| &process.value),
            Self::Requester => metadata.requester.as_ref().map(|process| &process.value),
            Self::InReplyTo => metadata.in_reply_to.first(),
            Self::Property(code) => {
                let found = metadata.properties.iter().find(|property| property.key.code == *code);
                found.map(|property| &property.value)
            }
        };
        number.map(|number| number.trim()).filter(|number| !number.is_empty())
    }
}

/// What makes answers in cases of the messages of a mailbox.
pub(super) struct InCases {
    answers: Answers,
    number_at: NumberAt,
}

impl InCases {
    /// What the table `[answers]` says, where there is one.
    pub(super) fn configure(
        number_at: Option<&Spanned<NumberAt>>,
        services: &[ServiceSettings],
        source: &AdapterSource<'_>,
    ) -> Result<Option<Self>, Vec<Fault>> {
        // What is wrong with that table is told by whoever reads the file.
        let answers = Answers::read(source).unwrap_or_default();
        let (places, mut faults) = (source.places(), Vec::new());
        let unused = match &answers {
            Some(answers) => answers.case_by == CaseBy::Case,
            None => !Answers::are_in(source),
        };
        if let Some(number_at) = number_at.filter(|_| unused) {
            let fault = places.fault_at(number_at, "no case is looked for by this number");
            faults.push(fault.hint("add the table [answers] with case-by = \"foreign-id\", or leave it out"));
        }
        let kinds = services.iter().filter(|_| answers.is_some()).filter_map(|service| service.kind.as_ref());
        faults.extend(kinds.filter_map(|kind| no_answer(kind, &places)));
        let number_at = number_at.map(|number_at| number_at.get_ref().clone()).unwrap_or_default();
        let in_cases = answers.map(|answers| Self { answers, number_at });
        if faults.is_empty() { Ok(in_cases) } else { Err(faults) }
    }

    /// What is handed in. Where services are named, only messages for these are answers.
    pub(super) async fn answering(
        &self,
        at: At<'_>,
        metadata: &MessageMetaData,
        rules: Rules<'_>,
    ) -> Result<Answering, NotTaken> {
        let service = rules.service_of(metadata);
        if service.is_none() && !rules.services.is_empty() {
            return Err(NoIntent::Service.into());
        }
        intake::check(metadata, at.now)?;
        let said = Said {
            kind: service.and_then(ServiceSettings::kind).map(ToString::to_string),
            case: self.case(at, metadata).await?,
            foreign_id: self.number_at.read(metadata).map(str::to_owned),
            test: Some(metadata.test.to_string()),
            ..Said::default()
        };
        let answering = self.answers.answering(&said, intake::key(&metadata.message_id), metadata.test)?;
        Ok(Answering {
            not_before: intake::not_before(metadata),
            obsolete_after: intake::obsolete_after(metadata),
            properties: intake::properties(metadata),
            ..answering
        })
    }

    /// Our own name for the case, where answers name it so.
    async fn case(&self, at: At<'_>, metadata: &MessageMetaData) -> Result<Option<String>, NotTaken> {
        if self.answers.case_by == CaseBy::ForeignId {
            return Ok(None);
        }
        let case = intake::case_of(at, metadata, true).await.map_err(NoIntent::Trouble)?;
        let case = case.ok_or(NotTaken::Refused(Why::NoCase))?;
        Ok(Some(case.to_string()))
    }
}
