//! The conversation with a mail server (RFC 5321), for the proxy that cuts.

use rohrpost_kit::conformance::{Kind, Speech, Unit};

/// Commands are requests, and so is the line that ends a mail; the lines of a mail are none.
#[derive(Default)]
pub(super) struct Lines {
    /// The command DATA waits for its answer.
    asks_for_mail: bool,
    in_mail: bool,
}

impl Lines {
    pub(super) fn speech() -> Box<dyn Speech> {
        Box::new(Self::default())
    }
}

impl Speech for Lines {
    fn request(&mut self, bytes: &[u8]) -> Option<Unit> {
        if !self.in_mail {
            let length = line(bytes)?;
            self.asks_for_mail = bytes[..length].eq_ignore_ascii_case(b"DATA\r\n");
            return Some(Unit { length, kind: Kind::Counts });
        }
        let mut length = 0;
        while let Some(next) = line(&bytes[length..]) {
            if &bytes[length..length + next] == b".\r\n" {
                break;
            }
            length += next;
        }
        if length > 0 {
            return Some(Unit { length, kind: Kind::Aside });
        }
        let end = line(bytes)?;
        self.in_mail = false;
        Some(Unit { length: end, kind: Kind::Decides })
    }

    /// An answer of one or more lines: the last has a space after its code.
    fn answer(&mut self, bytes: &[u8]) -> Option<Unit> {
        let mut length = 0;
        loop {
            let begins = length;
            length += line(&bytes[length..])?;
            if bytes.get(begins + 3) != Some(&b'-') {
                break;
            }
        }
        self.in_mail |= std::mem::take(&mut self.asks_for_mail) && bytes.starts_with(b"354");
        Some(Unit { length, kind: Kind::Counts })
    }
}

/// How long the first line is, with its end.
fn line(bytes: &[u8]) -> Option<usize> {
    bytes.iter().position(|byte| *byte == b'\n').map(|at| at + 1)
}
