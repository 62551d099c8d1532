//! Apache CXF in a JVM, which is asked by lines of JSON; its project lies beside this file.

use super::of_message;
use crate::face::xta::{House, find};
use crate::support::hub::root;
use crate::support::peers;
use serde_json::{Value, json};
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

/// How an envelope goes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Form {
    /// Contents are parts beside the envelope.
    Mtom,
    /// Contents are base64 in the envelope.
    Inline,
}

/// A JVM with the client. It takes seconds to start, so all tests share one; it ends with its input.
pub struct Java {
    said: ChildStdin,
    told: BufReader<ChildStdout>,
    #[allow(dead_code)] // kept, as a child that is dropped cannot be asked how it ended
    child: Child,
}

impl Java {
    fn start() -> Option<Self> {
        let wsdl = root().join("../shared/standards/xta/2.1.1/XTA.wsdl");
        if !wsdl.is_file() {
            peers::missing("the standard XTA 2.1.1");
            return None;
        }
        let built = root().join("target/peers/java/cxf");
        let mut current = Command::new("sha256sum");
        let current =
            current.args(["--status", "--check"]).arg(built.join("built")).current_dir(root()).status();
        if !current.is_ok_and(|status| status.success()) {
            peers::missing("Apache CXF's client of XTA (scripts/java-peers builds it)");
            return None;
        }
        let classes = format!("{0}/classes:{0}/lib/*", built.display());
        let mut java = Command::new("java");
        java.args(["-Xmx512m", "-XX:TieredStopAtLevel=1", "-cp", &classes, "rohrpost.xta.Speaker"]);
        java.arg(format!("file:{}", wsdl.canonicalize().expect("a file").display()));
        let Ok(mut child) = java.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn() else {
            peers::missing("java");
            return None;
        };
        let said = child.stdin.take().expect("its input");
        let told = BufReader::new(child.stdout.take().expect("its output"));
        Some(Self { said, told, child })
    }

    pub fn ask(&mut self, asked: &Value) -> Value {
        writeln!(self.said, "{asked}").expect("it listens");
        let mut line = String::new();
        self.told.read_line(&mut line).expect("it answers");
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("no answer to {}: {line}", asked["operation"]))
    }
}

/// The one that all tests share; `None` where it cannot be, which is said.
fn java() -> Option<MutexGuard<'static, Java>> {
    static JAVA: OnceLock<Option<Mutex<Java>>> = OnceLock::new();
    let Some(java) = JAVA.get_or_init(|| Java::start().map(Mutex::new)) else {
        peers::missing("Apache CXF's client of XTA");
        return None;
    };
    Some(java.lock().unwrap_or_else(PoisonError::into_inner))
}

/// CXF as a partner of a house's hub.
pub struct Cxf<'h> {
    pub java: MutexGuard<'static, Java>,
    house: &'h House,
    pub form: Form,
    /// The original schemas judge what goes and what comes.
    pub checked: bool,
}

impl<'h> Cxf<'h> {
    pub fn of(house: &'h House) -> Option<Self> {
        Some(Self { java: java()?, house, form: Form::Mtom, checked: true })
    }

    pub fn call(&mut self, partner: &str, operation: &str, said: &Value) -> Value {
        self.java.ask(&json!({
            "hub": self.house.hub.listeners["xta"].replace("http://", "https://"),
            "folder": self.house.partner, "partner": partner, "operation": operation,
            "mtom": self.form == Form::Mtom, "checked": self.checked, "said": said,
        }))
    }

    /// An answer by its parts. It came in the form of the request.
    pub fn answer(&mut self, partner: &str, operation: &str, said: &Value) -> Value {
        let told = self.call(partner, operation, said);
        assert!(told.get("answer").is_some(), "{operation}: {told:#}");
        self.is_answer(operation, &told);
        told["answer"].clone()
    }

    /// What came answers what was sent, in the form that the client speaks.
    fn is_answer(&self, operation: &str, told: &Value) {
        let wire = |key: &str| told["wire"][key].as_str().unwrap_or_else(|| panic!("{operation}: {told:#}"));
        for way in ["sent", "came"] {
            let in_parts = wire(way).starts_with("multipart/related");
            assert_eq!(in_parts, self.form == Form::Mtom, "{operation} {way}: {}", wire(way));
        }
        for (element, value) in [("Action", wire("action")), ("RelatesTo", wire("messageId"))] {
            let said = format!("<wsa:{element}>{value}</wsa:{element}>");
            assert!(wire("envelope").contains(&said), "{operation} {said}: {told:#}");
        }
    }

    /// A fault: its code, and the class of its exception, which the WSDL declares for the operation.
    pub fn fault(&mut self, partner: &str, operation: &str, said: &Value) -> (String, String) {
        let told = self.call(partner, operation, said);
        self.is_answer(operation, &told);
        let text =
            |key: &str| told[key].as_str().unwrap_or_else(|| panic!("{operation}: {told:#}")).to_owned();
        (text("fault"), text("exception"))
    }

    pub fn report(&mut self, message: &str) -> Value {
        let report = self.answer("portal", "getTransportReport", &of_message(message));
        find(&report, "Status").unwrap_or_else(|| panic!("a status in {report:#}"))
    }
}
