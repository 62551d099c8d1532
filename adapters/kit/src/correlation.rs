//! The table `[answers]` of a source: what it fetches are answers in cases of ours.

use crate::AdapterSource;
use crate::settings::{self, Places};
use rohrpost_model::ports::AnswerForm;
use rohrpost_model::reply::Reply;
use rohrpost_model::{Fault, Kind, MappingName};
use serde::Deserialize;
use std::ops::Range;
use toml::Spanned;
use toml::de::DeTable;

/// The table's name.
pub const TABLE: &str = "answers";

/// What makes answers of messages.
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Answers {
    /// How they name their case.
    #[serde(default)]
    pub case_by: CaseBy,
    /// Whose identifier it is: a destination or client.
    pub system: Option<Spanned<String>>,
    /// What they are where they do not say it.
    pub kind: Option<Spanned<Kind>>,
    /// What makes an answer of a message; without it the message is one, as JSON.
    pub mapping: Option<Spanned<MappingName>>,
    /// What the citizen reads; the message goes with it as a document.
    pub text: Option<Spanned<String>>,
}

/// How answers name their case.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaseBy {
    /// By our own name for it.
    #[default]
    Case,
    /// By what somebody else calls it.
    ForeignId,
}

impl Answers {
    /// Whether there is such a table.
    pub fn are_in(source: &AdapterSource<'_>) -> bool {
        DeTable::parse(source.text).is_ok_and(|root| root.get_ref().contains_key(TABLE))
    }

    /// Reads the table, where there is one.
    pub fn read(source: &AdapterSource<'_>) -> Result<Option<Self>, Vec<Fault>> {
        if !Self::are_in(source) {
            return Ok(None);
        }
        let answers: Self = settings::read(source.file, source.text, Some(TABLE))?;
        let faults = answers.faults(source);
        if faults.is_empty() { Ok(Some(answers)) } else { Err(faults) }
    }

    fn faults(&self, source: &AdapterSource<'_>) -> Vec<Fault> {
        let (places, mut faults) = (source.places(), self.making().faults(&source.places()));
        if let (Some(system), CaseBy::Case) = (&self.system, self.case_by) {
            let fault = places.fault_at(system, "the case is not looked for by what somebody calls it");
            faults.push(fault.hint("add case-by = \"foreign-id\", or leave `system` out"));
        }
        faults
    }

    /// What makes an answer of a message.
    pub const fn making(&self) -> Making<'_> {
        Making { kind: self.kind.as_ref(), mapping: self.mapping.as_ref(), text: self.text.as_ref() }
    }
}

/// What makes an answer of data, in whichever case. Every table that says so has these keys.
#[derive(Clone, Copy)]
pub struct Making<'s> {
    /// What it is where the data do not say it.
    pub kind: Option<&'s Spanned<Kind>>,
    /// What makes an answer of them; without it they are one, as JSON.
    pub mapping: Option<&'s Spanned<MappingName>>,
    /// What the citizen reads; the data go with it as a document.
    pub text: Option<&'s Spanned<String>>,
}

impl Making<'_> {
    /// What is wrong with it.
    pub fn faults(&self, places: &Places<'_>) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let (Some(text), Some(_)) = (self.text, self.mapping) {
            let fault = places.fault_at(text, "a mapping makes the text itself");
            faults.push(fault.hint("leave `text` or `mapping` out"));
        }
        if let (Some(text), None) = (self.text, self.kind) {
            let fault = places.fault_at(text, "nothing says what kind of answer it is");
            faults.push(fault.hint("add `kind`, like kind = \"notice\""));
        }
        if let Some(fault) = self.kind.and_then(|kind| no_answer(kind, places)) {
            faults.push(fault);
        } else if let (Some(text), Some(kind)) = (self.text, self.kind) {
            let reply = Reply::new(kind.get_ref().clone(), text.get_ref().clone());
            faults.extend(reply.check().err().map(|wrong| places.fault_at(text, wrong.english)));
        }
        faults
    }

    /// Where it begins, if it is there.
    pub fn place(&self) -> Option<Range<usize>> {
        let text = self.text.map(Spanned::span);
        text.or_else(|| self.mapping.map(Spanned::span)).or_else(|| self.kind.map(Spanned::span))
    }

    /// What the data are.
    pub fn form(&self) -> AnswerForm {
        match (self.text, self.mapping) {
            (Some(text), _) => AnswerForm::Text(text.get_ref().clone()),
            (None, Some(mapping)) => AnswerForm::Mapping(mapping.get_ref().clone()),
            (None, None) => AnswerForm::Reply,
        }
    }
}

/// The fault of a kind that no authority may hand in: it is neither an answer, nor says that something is to be paid.
pub fn no_answer(kind: &Spanned<Kind>, places: &Places<'_>) -> Option<Fault> {
    if kind.get_ref().is_answer() || kind.get_ref().is_payment_order() {
        return None;
    }
    let fault = places.fault_at(kind, "this is no answer");
    Some(fault.hint("write status, query, notice, or a word of your own"))
}
