//! What an expression of XPath 1.0 names: functions, variables and prefixes. libxslt meets a name that means nothing only
//! when it evaluates it; rules that are wrong are to be known before a document comes along.

use crate::functions::FUNCTIONS_NAMESPACE;
use crate::{calls, lists::Lists};
use std::ops::Range;

const NODE_TYPES: [&str; 4] = ["node", "text", "comment", "processing-instruction"];
const OPERATORS: [&str; 4] = ["and", "or", "div", "mod"];
const EXSLT: &str = "http://exslt.org/";

/// The functions of XPath 1.0 and XSLT 1.0.
#[rustfmt::skip]
const FUNCTIONS: [&str; 36] = [
    "last", "position", "count", "id", "local-name", "namespace-uri", "name", "string", "concat", "starts-with", "contains",
    "substring-before", "substring-after", "substring", "string-length", "normalize-space", "translate", "boolean", "not",
    "true", "false", "lang", "number", "sum", "floor", "ceiling", "round", "document", "key", "format-number", "current",
    "unparsed-entity-uri", "generate-id", "system-property", "element-available", "function-available",
];

/// A name in an expression.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Named {
    /// Where it stands, without the `$`.
    Variable(Range<usize>),
    /// A function by prefix (empty for none) and local name.
    Function(String, String),
    /// A prefix of a name of something else.
    Prefix(String),
}

/// The names in an expression, in order. Literals are none.
pub(super) fn names(expression: &str) -> Vec<Named> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(first) = expression[at..].chars().next() {
        let after = at + first.len_utf8();
        at = match first {
            '\'' | '"' => expression[after..].find(first).map_or(expression.len(), |end| after + end + 1),
            '$' => {
                let end = end_of_name(expression, after, true);
                found.push(Named::Variable(after..end));
                end
            }
            first if starts_name(first) => named(expression, at, &mut found),
            first if first.is_ascii_digit() => end_of_name(expression, after, false),
            _ => after,
        };
    }
    found
}

fn starts_name(character: char) -> bool {
    character.is_alphabetic() || character == '_'
}

/// The end of the name, with `colon` of the qualified name, that begins at `start`.
fn end_of_name(text: &str, start: usize, colon: bool) -> usize {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '-' | '_' | '.') || colon && c == ':';
    text[start..].find(|c| !part(c)).map_or(text.len(), |length| start + length)
}

/// Adds what the name at `start` is, and says where it ends.
fn named(text: &str, start: usize, found: &mut Vec<Named>) -> usize {
    let end = end_of_name(text, start, false);
    let name = &text[start..end];
    let rest = &text[end..];
    if rest.trim_start().starts_with("::") {
        return text.len() - rest.trim_start().len() + 2;
    }
    let Some(local) = rest.strip_prefix(':') else {
        let called = rest.trim_start().starts_with('(');
        if called && !NODE_TYPES.contains(&name) && !OPERATORS.contains(&name) {
            found.push(Named::Function(String::new(), name.to_owned()));
        }
        return end;
    };
    let local_end = end_of_name(text, end + 1, false);
    let called = text[local_end..].trim_start().starts_with('(');
    found.push(match called && local.starts_with(starts_name) {
        true => Named::Function(name.to_owned(), text[end + 1..local_end].to_owned()),
        false => Named::Prefix(name.to_owned()),
    });
    local_end
}

/// What is wrong with the functions and prefixes of an expression: message and what would be right.
pub(super) fn faults(
    expression: &str,
    namespace: impl Fn(&str) -> Option<String>,
    lists: &Lists,
) -> Vec<(String, String)> {
    let unknown = |prefix: &str| (namespace(prefix).is_none()).then(|| undeclared(prefix));
    let name = |named| match named {
        Named::Function(prefix, name) if prefix.is_empty() => function(&name),
        Named::Function(prefix, name) => unknown(&prefix).or_else(|| foreign(&prefix, &name, &namespace)),
        Named::Prefix(prefix) => unknown(&prefix),
        Named::Variable(_) => None,
    };
    let own = calls::faults_of(expression, |prefix| namespace(prefix), lists.names());
    names(expression).into_iter().filter_map(name).chain(own).collect()
}

fn undeclared(prefix: &str) -> (String, String) {
    let message = format!("the prefix `{prefix}` is not declared");
    (message, format!("write <ns prefix=\"{prefix}\" uri=\"…\"/> below <schema>"))
}

fn function(name: &str) -> Option<(String, String)> {
    let message = || format!("XPath 1.0 has no function `{name}`");
    (!FUNCTIONS.contains(&name)).then(|| (message(), CARRIED.to_owned()))
}

fn foreign(prefix: &str, name: &str, namespace: impl Fn(&str) -> Option<String>) -> Option<(String, String)> {
    let namespace = namespace(prefix)?;
    let known = namespace == FUNCTIONS_NAMESPACE || namespace.starts_with(EXSLT);
    let message = || format!("there is no function `{prefix}:{name}` (namespace {namespace})");
    (!known).then(|| (message(), CARRIED.to_owned()))
}

/// What a rules file may be written in.
pub(super) const CARRIED: &str = "the engine carries XSLT 1.0: XPath 1.0 with EXSLT and the hub's own functions, nothing of XPath 2 or later";
