//! The characters of DIN 91379 (2022-08) and what becomes of them in ASCII.

use std::collections::HashSet;
use std::sync::LazyLock;
use unicode_normalization::UnicodeNormalization as _;

/// Data types of the standard, as bits: A, B, C, D, E.
type Types = u8;

/// From, to, and the data types that have them. The datatypes of the standard in its technical form (XÖV-Bibliothek,
/// `din-91379_2022-08`); a test compares them with that schema.
#[rustfmt::skip]
const CHARACTERS: &[(u32, u32, Types)] = &[
    (0x0009, 0x000A, 20), (0x000D, 0x000D, 20), (0x0020, 0x0020, 31), (0x0021, 0x0026, 30), (0x0027, 0x0027, 31),
    (0x0028, 0x002B, 30), (0x002C, 0x002E, 31), (0x002F, 0x0040, 30), (0x0041, 0x005A, 31), (0x005B, 0x005F, 30),
    (0x0060, 0x007A, 31), (0x007B, 0x007D, 30), (0x007E, 0x007E, 31), (0x00A0, 0x00A0, 20), (0x00A1, 0x00A3, 30),
    (0x00A4, 0x00A4, 28), (0x00A5, 0x00A5, 30), (0x00A6, 0x00A6, 28), (0x00A7, 0x00A7, 30), (0x00A8, 0x00A8, 31),
    (0x00A9, 0x00AC, 30), (0x00AE, 0x00B3, 30), (0x00B4, 0x00B4, 31), (0x00B5, 0x00B6, 30), (0x00B7, 0x00B7, 31),
    (0x00B8, 0x00B8, 28), (0x00B9, 0x00BB, 30), (0x00BC, 0x00BE, 28), (0x00BF, 0x00BF, 30), (0x00C0, 0x00D6, 31),
    (0x00D7, 0x00D7, 30), (0x00D8, 0x00F6, 31), (0x00F7, 0x00F7, 30), (0x00F8, 0x017E, 31), (0x0187, 0x0188, 31),
    (0x018F, 0x018F, 31), (0x0192, 0x0192, 24), (0x0197, 0x0197, 31), (0x01A0, 0x01A1, 31), (0x01AF, 0x01B0, 31),
    (0x01B7, 0x01B7, 31), (0x01CD, 0x01DC, 31), (0x01DE, 0x01DF, 31), (0x01E2, 0x01F0, 31), (0x01F4, 0x01F5, 31),
    (0x01F8, 0x01FF, 31), (0x0212, 0x0213, 31), (0x0218, 0x021B, 31), (0x021E, 0x021F, 31), (0x0227, 0x0233, 31),
    (0x0259, 0x0259, 31), (0x0268, 0x0268, 31), (0x0292, 0x0292, 31), (0x02B0, 0x02B0, 24), (0x02B3, 0x02B3, 24),
    (0x02B9, 0x02BA, 31), (0x02BE, 0x02BF, 31), (0x02C6, 0x02C6, 24), (0x02C8, 0x02C8, 31), (0x02CC, 0x02CC, 31),
    (0x02DC, 0x02DC, 24), (0x02E2, 0x02E2, 24), (0x0386, 0x0386, 24), (0x0388, 0x038A, 24), (0x038C, 0x038C, 24),
    (0x038E, 0x03A1, 24), (0x03A3, 0x03CE, 24), (0x040D, 0x040D, 16), (0x0410, 0x042A, 16), (0x042C, 0x042C, 16),
    (0x042E, 0x044A, 16), (0x044C, 0x044C, 16), (0x044E, 0x044F, 16), (0x045D, 0x045D, 16), (0x1D48, 0x1D48, 24),
    (0x1D57, 0x1D57, 24), (0x1E02, 0x1E03, 31), (0x1E06, 0x1E07, 31), (0x1E0A, 0x1E11, 31), (0x1E17, 0x1E17, 31),
    (0x1E1C, 0x1E2B, 31), (0x1E2F, 0x1E37, 31), (0x1E3A, 0x1E3B, 31), (0x1E40, 0x1E49, 31), (0x1E52, 0x1E5B, 31),
    (0x1E5E, 0x1E63, 31), (0x1E6A, 0x1E6F, 31), (0x1E80, 0x1E87, 31), (0x1E8C, 0x1E97, 31), (0x1E9E, 0x1E9E, 31),
    (0x1EA0, 0x1EF9, 31), (0x2018, 0x2018, 24), (0x2019, 0x2019, 31), (0x201A, 0x201A, 24), (0x201C, 0x201E, 24),
    (0x2020, 0x2020, 24), (0x2021, 0x2021, 31), (0x2026, 0x2026, 24), (0x2030, 0x2030, 24), (0x2032, 0x2033, 24),
    (0x2039, 0x203A, 24), (0x2070, 0x2070, 24), (0x2074, 0x2079, 24), (0x207F, 0x2089, 24), (0x20AC, 0x20AC, 30),
    (0x2122, 0x2122, 24), (0x221E, 0x221E, 24), (0x2264, 0x2265, 24),
];

