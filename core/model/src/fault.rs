//! Faults in what people wrote: configuration, stylesheets, schemas, cases.

use serde::Serialize;
use std::fmt;

/// One fault in a file, with its place and what would be right. Prints as `file:line:col: what is wrong; what would
/// be right`. A fault never carries a secret; it may quote the text at fault, because its reader wrote that text.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Fault {
    /// The file, as the person named it (relative to the configuration folder where it lies in one).
    pub file: String,
    /// Line, counted from 1; 0 where the whole file is meant.
    pub line: u32,
    /// Column in characters, counted from 1; 0 where the whole line is meant.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What would be right; empty where `message` says it already.
    pub hint: String,
}

impl Fault {
    /// A fault of a whole file.
    pub fn of_file(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self::at(file, 0, 0, message)
    }

    /// A fault at a place; `line` and `column` count from 1.
    pub fn at(file: impl Into<String>, line: u32, column: u32, message: impl Into<String>) -> Self {
        Self { file: file.into(), line, column, message: message.into(), hint: String::new() }
    }

    /// Adds what would be right.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = hint.into();
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}: {}", self.file, self.line, self.column, self.message)?;
        if !self.hint.is_empty() {
            write!(f, "; {}", self.hint)?;
        }
        Ok(())
    }
}

impl std::error::Error for Fault {}
