//! How commands end when something is wrong, and how that is told: as text to stderr, or as JSON for machines.

use rohrpost_model::Fault;
use std::io::{self, Write};
use std::process::ExitCode;

/// Why a command did not succeed.
#[derive(Debug)]
pub enum Stop {
    /// Faults in what somebody wrote, with their places. Exit code 1.
    Faults(Vec<Fault>),
    /// The answer is no, and has been told already (a case that fails, a signature that is not trusted). Exit code 1.
    Negative,
    /// Something else stood in the way; the text says what would be right. Exit code 1.
    Failed(String),
    /// The command was used wrongly. Exit code 2.
    Usage(String),
}

impl Stop {
    /// A file that could not be read or written.
    pub fn file(path: &std::path::Path, error: &io::Error) -> Self {
        Self::Failed(format!("{}: {}", path.display(), plain(error)))
    }

    /// The exit code: 1 for a fault found, 2 for wrong use.
    pub fn code(&self) -> ExitCode {
        match self {
            Self::Usage(_) => ExitCode::from(2),
            _ => ExitCode::from(1),
        }
    }

    /// Tells it on stderr: as JSON `{"faults": […]}` or `{"error": "…"}`, or as text, one fault per line.
    pub fn print(&self, json: bool, to: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Negative => Ok(()),
            Self::Faults(faults) if json => writeln!(to, "{}", serde_json::json!({ "faults": faults })),
            Self::Faults(faults) => faults.iter().try_for_each(|fault| writeln!(to, "{fault}")),
            Self::Failed(text) | Self::Usage(text) if json => {
                writeln!(to, "{}", serde_json::json!({ "error": text }))
            }
            Self::Failed(text) | Self::Usage(text) => writeln!(to, "rohrpost: {text}"),
        }
    }
}

impl From<Vec<Fault>> for Stop {
    fn from(faults: Vec<Fault>) -> Self {
        Self::Faults(faults)
    }
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Failed(plain(&error))
    }
}

/// What the system said, without its number.
pub fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::NotFound => "there is no such file".into(),
        io::ErrorKind::PermissionDenied => "no permission".into(),
        io::ErrorKind::IsADirectory => "this is a folder, not a file".into(),
        _ => error.to_string(),
    }
}