/// Letters of several characters, which every data type has.
#[rustfmt::skip]
const SEQUENCES: &[&str] = &[
    "A\u{030B}", "C\u{0300}", "C\u{0304}", "C\u{0306}", "C\u{0308}", "C\u{0315}", "C\u{0323}", "C\u{0326}",
    "C\u{0328}\u{0306}", "D\u{0302}", "F\u{0300}", "F\u{0304}", "G\u{0300}", "H\u{0304}", "H\u{0326}", "H\u{0331}",
    "J\u{0301}", "J\u{030C}", "K\u{0300}", "K\u{0302}", "K\u{0304}", "K\u{0307}", "K\u{0315}", "K\u{031B}",
    "K\u{0326}", "K\u{035F}H", "K\u{035F}h", "L\u{0302}", "L\u{0325}", "L\u{0325}\u{0304}", "L\u{0326}", "M\u{0300}",
    "M\u{0302}", "M\u{0306}", "M\u{0310}", "N\u{0302}", "N\u{0304}", "N\u{0306}", "N\u{0326}", "P\u{0300}",
    "P\u{0304}", "P\u{0315}", "P\u{0323}", "R\u{0306}", "R\u{0325}", "R\u{0325}\u{0304}", "S\u{0300}", "S\u{0304}",
    "S\u{031B}\u{0304}", "S\u{0331}", "T\u{0300}", "T\u{0304}", "T\u{0308}", "T\u{0315}", "T\u{031B}", "U\u{0307}",
    "Z\u{0300}", "Z\u{0304}", "Z\u{0306}", "Z\u{0308}", "Z\u{0327}", "a\u{030B}", "c\u{0300}", "c\u{0304}",
    "c\u{0306}", "c\u{0308}", "c\u{0315}", "c\u{0323}", "c\u{0326}", "c\u{0328}\u{0306}", "d\u{0302}", "f\u{0300}",
    "f\u{0304}", "g\u{0300}", "h\u{0304}", "h\u{0326}", "j\u{0301}", "k\u{0300}", "k\u{0302}", "k\u{0304}",
    "k\u{0307}", "k\u{0315}", "k\u{031B}", "k\u{0326}", "k\u{035F}h", "l\u{0302}", "l\u{0325}", "l\u{0325}\u{0304}",
    "l\u{0326}", "m\u{0300}", "m\u{0302}", "m\u{0306}", "m\u{0310}", "n\u{0302}", "n\u{0304}", "n\u{0306}",
    "n\u{0326}", "p\u{0300}", "p\u{0304}", "p\u{0315}", "p\u{0323}", "r\u{0306}", "r\u{0325}", "r\u{0325}\u{0304}",
    "s\u{0300}", "s\u{0304}", "s\u{031B}\u{0304}", "s\u{0331}", "t\u{0300}", "t\u{0304}", "t\u{0315}", "t\u{031B}",
    "u\u{0307}", "z\u{0300}", "z\u{0304}", "z\u{0306}", "z\u{0308}", "z\u{0327}", "\u{00C7}\u{0306}",
    "\u{00DB}\u{0304}", "\u{00E7}\u{0306}", "\u{00FB}\u{0304}", "\u{00FF}\u{0301}", "\u{010C}\u{0315}",
    "\u{010C}\u{0323}", "\u{010D}\u{0315}", "\u{010D}\u{0323}", "\u{0113}\u{030D}", "\u{012A}\u{0301}",
    "\u{012B}\u{0301}", "\u{014D}\u{030D}", "\u{017D}\u{0326}", "\u{017D}\u{0327}", "\u{017E}\u{0326}",
    "\u{017E}\u{0327}", "\u{1E32}\u{0304}", "\u{1E33}\u{0304}", "\u{1E62}\u{0304}", "\u{1E63}\u{0304}",
    "\u{1E6C}\u{0304}", "\u{1E6D}\u{0304}", "\u{1EA0}\u{0308}", "\u{1EA1}\u{0308}", "\u{1ECC}\u{0308}",
    "\u{1ECD}\u{0308}", "\u{1EE4}\u{0304}", "\u{1EE4}\u{0308}", "\u{1EE5}\u{0304}", "\u{1EE5}\u{0308}",
];

static LETTERS: LazyLock<HashSet<&str>> = LazyLock::new(|| SEQUENCES.iter().copied().collect());

