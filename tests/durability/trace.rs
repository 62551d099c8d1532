//! What a process asked of the system, in order, as `strace` wrote it down.

use crate::support::hub::{Hub, PROGRAM, Setup};
use crate::support::peers;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

/// What is written down.
const CALLS: &str = "trace=fsync,fdatasync,write,writev,pwrite64,sendto,sendmsg,rename,renameat,renameat2,\
                     mkdir,openat,connect";

/// One call of the system. Lines of the trace are its clock: a call whose end is on an earlier line than the begin of
/// another was over before the other began.
#[derive(Debug)]
pub struct Call {
    pub thread: u32,
    pub name: String,
    /// Arguments and result, as text.
    pub text: String,
    pub begin: usize,
    pub end: usize,
}

impl Call {
    fn is(&self, names: &[&str]) -> bool {
        names.contains(&self.name.as_str())
    }

    /// Whether the file or socket that it is about, its first argument, is described by a text that has `path`.
    fn on(&self, path: &str) -> bool {
        self.text.split(", ").next().is_some_and(|first| first.contains(path))
    }

    /// Whether it wrote to such a file or socket.
    pub fn writes(&self, path: &str) -> bool {
        self.is(&["write", "writev", "pwrite64", "sendto", "sendmsg"]) && self.on(path)
    }

    /// Whether it synced such a file or folder.
    pub fn syncs(&self, path: &str) -> bool {
        self.is(&["fsync", "fdatasync"]) && self.on(path)
    }

    /// Whether it made a file or folder whose path has `path`.
    pub fn creates(&self, path: &str) -> bool {
        let makes = self.is(&["mkdir"]) || self.name == "openat" && self.text.contains("O_CREAT");
        makes && self.text.contains(path)
    }

    /// Whether it renamed something whose path has `path`.
    pub fn renames(&self, path: &str) -> bool {
        self.is(&["rename", "renameat", "renameat2"]) && self.text.contains(path)
    }

    /// Whether it opened or used a connection to this address.
    pub fn reaches(&self, address: std::net::SocketAddr) -> bool {
        let port = format!("sin_port=htons({})", address.port());
        self.name == "connect" && self.text.contains(&port) || self.writes(&format!("->{address}]"))
    }

    /// The last part of the path that it names. (What stands before it may be written in more than one way.)
    pub fn file_name(&self) -> &str {
        self.text.split('"').nth(1).and_then(|path| path.rsplit('/').next()).expect("a path")
    }

    fn failed(&self) -> bool {
        self.text.rsplit_once(" = ").is_some_and(|(_, result)| result.starts_with('-'))
    }
}

/// All calls that succeeded or are under way, in the order in which they began.
pub struct Trace(Vec<Call>);

impl Trace {
    /// Reads a trace that `strace -f -tt -o` wrote.
    pub fn parse(text: &str) -> Self {
        let mut calls: Vec<Call> = Vec::new();
        let mut unfinished: HashMap<u32, usize> = HashMap::new();
        for (line, text) in text.lines().enumerate() {
            let mut words = text.splitn(2, char::is_whitespace);
            let Some(thread) = words.next().and_then(|pid| pid.parse().ok()) else { continue };
            let Some((_time, said)) = words.next().and_then(|rest| rest.trim_start().split_once(' ')) else {
                continue;
            };
            if let Some(rest) = said.strip_prefix("<... ") {
                let Some(call) = unfinished.remove(&thread).and_then(|index| calls.get_mut(index)) else {
                    continue;
                };
                call.text.push_str(rest.split_once("resumed>").map_or("", |(_, rest)| rest));
                call.end = line;
            } else if let Some((name, arguments)) = said.split_once('(') {
                let begun = arguments.strip_suffix("<unfinished ...>");
                let end = if begun.is_some() { usize::MAX } else { line };
                if begun.is_some() {
                    unfinished.insert(thread, calls.len());
                }
                let text = begun.unwrap_or(arguments).to_owned();
                calls.push(Call { thread, name: name.to_owned(), text, begin: line, end });
            }
        }
        calls.retain(|call| !call.failed());
        Self(calls)
    }

    /// The first call that began after the line `after` and is `wanted`.
    pub fn first(&self, after: usize, wanted: impl Fn(&Call) -> bool) -> Option<&Call> {
        self.all(after, wanted).next()
    }

    /// All such calls.
    pub fn all(&self, after: usize, wanted: impl Fn(&Call) -> bool) -> impl Iterator<Item = &Call> {
        self.0.iter().filter(move |call| call.begin > after && wanted(call))
    }
}

/// A hub under `strace`.
pub struct Traced {
    pub hub: Hub,
    file: PathBuf,
}

impl Traced {
    /// `None` where it cannot be traced; that was said.
    pub fn start(setup: &Setup) -> Option<Self> {
        let tried =
            Command::new("strace").args(["-D", "-o", "/dev/null", "true"]).stderr(Stdio::null()).status();
        if !tried.is_ok_and(|status| status.success()) {
            peers::missing("a strace that may trace");
            return None;
        }
        let file = setup.path("trace");
        let mut command = Command::new("strace");
        // -D: the hub itself is our child. -yy: files and sockets by name.
        command.args(["-D", "-f", "-tt", "-yy", "-s", "200", "-e", CALLS, "-o"]).arg(&file);
        command.arg(PROGRAM).arg("--config").arg(setup.config());
        Some(Self { hub: setup.start_as(command), file })
    }

    /// Ends the hub and reads what it did.
    pub async fn end(self) -> Trace {
        let pid = self.hub.pid();
        assert!(tokio::task::block_in_place(|| self.hub.stop()), "it ends well");
        Trace::parse(&whole(&self.file, pid).await)
    }
}

/// The tracer writes the last line after the hub is gone.
async fn whole(file: &Path, pid: u32) -> String {
    let mut looks = tokio::time::interval(Duration::from_millis(20));
    for _ in 0..500 {
        looks.tick().await;
        let text = std::fs::read_to_string(file).expect("a trace");
        let ended = |line: &str| line.starts_with(&format!("{pid} ")) && line.contains("+++ exited");
        if text.lines().last().is_some_and(ended) {
            return text;
        }
    }
    panic!("the trace has no end");
}

#[test]
fn a_trace_is_read_with_calls_that_overlap_and_calls_that_failed() {
    let trace = Trace::parse(
        "10 12:00:00.000001 fdatasync(9</d/segments/1.seg> <unfinished ...>\n\
         11 12:00:00.000002 sendto(12<TCP:[127.0.0.1:1->127.0.0.1:2]>, \"HTTP/1.1 202 Accepted\", 21, 0, NULL, 0) = 21\n\
         10 12:00:00.000003 <... fdatasync resumed>) = 0\n\
         10 12:00:00.000004 fsync(9</d/segments>) = -1 EIO (Input/output error)\n\
         10 12:00:00.000005 +++ exited with 0 +++\n",
    );
    let synced = trace.first(0, |call| call.syncs("/d/segments/"));
    assert!(synced.is_none(), "it began on line 0, and the other failed");
    let [synced, sent] = &trace.0[..] else { panic!("two calls: {:?}", trace.0) };
    assert!(synced.syncs("/1.seg") && synced.end == 2);
    assert!(sent.writes("->127.0.0.1:2]") && sent.begin < synced.end, "it was sent before it was synced");
}
