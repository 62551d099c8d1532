//! File names of attachments, on their way in and out.

use crate::problem::{Kind, Problem};
use std::fmt::Write as _;

/// The most characters that a file name may have.
const LONGEST: usize = 255;

/// The file name that a sender gave: the last segment of what may be a path, of either kind of machine. Without a name
/// `None`. Control characters, and marks that turn the direction of writing (they make `exe.fdp` look like `pdf.exe`),
/// are refused.
pub(crate) fn accepted(given: Option<&str>) -> Result<Option<String>, Problem> {
    let Some(name) = given.and_then(|path| path.rsplit(['/', '\\']).next()).filter(|name| !name.is_empty())
    else {
        return Ok(None);
    };
    if name == "." || name == ".." || name.chars().any(is_deceptive) {
        return Err(bad("it holds control characters, or is a folder"));
    }
    if name.chars().count() > LONGEST {
        return Err(bad("it has more than 255 characters"));
    }
    Ok(Some(name.to_owned()))
}

/// What is wrong with a file name. The name itself is not quoted: it may be unprintable.
pub(crate) fn bad(why: &str) -> Problem {
    Problem::new(
        Kind::BadFileName,
        format!("The file name of an attachment cannot be taken: {why}."),
        "Der Dateiname einer Anlage ist unzulässig (höchstens 255 Zeichen, keine Steuerzeichen, UTF-8).",
    )
}

/// Control characters, and the directional formatting of Unicode (UAX #9, section 2).
fn is_deceptive(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{2028}' | '\u{2029}')
}

/// A `Content-Disposition` (RFC 6266) that makes every client save the content instead of showing it: a plain ASCII
/// name for old clients, and the exact one in the encoding of RFC 8187.
pub(crate) fn disposition(name: &str) -> String {
    let plain: String = name.chars().map(|c| if is_plain(c) { c } else { '_' }).collect();
    if plain == name {
        return format!("attachment; filename=\"{plain}\"");
    }
    let mut value = format!("attachment; filename=\"{plain}\"; filename*=UTF-8''");
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"!#$&+-.^_`|~".contains(&byte) {
            value.push(char::from(byte));
        } else {
            let _ = write!(value, "%{byte:02X}"); // writing into a String cannot fail
        }
    }
    value
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, ' ' | '.' | '-' | '_' | '(' | ')' | '+' | ',' | '=' | '@' | '#')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_last_segment_is_a_name() {
        let name = |given| accepted(Some(given)).unwrap();
        assert_eq!(name("Lageplan.pdf").as_deref(), Some("Lageplan.pdf"));
        assert_eq!(name("../../etc/passwd").as_deref(), Some("passwd"));
        assert_eq!(name("C:\\Users\\x\\Übersicht.pdf").as_deref(), Some("Übersicht.pdf"));
        assert_eq!(name(""), None);
        assert_eq!(name("folder/"), None);
        assert_eq!(accepted(None).unwrap(), None);
        assert_eq!(name(&"ä".repeat(255)).unwrap().chars().count(), 255);
    }

    #[test]
    fn deceptive_names_are_refused() {
        for wrong in ["a\nb", "a\0", "..", "x/..", "a\u{202e}fdp.exe", &"x".repeat(256)] {
            assert!(accepted(Some(wrong)).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_disposition_never_carries_a_raw_quote_or_line_end() {
        assert_eq!(disposition("Lageplan 1.pdf"), "attachment; filename=\"Lageplan 1.pdf\"");
        assert_eq!(
            disposition("Grün \"x\".pdf"),
            "attachment; filename=\"Gr_n _x_.pdf\"; filename*=UTF-8''Gr%C3%BCn%20%22x%22.pdf"
        );
        assert!(disposition("a;b=\"c\r\nSet-Cookie: x").is_ascii());
        assert!(!disposition("a\r\nb").contains('\n'));
    }
}
