//! Finds calls of the hub's functions in a stylesheet, so that a wrong name is a fault of the mapping and not of the first
//! submission that comes along.

use crate::check::XSL;
use crate::ffi::Node;
use crate::functions::{self, FUNCTIONS_NAMESPACE};

/// What is wrong with the calls in an element's attributes: message and what would be right.
pub(crate) fn faults<'l>(
    node: Node<'_>,
    lists: impl Iterator<Item = &'l String> + Clone,
) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for attribute in node.attributes() {
        let value = attribute.value();
        let expressions = if node.namespace() == XSL { vec![value.as_str()] } else { in_braces(&value) };
        for expression in expressions {
            found.extend(faults_of(expression, |prefix| node.resolve(prefix), lists.clone()));
        }
    }
    found
}

/// The same for an expression.
pub(crate) fn faults_of<'l, N: AsRef<str>>(
    expression: &str,
    namespace: impl Fn(&str) -> Option<N>,
    lists: impl Iterator<Item = &'l String> + Clone,
) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for Call { prefix, name, first } in calls(expression) {
        if namespace(&prefix).is_none_or(|meant| meant.as_ref() != FUNCTIONS_NAMESPACE) {
            continue;
        }
        if !functions::has(&name) {
            found.push(unknown_function(&prefix, &name));
        } else if let Some(list) = first.filter(|_| name == "code" || name == "has-code")
            && !lists.clone().any(|known| *known == list)
        {
            let known: Vec<_> = lists.clone().map(String::as_str).collect();
            let hint = format!("name it under [lists] in mapping.toml; there is: {}", known.join(", "));
            found.push((format!("the mapping has no code list `{list}`"), hint));
        }
    }
    found
}

fn unknown_function(prefix: &str, name: &str) -> (String, String) {
    let all = functions::FUNCTIONS.iter().map(|function| function.name);
    let near = all.clone().max_by(|a, b| strsim::jaro(a, name).total_cmp(&strsim::jaro(b, name)));
    let message = format!("the hub has no function `{prefix}:{name}`");
    (
        message,
        format!(
            "perhaps `{prefix}:{}`; all: {}",
            near.unwrap_or_default(),
            all.collect::<Vec<_>>().join(", ")
        ),
    )
}

/// The expressions in the attribute of a literal result element (XSLT 1.0, section 7.6.2); the rest of it is text.
fn in_braces(value: &str) -> Vec<&str> {
    value.split('{').skip(1).map(|part| part.split('}').next().unwrap_or_default()).collect()
}

struct Call {
    prefix: String,
    name: String,
    /// Its first argument, where that is a literal.
    first: Option<String>,
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '-' | '_' | '.')
}

/// Every `prefix:name(` outside of literals.
fn calls(expression: &str) -> Vec<Call> {
    let mut found = Vec::new();
    let mut literal = None;
    for (at, character) in expression.char_indices() {
        match (literal, character) {
            (Some(open), close) if open == close => literal = None,
            (None, '\'' | '"') => literal = Some(character),
            (None, '(') => found.extend(call(&expression[..at], &expression[at + 1..])),
            _ => {}
        }
    }
    found
}

fn call(before: &str, after: &str) -> Option<Call> {
    let before = before.trim_end();
    let name = last_name(before);
    let prefix = last_name(before[..before.len() - name.len()].strip_suffix(':')?);
    let after = after.trim_start();
    let quote = after.chars().next().filter(|quote| matches!(quote, '\'' | '"'));
    let first = quote.and_then(|quote| after[1..].split_once(quote)).map(|(first, _)| first.to_owned());
    (!name.is_empty() && !prefix.is_empty()).then(|| Call { prefix: prefix.into(), name: name.into(), first })
}

fn last_name(text: &str) -> &str {
    let start = text.char_indices().rev().take_while(|(_, character)| is_name(*character)).last();
    start.map_or("", |(at, _)| &text[at..])
}