/// The bit of a data type by its letter.
pub(super) fn datatype(letter: &str) -> Result<Types, String> {
    let index = ["A", "B", "C", "D", "E"].iter().position(|known| known.eq_ignore_ascii_case(letter.trim()));
    index
        .map(|index| 1 << index)
        .ok_or_else(|| format!("'{letter}' is no data type of DIN 91379: A, B, C, D and E are"))
}

/// The text, if it has only characters of the data type.
pub(super) fn within<'t>(text: &'t str, letter: &str) -> Result<&'t str, String> {
    let types = datatype(letter)?;
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let of_several =
            (2..=3).rev().find_map(|count| first(rest, count).filter(|letter| LETTERS.contains(letter)));
        if of_several.is_none() && !has(character, types) {
            let code = u32::from(character);
            return Err(format!("U+{code:04X} is no character of data type {} of DIN 91379", letter.trim()));
        }
        rest = &rest[of_several.map_or(character.len_utf8(), str::len)..];
    }
    Ok(text)
}

/// The first `count` characters.
fn first(text: &str, count: usize) -> Option<&str> {
    let (at, last) = text.char_indices().nth(count - 1)?;
    text.get(..at + last.len_utf8())
}

fn has(character: char, types: Types) -> bool {
    let code = u32::from(character);
    let at = CHARACTERS.partition_point(|(_, to, _)| *to < code);
    CHARACTERS.get(at).is_some_and(|(from, _, of)| *from <= code && of & types != 0)
}

/// The text in ASCII.
pub(super) fn transliterated(text: &str) -> Result<String, String> {
    // Composed first: `a` with a diaeresis of its own is an umlaut, too.
    let mut ascii = String::with_capacity(text.len());
    for character in text.nfc() {
        let code = u32::from(character);
        ascii.push_str(
            &replaced(character)
                .ok_or_else(|| format!("U+{code:04X} has no ASCII letters that stand for it"))?,
        );
    }
    Ok(ascii)
}

/// What stands for a character in ASCII; `None` where nothing does.
pub(super) fn replaced(character: char) -> Option<String> {
    if character.is_ascii() {
        return Some(character.into());
    }
    if let Some(letters) = special(character) {
        return Some(letters.into());
    }
    let mut decomposed =
        character.nfkd().filter(|c| !unicode_normalization::char::is_combining_mark(*c)).peekable();
    let mut letters = String::new();
    if decomposed.peek().is_none() {
        // A combining mark alone belongs to the letter before it.
        return unicode_normalization::char::is_combining_mark(character).then_some(letters);
    }
    for part in decomposed {
        match part {
            ascii if ascii.is_ascii() => letters.push(ascii),
            other => letters.push_str(special(other)?),
        }
    }
    Some(letters)
}

/// ICAO Doc 9303-3, section 6, table A (the digraphs, not the forms with X), in upper and lower case; dashes, quotation
/// marks and modifier letters by what is typed for them.
fn special(character: char) -> Option<&'static str> {
    Some(match character {
        'Ä' | 'Æ' | 'Ǣ' | 'Ǽ' => "AE",
        'ä' | 'æ' | 'ǣ' | 'ǽ' => "ae",
        'Å' => "AA",
        'å' => "aa",
        'Ö' | 'Ø' | 'Œ' | 'Ǿ' => "OE",
        'ö' | 'ø' | 'œ' | 'ǿ' => "oe",
        'Ü' => "UE",
        'ü' => "ue",
        'ẞ' => "SS",
        'ß' => "ss",
        'Þ' => "TH",
        'þ' => "th",
        'Ð' | 'Đ' => "D",
        'ð' | 'đ' => "d",
        'Ħ' => "H",
        'ħ' => "h",
        'ı' => "i",
        'ĸ' => "k",
        'Ł' => "L",
        'ł' => "l",
        'Ŋ' => "N",
        'ŋ' => "n",
        'Ŧ' => "T",
        'ŧ' => "t",
        'Ǥ' => "G",
        'ǥ' => "g",
        'Ɨ' => "I",
        'ɨ' => "i",
        'Ƶ' => "Z",
        'ƶ' => "z",
        'Ə' => "E",
        'ə' => "e",
        'Ʒ' => "Z",
        'ʒ' => "z",
        'Ƈ' => "C",
        'ƈ' => "c",
        '‘' | '’' | '‚' | '‛' | '′' | '´' | 'ʹ' | 'ʼ' | 'ʾ' | 'ʿ' | 'ˈ' | '‹' | '›' => {
            "'"
        }
        '“' | '”' | '„' | '‟' | '″' | 'ʺ' | '«' | '»' => "\"",
        '–' | '—' | '‐' | '‑' | '‒' | '−' => "-",
        '·' => ".",
        '\u{A0}' | '\u{202F}' => " ",
        '€' => "EUR",
        '§' => "Par.",
        '×' => "x",
        '¨' | 'ˌ' => "",
        _ => return None,
    })
}
