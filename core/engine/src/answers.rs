//! Answers in a case: whose case is meant, what an answer is made of, and what is handed in.

use crate::Engine;
use crate::accept::{Refusal, xml_limits};
use crate::catalog::Catalog;
use bytes::Bytes;
use rohrpost_mappings::{Facts, Limits, Mapping, MappingFault, Xml};
use rohrpost_model::client::Role;
use rohrpost_model::foreign::Sought;
use rohrpost_model::ports::{AnswerForm, Answering, CaseNamed, CaseView, Intent, Scope, StoreFault};
use rohrpost_model::reply::{Reply, WrongReply};
use rohrpost_model::{CaseId, Client, Kind, TenantName};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The most submissions that are looked at for one identifier.
const LOOKED_AT: usize = 1000;

/// What keeps data from being an answer.
#[derive(Debug)]
pub enum BadReply {
    /// They are not JSON of its form.
    Json(serde_json::Error),
    /// A member is wrong.
    Wrong(WrongReply),
    /// The mapping made nothing of them; what it said is in the log.
    NotMapped,
    /// It is a test, and its case is not.
    TestInLive,
}

impl Engine {
    /// The case that is meant, among those where `client` may answer. `reference` is what the answer says itself.
    pub async fn answered_case(
        &self,
        client: &Client,
        named: &CaseNamed,
        reference: Option<&str>,
    ) -> Result<CaseView, Refusal> {
        let tenants = client.tenants_as(Role::Submit);
        let views = match named {
            CaseNamed::Case(case) => self.cases(tenants, case).await?,
            CaseNamed::Of(tenant, case) if tenants.contains(tenant) => {
                self.cases([tenant.clone()].into(), case).await?
            }
            CaseNamed::Of(..) => return Err(Refusal::NoCase),
            CaseNamed::Foreign { id, system } => {
                let value = id.as_ref().map(|id| id.as_str()).or(reference).ok_or(Refusal::NoCase)?;
                let sought = Sought::ForeignId(value.to_owned(), system.clone());
                self.cases_called(client, tenants, &sought).await?
            }
        };
        let mut views = views.into_iter();
        match (views.next(), views.len()) {
            (Some(view), 0) => Ok(view),
            (Some(_), others) => Err(Refusal::SeveralCases(others + 1)),
            (None, _) => Err(Refusal::NoCase),
        }
    }

    async fn cases(&self, tenants: BTreeSet<TenantName>, case: &CaseId) -> Result<Vec<CaseView>, StoreFault> {
        self.ports.records.case(&Scope::Of { tenants, client: None }, case).await
    }

    /// The cases that somebody called so. Nothing is ever too old.
    async fn cases_called(
        &self,
        client: &Client,
        tenants: BTreeSet<TenantName>,
        sought: &Sought,
    ) -> Result<Vec<CaseView>, StoreFault> {
        let hits = self.ports.records.search(&tenants, sought, LOOKED_AT).await?;
        let granted = hits.into_iter().filter(|hit| client.may_submit(&hit.tenant, &hit.service));
        let cases: BTreeSet<_> = granted.map(|hit| (hit.tenant, hit.case)).collect();
        let mut views = Vec::new();
        for (tenant, case) in cases {
            views.extend(self.cases([tenant].into(), &case).await?);
        }
        Ok(views)
    }

    /// The answer that the data are, or that a mapping makes of them.
    pub async fn reply_of(&self, answering: &Answering, data: Bytes) -> Result<Reply, Refusal> {
        let json = match &answering.form {
            AnswerForm::Mapping(name) => {
                let catalog = self.catalog();
                let mapped = catalog.mappings.get(name).map(|mapped| Arc::clone(&mapped.mapping));
                let mapping = mapped.ok_or(Refusal::BadReply(BadReply::NotMapped))?;
                let facts = facts(answering);
                let work = move || (mapped_answer(&catalog, &mapping, &data, &facts), None::<fn()>);
                let trouble = |why: String| Refusal::Trouble(StoreFault::Unavailable(why));
                let made = self.workers.run_at_the_door(work).await;
                made.map_err(|reason| trouble(reason.english()))??.into()
            }
            _ => data,
        };
        reply(&json, answering.kind.as_ref()).map_err(Refusal::BadReply)
    }
}

