//! Submissions of about 20 KB: the notice of a fictional street festival.

use bytes::Bytes;
use std::fmt::Write as _;

const STALLS: usize = 37;
const KINDS: [(&str, &str); 4] = [
    ("imbiss", "Imbiss"),
    ("getraenke", "Getränke"),
    ("handwerk", "Kunsthandwerk"),
    ("info", "Informationsstand"),
];

/// Notice number `number`. Each has another content.
pub(crate) fn notice(number: usize) -> Bytes {
    let mut text = head(number);
    for stall in 1..=STALLS {
        add_stall(&mut text, number, stall);
    }
    text.push_str("  </staende>\n</fest:anzeige>\n");
    text.into()
}

fn head(number: usize) -> String {
    let mut text = format!(
        r#"<?xml version="1.0" encoding="UTF-8"?>
<fest:anzeige xmlns:fest="urn:rohrpost:bench:strassenfest:1" version="1.0">
  <kennung>{number:08}</kennung>
  <veranstalter>
    <vorname>Erika</vorname>
    <nachname>Mustermann</nachname>
    <strasse>Musterstraße 12 a</strasse>
    <plz>12345</plz>
    <ort>Meßlingen</ort>
    <email>erika.mustermann@example.org</email>
  </veranstalter>
  <fest>
    <titel>Straßenfest Nummer {number}</titel>
    <beginn>2027-06-05</beginn>
    <ende>2027-06-06</ende>
  </fest>
  <arten>
"#
    );
    for (code, name) in KINDS {
        // Writing into a String cannot fail.
        let _ = writeln!(text, r#"    <art code="{code}" name="{name}"/>"#);
    }
    text.push_str("  </arten>\n  <staende>\n");
    text
}

fn add_stall(text: &mut String, number: usize, stall: usize) {
    let (kind, _) = KINDS[(number + stall) % KINDS.len()];
    let place = (number * 7 + stall * 37) % 1000;
    let area = 6 + (number + stall) % 30;
    let power = (stall * 13 + number) % 9;
    let water = stall.is_multiple_of(3);
    let _ = write!(
        text,
        "    <stand nummer=\"{stall}\">\n      <betreiber><name>Muster {place:03} GbR</name><ort>Meßlingen</ort></betreiber>\n      \
         <art>{kind}</art>\n      <flaeche>{area}.50</flaeche><strom>{power}.2</strom><wasser>{water}</wasser>\n      \
         <bemerkung>Aufbau am Vortag ab 18 Uhr auf Platz {place}; die Zufahrt für Rettungsfahrzeuge bleibt frei. Abfälle werden \
         selbst entsorgt, Feuerlöscher und Verbandkasten stehen bereit. Der Abbau ist bis 22 Uhr beendet, danach ist die \
         Fläche besenrein. Kontakt während des Festes: Erika Mustermann, Stand {stall}.</bemerkung>\n    </stand>\n"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_has_about_twenty_kilobytes() {
        for number in [0, 1, 99_999_999] {
            let length = notice(number).len();
            assert!((19_000..22_000).contains(&length), "{length}");
        }
    }
}
