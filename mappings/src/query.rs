//! XPath 1.0 on documents: conditions of steps, and texts read out of answers.

use crate::facts::Facts;
use crate::ffi::{Evaluated, Query};
use crate::xml::{Xml, XmlLimits};
use std::collections::BTreeMap;

/// How many steps of XPath an evaluation may take; roughly a second of a small machine.
const MAX_OPERATIONS: u64 = 20_000_000;

/// A condition over a submission's data: an XPath 1.0 expression, read as a boolean. The texts of [`Facts`] are its
/// variables, for instance `$kind`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    expression: String,
    namespaces: BTreeMap<String, String>,
}

impl Condition {
    /// Takes an expression whose prefixes stand in `namespaces`. Refused are what is no XPath, and functions and variables
    /// that do not exist as far as they are met on an empty document. The error quotes the expression.
    pub fn compile(expression: &str, namespaces: &BTreeMap<String, String>) -> Result<Self, String> {
        let condition = Self { expression: expression.to_owned(), namespaces: namespaces.clone() };
        let empty = Xml::parse(b"<empty/>", &XmlLimits::default()).map_err(|bad| bad.message)?;
        condition.holds(&empty, &Facts::sample())?;
        Ok(condition)
    }

    /// Whether the condition is true of `xml`; the context node is the document itself.
    pub fn holds(&self, xml: &Xml, facts: &Facts) -> Result<bool, String> {
        ask(xml, &self.expression, &self.namespaces, &facts.texts()).map(|answer| answer.truth)
    }
}

/// The string value of an expression; `None` if it selects nodes and there are none. The error quotes the expression.
pub fn xpath_string(
    xml: &Xml,
    expression: &str,
    namespaces: &BTreeMap<String, String>,
) -> Result<Option<String>, String> {
    let answer = ask(xml, expression, namespaces, &[])?;
    Ok((!answer.empty).then_some(answer.text))
}

fn ask(
    xml: &Xml,
    expression: &str,
    namespaces: &BTreeMap<String, String>,
    variables: &[(&str, &str)],
) -> Result<Evaluated, String> {
    Query { expression, namespaces, variables, operations: MAX_OPERATIONS }.ask(xml.doc())
}
