//! The functions that the hub offers to stylesheets, in the namespace [`FUNCTIONS_NAMESPACE`]. They take texts, depend on
//! nothing but their arguments and the mapping's code lists, and end the run with a clear error where a text is not what
//! they take.
//!
//! Another engine runs a mapping that uses them with a library of the same names in this namespace: the tests have one for
//! Saxon, so that every shipped mapping is made by two engines.

mod accounts;
mod characters;
mod dates;
mod names;
mod numbers;
mod table;

use crate::lists::Lists;

pub(crate) use names::{file_name, uuid};

/// The namespace of the hub's functions.
pub const FUNCTIONS_NAMESPACE: &str = "urn:rohrpost:functions:1";

/// What a function gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Value {
    Text(String),
    Truth(bool),
}

type Answer = Result<Value, String>;
type Call = fn(&Lists, &[&str]) -> Answer;

/// A function that stylesheets can call.
#[derive(Clone, Copy)]
pub struct Function {
    /// Its local name.
    pub name: &'static str,
    /// Its arguments by name, in order.
    pub arguments: &'static [&'static str],
    /// So many of them must be there.
    pub required: usize,
    /// What it gives, in German, for the reference page.
    pub says: &'static str,
    /// A call and what it gives.
    pub example: (&'static str, &'static str),
    call: Call,
}

/// All functions, sorted by name.
pub const FUNCTIONS: &[Function] = table::FUNCTIONS;

/// Calls a function by its local name.
pub(crate) fn call(lists: &Lists, name: &str, arguments: &[&str]) -> Answer {
    let function = FUNCTIONS.iter().find(|function| function.name == name);
    let function = function.ok_or_else(|| format!("the hub has no function `{name}`"))?;
    if !(function.required..=function.arguments.len()).contains(&arguments.len()) {
        return Err(format!(
            "{name}() takes {}, not {} arguments",
            function.arguments.join(", "),
            arguments.len()
        ));
    }
    (function.call)(lists, arguments)
}

/// Whether the hub has a function of this local name.
pub(crate) fn has(name: &str) -> bool {
    FUNCTIONS.iter().any(|function| function.name == name)
}

fn text(text: impl Into<String>) -> Answer {
    Ok(Value::Text(text.into()))
}

fn truth<T>(checked: Result<T, String>) -> Answer {
    Ok(Value::Truth(checked.is_ok()))
}

/// Whether a text has only characters of a data type of DIN 91379.
#[cfg(test)]
pub(crate) fn within(text: &str, letter: &str) -> bool {
    characters::within(text, letter).is_ok()
}