/// What is handed in for an answer of this kind in the case; `None` if there is nothing in it.
pub fn intent_in(case: &CaseView, kind: &Kind) -> Option<Intent> {
    let submissions = case.submissions.iter().map(|view| &view.submission);
    let asked = submissions.clone().find(|submission| !submission.kind.is_answer());
    let first = asked.or_else(|| submissions.clone().next())?;
    let mut intent = Intent::new(kind.clone(), first.service.clone(), first.area.clone());
    intent.case = Some(first.case.clone());
    // Whoever is responsible for its area by now: the case stays where it is.
    intent.tenant = Some(case.tenant.clone());
    intent.test = first.test;
    intent.reply = submissions.rev().find_map(|submission| submission.reply.clone());
    Some(intent)
}

/// The answer that JSON says. Where it does not say what it is, it is of this kind.
pub fn reply(json: &[u8], usual: Option<&Kind>) -> Result<Reply, BadReply> {
    let whole: Result<serde_json::Value, _> = serde_json::from_slice(json);
    let reply: Reply = match (whole, usual) {
        (Ok(serde_json::Value::Object(mut members)), Some(kind)) if !members.contains_key("kind") => {
            members.insert("kind".into(), kind.as_str().into());
            serde_json::from_value(members.into()).map_err(BadReply::Json)?
        }
        _ => serde_json::from_slice(json).map_err(BadReply::Json)?,
    };
    reply.check().map_err(BadReply::Wrong)?;
    Ok(reply)
}

/// What a mapping is told of an answer: what was said of it, and nothing of the case, which its result may have to name.
fn facts(answering: &Answering) -> Facts {
    Facts {
        submission_id: String::new(),
        case: String::new(),
        received_at: String::new(),
        service: String::new(),
        area: String::new(),
        tenant: String::new(),
        kind: answering.kind.as_ref().map(ToString::to_string).unwrap_or_default(),
        test: answering.test,
        attachments: Vec::new(),
        receipts: Vec::new(),
        params: BTreeMap::new(),
    }
}

/// CPU-bound.
fn mapped_answer(
    catalog: &Catalog,
    mapping: &Mapping,
    data: &[u8],
    facts: &Facts,
) -> Result<Vec<u8>, Refusal> {
    let limits = xml_limits(&catalog.limits);
    let xml = match mapping.takes_json() {
        true => Xml::from_json(data, &limits).map_err(Refusal::NotJson)?,
        false => Xml::parse(data, &limits).map_err(Refusal::NotWellFormed)?,
    };
    mapping.apply(&xml, facts, &Limits::default()).map_err(|fault| match fault {
        MappingFault::Source(violations) => Refusal::Invalid(violations),
        _ => {
            tracing::warn!(mapping = %mapping.name(), "the mapping makes no answer of what came");
            Refusal::BadReply(BadReply::NotMapped)
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_an_answer_is_it_says_itself_or_its_source() {
        let notice: Kind = "notice".parse().unwrap();
        let kind = |json: &str| reply(json.as_bytes(), Some(&notice)).map(|reply| reply.kind.to_string());
        assert_eq!(kind(r#"{"text":"x"}"#).unwrap(), "notice");
        assert_eq!(kind(r#"{"kind":"query","text":"x"}"#).unwrap(), "query");
        assert!(matches!(kind(r#"{"kind":"application","text":"x"}"#), Err(BadReply::Wrong(_))));
        assert!(matches!(kind(r#"{"txt":"x"}"#), Err(BadReply::Json(_))));
        assert!(matches!(reply(br#"{"text":"x"}"#, None), Err(BadReply::Json(_))));
    }
}
