//! What the shim wrote down, in order.

use bytes::Bytes;
use std::fmt;
use std::path::Path;

/// One record.
pub struct Record {
    /// The monotonic clock, in nanoseconds.
    pub time: u64,
    pub what: What,
}

/// What happened. Paths start from the folder that holds `data` and `keys`; that folder itself is `.`.
pub enum What {
    /// A process began; numbers of records begin anew.
    Begun,
    Created(String),
    Cut(String, u64),
    Written(String, u64, Bytes),
    MadeFolder(String),
    Renamed(String, String),
    Removed(String),
    Linked(String, String),
    Zeroed(String, u64, u64),
    /// A sync began; with the record's number.
    SyncBegan(u64),
    /// A sync ended; with the number of the record with which it began.
    SyncEnded(String, u64),
    SyncFailed(String, u64),
    /// This is about to leave through a socket.
    Said(String),
}

impl fmt::Debug for What {
    /// Without contents.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Begun => f.write_str("the begin of a process"),
            Self::Created(path) => write!(f, "creation of {path}"),
            Self::Cut(path, length) => write!(f, "cut of {path} at {length}"),
            Self::Written(path, at, bytes) => write!(f, "write of {} bytes to {path} at {at}", bytes.len()),
            Self::MadeFolder(path) => write!(f, "making of {path}"),
            Self::Renamed(from, to) => write!(f, "rename of {from} to {to}"),
            Self::Removed(path) => write!(f, "removal of {path}"),
            Self::Linked(from, to) => write!(f, "link of {from} at {to}"),
            Self::Zeroed(path, at, length) => write!(f, "hole of {length} bytes in {path} at {at}"),
            Self::SyncBegan(number) => write!(f, "begin of sync {number}"),
            Self::SyncEnded(path, number) => write!(f, "end of sync {number} of {path}"),
            Self::SyncFailed(path, number) => write!(f, "failure of sync {number} of {path}"),
            Self::Said(head) => write!(f, "saying {:?}", head.lines().next().unwrap_or_default()),
        }
    }
}

const MAGIC: u32 = 0x5250_5743;
const HEAD: usize = 56;

/// Reads a whole log. What was being noted when the process was killed may be there in part; nothing was said after it, and
/// it may or may not have happened: it is left out.
pub fn read(path: &Path) -> Vec<Record> {
    let mut rest = Bytes::from(std::fs::read(path).expect("the shim's log"));
    let mut records = Vec::new();
    while rest.len() >= HEAD {
        let length = word(&rest, 4) as usize;
        if length > rest.len() {
            break;
        }
        records.push(record(&rest.split_to(length)));
    }
    records
}

fn word(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(bytes[at..at + 4].try_into().expect("four bytes"))
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from_le_bytes(bytes[at..at + 8].try_into().expect("eight bytes"))
}

fn record(bytes: &Bytes) -> Record {
    assert_eq!(word(bytes, 0), MAGIC, "the log is torn");
    let (path_end, to_end) =
        (HEAD + word(bytes, 12) as usize, HEAD + (word(bytes, 12) + word(bytes, 16)) as usize);
    let text = |from: usize, to: usize| String::from_utf8_lossy(&bytes[from..to]).into_owned();
    let (path, to, data) = (text(HEAD, path_end), text(path_end, to_end), bytes.slice(to_end..));
    let (number, a, b) = (long(bytes, 24), long(bytes, 40), long(bytes, 48));
    let what = match word(bytes, 8) {
        1 => What::Begun,
        2 => What::Created(path),
        3 => What::Cut(path, a),
        4 => What::Written(path, a, data),
        5 => What::MadeFolder(path),
        6 => What::Renamed(path, to),
        7 => What::Removed(path),
        8 => What::Linked(path, to),
        9 => What::Zeroed(path, a, b),
        10 => What::SyncBegan(number),
        11 => What::SyncEnded(path, a),
        12 => What::SyncFailed(path, a),
        13 => What::Said(String::from_utf8_lossy(&data).into_owned()),
        kind => {
            panic!("a change of {path} that cannot be rebuilt (kind {kind}): teach shim and disk about it")
        }
    };
    Record { time: long(bytes, 32), what }
}

impl Record {
    /// The submission that is acknowledged to its sender, as soon as this has left.
    pub fn acknowledges(&self) -> Option<&str> {
        let What::Said(head) = &self.what else { return None };
        head.strip_prefix("HTTP/1.1 202")?;
        let location = header(head, "location").expect("a 202 has a location");
        location.rsplit('/').next()
    }

    /// The key of the delivery that is sent to a target from here on.
    pub fn sends(&self) -> Option<&str> {
        let What::Said(head) = &self.what else { return None };
        head.strip_prefix("POST ")?;
        Some(header(head, "idempotency-key").expect("a request has a key"))
    }
}

fn header<'h>(head: &'h str, name: &str) -> Option<&'h str> {
    let mut headers = head.lines().filter_map(|line| line.split_once(": "));
    headers.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
}
