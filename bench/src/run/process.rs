//! Processes of the run, and what the kernel says of them.

use crate::Result;
use crate::clock::{instant, since};
use std::ffi::OsStr;
use std::fs::File;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

/// Ticks of /proc/PID/stat in a second (USER_HZ; 100 on every Linux of today).
const TICKS: f64 = 100.0;

/// A process that serves until it is dropped.
pub(crate) struct Serving {
    child: Child,
    /// What it printed first.
    pub(crate) said: String,
    /// From its start until it printed that.
    pub(crate) started_in: f64,
    /// Held open: it may print more.
    _out: BufReader<ChildStdout>,
}

impl Serving {
    /// Starts `command` and waits for its first line. What it says on stderr goes to `log`.
    pub(crate) fn start(mut command: Command, log: &Path) -> Result<Self> {
        let log_file = File::options().create(true).append(true).open(log)?;
        let begun = instant();
        let mut child = command.stdout(Stdio::piped()).stderr(log_file).spawn()?;
        let mut out = BufReader::new(child.stdout.take().ok_or("a process without output")?);
        let mut said = String::new();
        out.read_line(&mut said)?;
        let started_in = since(begun);
        if said.is_empty() {
            child.wait()?;
            return Err(format!("{:?} did not start: {}", command.get_program(), tail(log)).into());
        }
        Ok(Self { child, said: said.trim().to_owned(), started_in, _out: out })
    }

    /// Seconds of processor time that it used so far.
    pub(crate) fn processor(&self) -> Result<f64> {
        ticks(&format!("/proc/{}/stat", self.child.id()), [11, 12])
    }

    /// A line of /proc/PID/status in megabytes.
    pub(crate) fn memory(&self, line: &str) -> Result<f64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id()))?;
        let found = status.lines().find_map(|l| l.strip_prefix(line)?.strip_prefix(':'));
        let kilobytes: f64 =
            found.and_then(|rest| rest.split_whitespace().next()).ok_or("no such line")?.parse()?;
        Ok(kilobytes / 1024.0)
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Seconds of processor time of the children that have ended.
pub(crate) fn children() -> Result<f64> {
    ticks("/proc/self/stat", [13, 14])
}

/// Two numbers of ticks in a file of the form of /proc/PID/stat, as seconds. The name in brackets may have spaces in
/// it; the fields are counted after it, from 0 (state).
fn ticks(stat: &str, fields: [usize; 2]) -> Result<f64> {
    let stat = std::fs::read_to_string(stat)?;
    let (_, rest) = stat.rsplit_once(')').ok_or("a strange /proc/PID/stat")?;
    let all: Vec<&str> = rest.split_whitespace().collect();
    let numbers =
        fields.map(|index| all.get(index).and_then(|field| field.parse::<f64>().ok()).unwrap_or(0.0));
    Ok(numbers.iter().sum::<f64>() / TICKS)
}

/// A command of this program.
pub(crate) fn own(command: &str) -> Result<Command> {
    let mut own = Command::new(std::env::current_exe()?);
    own.arg(command);
    Ok(own)
}

/// Runs a command to its end; what it printed.
pub(crate) fn output(mut command: Command) -> Result<String> {
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        let arguments: Vec<&OsStr> = command.get_args().collect();
        return Err(format!("{:?} {arguments:?} failed", command.get_program()).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The last lines of a log.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<&str> = text.lines().rev().take(5).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join(" | ")
}
