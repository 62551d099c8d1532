//! What a payment is ordered with, as payment providers and banks take it.

/// The most characters of a purpose (XBezahldienste 1.0.0, `purpose`; the others allow as many).
pub const PURPOSE: usize = 27;

/// The most cents of one payment (XBezahldienste 1.0.0, `grosAmount`: 999999 Euro).
pub const AMOUNT: u64 = 99_999_900;

/// A purpose as it stands on a statement: letters, digits, blanks and hyphens of the SEPA character set, at most
/// [`PURPOSE`]. Letters with marks are written without them (`ä` as `ae`); `None` where something else is in it, or it is empty or
/// too long.
pub fn purpose(text: &str) -> Option<String> {
    let mut written = String::new();
    for letter in text.trim().chars() {
        match letter {
            'A'..='Z' | 'a'..='z' | '0'..='9' | ' ' | '-' => written.push(letter),
            '/' | '_' | ':' | '.' | '–' | '\u{a0}' => written.push('-'),
            _ => written.push_str(plain(letter)?),
        }
    }
    let length = written.len();
    (1..=PURPOSE).contains(&length).then_some(written)
}

/// The letters of German, and of names that are common here (DIN 91379 has many more; those are refused rather than guessed).
const fn plain(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ä' => "ae",
        'ö' => "oe",
        'ü' => "ue",
        'Ä' => "Ae",
        'Ö' => "Oe",
        'Ü' => "Ue",
        'ß' => "ss",
        'ẞ' => "SS",
        'á' | 'à' | 'â' | 'ã' | 'å' | 'ă' | 'ą' => "a",
        'ç' | 'ć' | 'č' => "c",
        'é' | 'è' | 'ê' | 'ë' | 'ę' | 'ě' => "e",
        'í' | 'ì' | 'î' | 'ï' | 'ı' => "i",
        'ł' => "l",
        'ñ' | 'ń' | 'ň' => "n",
        'ó' | 'ò' | 'ô' | 'õ' | 'ő' | 'ø' => "o",
        'ř' => "r",
        'ś' | 'š' | 'ş' => "s",
        'ú' | 'ù' | 'û' | 'ű' | 'ů' => "u",
        'ý' => "y",
        'ź' | 'ż' | 'ž' => "z",
        'ğ' => "g",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_purpose_is_written_as_banks_take_it() {
        for (text, written) in [
            ("ANTRAG 4711", Some("ANTRAG 4711")),
            ("Gebühr Straße", Some("Gebuehr Strasse")),
            (" SN-2026/12 ", Some("SN-2026-12")),
            ("Łukasz Żółć", None),
            ("", None),
            ("Gebühr für die Sondernutzung", None),
            ("10 €", None),
        ] {
            assert_eq!(purpose(text).as_deref(), written, "{text}");
        }
        assert_eq!(purpose("123456789012345678901234567").map(|it| it.len()), Some(PURPOSE));
        assert_eq!(purpose("12345678901234567890123456ß"), None, "it is counted as it is written");
    }
}
