//! Verdicts on the real standards: the messages that are published with them, and each of them with one fault, made here by
//! code, beside Xerces and xmllint. XBau publishes no messages; two own ones stand for it.
//!
//! The standards lie beside the project and are read there: nothing of them is kept in it.

use super::peers::{shared, xerces, xmllint};
use super::standards::{read, real_shelf};
use super::xml;
use crate::{Schema, Violation};
use quick_xml::Reader;
use quick_xml::events::Event;
use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// So often a fault of one kind is made in one message, at places that lie apart.
const PLACES: usize = 3;

/// What the schemas of one standard are called, and what a fault needs to know of them.
struct Edition {
    standard: &'static str,
    /// The schema, and where it lies in the copy for the peers.
    schema: &'static str,
    copy: &'static str,
    /// A type of it that is no other's base.
    wrong_type: &'static str,
    abstract_type: Option<&'static str>,
}

const EDITIONS: [Edition; 3] = [
    Edition {
        standard: "xdomea@3.0.0",
        schema: "3.0.0/xdomea.xsd",
        copy: "xdomea/3.0.0/xdomea.xsd",
        wrong_type: "xdomea:AkteType",
        abstract_type: None,
    },
    Edition {
        standard: "xbau@2.6",
        schema: "xbau-nachrichten-akteneinsicht.xsd",
        copy: "xbau/xbau-nachrichten-akteneinsicht.xsd",
        wrong_type: "xbau:MetadatenAnlage",
        abstract_type: Some("xbauk:MetadatenAnlage"),
    },
    Edition {
        standard: "xwasser@1.0.0",
        schema: "schemas/xwasser.xsd",
        copy: "xwasser/xwasser.xsd",
        wrong_type: "xwas:BeauftragteUntersuchungsstelleType",
        abstract_type: Some("xwas:Basisklasse.AbstraktType"),
    },
];

const XBAU: [(&str, &str); 2] = [
    (
        "akteneinsicht.ergebnis",
        r#"<xbau:akteneinsicht.ergebnis.0123 xmlns:xbau="http://www.xleitstelle.de/xbau/2/6" xmlns:xbauk="http://www.xleitstelle.de/xbau/kernmodul/1/3/0" produkt="Probe" produkthersteller="Rohrpost" standard="XBau-Hochbau" test="true" version="2.6">
  <nachrichtenkopf.g2g>
    <identifikation.nachricht>
      <nachrichtenUUID>11111111-2222-3333-4444-555555555555</nachrichtenUUID>
      <nachrichtentyp listURI="urn:xoev-de:xbau:codeliste:xbau-nachrichten" listVersionID="4.0">
        <code>0123</code>
      </nachrichtentyp>
      <erstellungszeitpunkt>2026-03-01T08:30:00+01:00</erstellungszeitpunkt>
    </identifikation.nachricht>
    <leser>
      <verzeichnisdienst listVersionID="2"><code>dvdv</code></verzeichnisdienst>
      <kennung>psp:1</kennung>
      <name>Antragsportal</name>
    </leser>
    <autor>
      <verzeichnisdienst listVersionID="2"><code>dvdv</code></verzeichnisdienst>
      <kennung>bab:15091</kennung>
      <name>Bauaufsicht Beispielstadt</name>
      <erreichbarkeit>
        <kanal listURI="urn:de:xoev:codeliste:erreichbarkeit" listVersionID="3"><code>01</code></kanal>
        <kennung>bauaufsicht@beispiel.example</kennung>
      </erreichbarkeit>
    </autor>
  </nachrichtenkopf.g2g>
  <xbau:bezug>
    <referenz>aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee</referenz>
    <vorgang>63-2026-17</vorgang>
  </xbau:bezug>
  <xbau:istGenehmigung>true</xbau:istGenehmigung>
  <xbau:begruendung>
    <text>UHJvYmU=</text>
  </xbau:begruendung>
  <xbau:eingangAnalog>true</xbau:eingangAnalog>
  <xbau:zugangslink>
    <xbau:link>
      <xbau:url>https://akten.beispiel.example/17</xbau:url>
      <xbau:beschreibung>Bauakte</xbau:beschreibung>
    </xbau:link>
  </xbau:zugangslink>
  <xbau:akte>
    <anlage>
      <bezeichnung>Lageplan</bezeichnung>
      <versionsnummer>1</versionsnummer>
      <datum>2026-02-27</datum>
      <anlageart listURI="urn:xoev-de:xbau:codeliste:anlagen" listVersionID="1"><code>01</code></anlageart>
      <mimeType listURI="urn:probe:mimetypes" listVersionID="1"><code>application/pdf</code></mimeType>
      <anhangOderVerlinkung>
        <anhang filesize="1024">
          <dokumentid>urn:probe:1</dokumentid>
          <dateiname>lageplan.pdf</dateiname>
        </anhang>
      </anhangOderVerlinkung>
      <xbau:wirdNachgereicht>false</xbau:wirdNachgereicht>
    </anlage>
    <xbau:aktenzeichen>63-2026-17</xbau:aktenzeichen>
  </xbau:akte>
  <xbau:laufenderVorgang>false</xbau:laufenderVorgang>
</xbau:akteneinsicht.ergebnis.0123>
"#,
    ),
    (
        "akteneinsicht.antrag",
        r#"<xbau:akteneinsicht.antrag.0120 xmlns:xbau="http://www.xleitstelle.de/xbau/2/6" xmlns:xbauk="http://www.xleitstelle.de/xbau/kernmodul/1/3/0" produkt="Probe" produkthersteller="Rohrpost" standard="XBau-Hochbau" version="2.6">
  <nachrichtenkopf.g2g>
    <identifikation.nachricht>
      <nachrichtenUUID>11111111-2222-3333-4444-666666666666</nachrichtenUUID>
      <nachrichtentyp><code>0120</code></nachrichtentyp>
      <erstellungszeitpunkt>2026-03-01T08:30:00Z</erstellungszeitpunkt>
    </identifikation.nachricht>
    <leser>
      <verzeichnisdienst listVersionID="2"><code>dvdv</code></verzeichnisdienst>
      <kennung>bab:15091</kennung>
      <name>Bauaufsicht Beispielstadt</name>
    </leser>
    <autor>
      <verzeichnisdienst listVersionID="2"><code>dvdv</code></verzeichnisdienst>
      <kennung>psp:1</kennung>
      <name>Antragsportal</name>
    </autor>
  </nachrichtenkopf.g2g>
  <xbau:referenzAntragsservice>
    <referenzAntragsservice>aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee</referenzAntragsservice>
  </xbau:referenzAntragsservice>
  <xbau:antragsteller>
    <natuerlichePerson>
      <id>99999999-bbbb-cccc-dddd-eeeeeeeeeeee</id>
      <name>
        <familienname><name>Łukasiewicz</name></familienname>
        <vorname><nichtVorhanden>true</nichtVorhanden></vorname>
      </name>
      <anschrift>
        <strasse>Am Markt</strasse>
        <hausnummer>1</hausnummer>
        <postleitzahl>06844</postleitzahl>
        <ort>Beispielstadt</ort>
      </anschrift>
    </natuerlichePerson>
  </xbau:antragsteller>
  <xbau:rolleAntragsteller><xbau:code><code>01</code></xbau:code></xbau:rolleAntragsteller>
  <xbau:grundstueck>
    <xbau:flurstueck>
      <bundesland listVersionID="2010-04-01"><code>15</code></bundesland>
      <kodierungFlurstueck>
        <gemarkung><nummer>1234</nummer></gemarkung>
        <flur>2</flur>
        <zaehler>17</zaehler>
      </kodierungFlurstueck>
    </xbau:flurstueck>
  </xbau:grundstueck>
  <xbau:gegenstandDesAntrags>
    <xbau:baugenehmigung>true</xbau:baugenehmigung>
    <xbau:sonstiges>Pläne</xbau:sonstiges>
  </xbau:gegenstandDesAntrags>
</xbau:akteneinsicht.antrag.0120>
"#,
    ),
];

/// A message with the places of its elements.
struct Message<'e> {
    edition: &'e Edition,
    name: &'static str,
    published: String,
    /// Without the faults that it was published with.
    text: String,
    elements: Vec<Element>,
}

struct Element {
    start: Range<usize>,
    /// Empty where the start tag is all.
    end: Range<usize>,
    parent: Option<usize>,
    leaf: bool,
}

impl<'e> Message<'e> {
    fn new(edition: &'e Edition, name: &'static str, published: String) -> Self {
        let text = REPAIRS.iter().fold(published.clone(), |text, (from, to)| text.replace(from, to));
        let mut reader = Reader::from_str(&text);
        let (mut elements, mut open): (Vec<Element>, Vec<usize>) = (Vec::new(), Vec::new());
        loop {
            let begin = usize::try_from(reader.buffer_position()).unwrap();
            let event = reader.read_event().unwrap();
            let range = begin..usize::try_from(reader.buffer_position()).unwrap();
            match event {
                Event::Start(_) | Event::Empty(_) => {
                    let parent = open.last().copied();
                    parent.into_iter().for_each(|parent: usize| elements[parent].leaf = false);
                    let end = range.end..range.end;
                    elements.push(Element { start: range, end, parent, leaf: true });
                    if matches!(event, Event::Start(_)) {
                        open.push(elements.len() - 1);
                    }
                }
                Event::End(_) => elements[open.pop().unwrap()].end = range,
                Event::Eof => break,
                _ => {}
            }
        }
        Self { edition, name, published, text, elements }
    }

    fn tag(&self, element: &Element) -> &str {
        &self.text[element.start.clone()]
    }

    fn name(&self, element: &Element) -> &str {
        self.tag(element)[1..].split(|c: char| c.is_whitespace() || "/>".contains(c)).next().unwrap()
    }

    /// The text of an element that holds nothing else.
    fn content(&self, element: &Element) -> Option<&str> {
        let content = &self.text[element.start.end..element.end.start.max(element.start.end)];
        (element.leaf && !content.trim().is_empty()).then_some(content)
    }

    fn replaced(&self, range: Range<usize>, with: &str) -> String {
        format!("{}{with}{}", &self.text[..range.start], &self.text[range.end..])
    }

    fn with_content(&self, element: &Element, content: &str) -> Option<String> {
        Some(self.replaced(element.start.end..element.end.start, content))
    }

    fn with_attribute(&self, element: &Element, attribute: &str) -> Option<String> {
        let at = element.start.start + 1 + self.name(element).len();
        Some(self.replaced(at..at, &format!(" {attribute}")))
    }

    /// Name and place of the value of each attribute.
    fn attributes(&self, element: &Element) -> Vec<(&str, Range<usize>)> {
        let tag = self.tag(element);
        let quotes: Vec<usize> = tag.match_indices('"').map(|(at, _)| at).collect();
        let pair = |pair: &[usize]| {
            let name = tag[..pair[0]].trim_end_matches('=').rsplit(char::is_whitespace).next().unwrap();
            (name, element.start.start + pair[0] + 1..element.start.start + pair[1])
        };
        let foreign = |name: &str| name.starts_with("xmlns") || name.starts_with("xsi:");
        quotes.chunks_exact(2).map(pair).filter(|(name, _)| !foreign(name)).collect()
    }

    fn whole(&self, element: &Element) -> Range<usize> {
        element.start.start..element.end.end
    }

    fn ids(&self) -> Vec<Range<usize>> {
        let all = self.elements.iter().flat_map(|element| self.attributes(element));
        all.filter(|(name, _)| *name == "id").map(|(_, value)| value).collect()
    }

    fn line(&self, at: usize) -> u32 {
        u32::try_from(self.text[..at].matches('\n').count()).unwrap() + 1
    }
}

type Fault = fn(&Message<'_>, &Element) -> Option<String>;

/// One fault of each kind at an element, if it can be made there. Some of what they make is right: what is optional may be
/// missing.
const KINDS: &[(&str, Fault)] = &[
    ("missing", |m, e| e.parent.map(|_| m.replaced(m.whole(e), ""))),
    ("surplus", |m, e| {
        let again = m.text[m.whole(e)].to_owned();
        (e.leaf && e.parent.is_some()).then(|| m.replaced(e.end.end..e.end.end, &again))
    }),
    ("wrong order", |m, e| {
        let next = m.elements.iter().find(|next| next.parent == e.parent && next.start.start >= e.end.end)?;
        let (one, between) = (&m.text[m.whole(e)], &m.text[e.end.end..next.start.start]);
        let swapped = format!("{}{between}{one}", &m.text[m.whole(next)]);
        (m.name(e) != m.name(next)).then(|| m.replaced(e.start.start..next.end.end, &swapped))
    }),
    ("unknown element", |m, e| e.parent.map(|_| m.replaced(e.start.start..e.start.start, "<neu/>"))),
    ("unknown attribute", |m, e| m.with_attribute(e, "neu=\"1\"")),
    ("missing attribute", |m, e| {
        let (name, value) = m.attributes(e).into_iter().next()?;
        Some(m.replaced(value.start - name.len() - 2..value.end + 1, ""))
    }),
    ("fixed value", |m, e| {
        let value = m.attributes(e).into_iter().next_back()?.1;
        (!value.is_empty()).then(|| m.replaced(value, "falsch"))
    }),
    ("text between elements", |m, e| (!e.leaf).then(|| m.replaced(e.start.end..e.start.end, "Text"))),
    ("element in a text", |m, e| m.content(e).and_then(|text| m.with_content(e, &format!("{text}<neu/>")))),
    ("empty", |m, e| m.content(e).and_then(|_| m.with_content(e, ""))),
    ("white space", |m, e| m.content(e).and_then(|text| m.with_content(e, &format!("\n {text}\t")))),
    ("white space around a date", |m, e| {
        let text = m.content(e).filter(|text| text.len() > 9 && text.as_bytes()[4] == b'-')?;
        m.with_content(e, &format!("\n {text}\t"))
    }),
    ("boolean written differently", |m, e| {
        let other = match m.content(e)? {
            "true" => " 1",
            "1" => "true ",
            _ => return None,
        };
        m.with_content(e, other)
    }),
    ("comment in a value", |m, e| {
        m.content(e).and_then(|text| m.with_content(e, &format!("{text}<!-- Probe -->")))
    }),
    ("pattern", |m, e| {
        let text = m.content(e).filter(|text| text.len() == 36 && text.matches('-').count() == 4)?;
        m.with_content(e, &text[..35])
    }),
    ("character", |m, e| m.content(e).and_then(|text| m.with_content(e, &format!("{text}\u{4e00}")))),
    ("date", |m, e| {
        let text = m.content(e).filter(|text| text.len() == 10 && text.matches('-').count() == 2)?;
        m.with_content(e, &format!("{}-02-30", &text[..4]))
    }),
    ("time", |m, e| {
        let text = m.content(e).filter(|text| text.matches(':').count() > 1 && text.contains('T'))?;
        m.with_content(e, &format!("{}T25{}", &text[..10], &text[13..]))
    }),
    ("boolean", |m, e| {
        m.content(e).filter(|text| matches!(*text, "true" | "false" | "1"))?;
        m.with_content(e, "ja")
    }),
    ("number", |m, e| {
        let text = m.content(e).filter(|text| text.chars().all(|c| c.is_ascii_digit() || c == '.'))?;
        m.with_content(e, &format!("{text}x"))
    }),
    ("code", |m, e| {
        m.content(e).filter(|_| m.name(e) == "code")?;
        m.with_content(e, "keiner")
    }),
    ("base64", |m, e| {
        let text = m.content(e).filter(|text| matches!(*text, "UHJvYmU=" | "PERVTU1ZIC8+"))?;
        m.with_content(e, &text[1..])
    }),
    ("namespace", |m, e| {
        let prefix = m.name(e).split_once(':').map_or(String::new(), |(prefix, _)| format!(":{prefix}"));
        e.parent?;
        m.with_attribute(e, &format!("xmlns{prefix}=\"urn:falsch\""))
    }),
    ("wrong xsi:type", |m, e| m.with_attribute(e, &typed(m.edition.wrong_type))),
    ("unknown xsi:type", |m, e| m.with_attribute(e, &typed("gibtsnicht"))),
    ("abstract type", |m, e| m.with_attribute(e, &typed(m.edition.abstract_type.filter(|_| !e.leaf)?))),
    ("xsi:nil", |m, e| m.with_attribute(e, &format!("{XSI} xsi:nil=\"true\""))),
    ("duplicate ID", |m, e| {
        let first = m.ids().into_iter().next()?;
        let own = m.attributes(e).into_iter().find(|(name, value)| *name == "id" && *value != first)?.1;
        let id = m.text[first].to_owned();
        Some(m.replaced(own, &id))
    }),
    ("bad ID", |m, e| {
        let own = m.attributes(e).into_iter().find(|(name, _)| *name == "id")?.1;
        Some(m.replaced(own, "1 2"))
    }),
    ("dangling IDREF", |m, e| {
        let text = m.content(e)?;
        m.ids().into_iter().find(|id| &m.text[id.clone()] == text)?;
        m.with_content(e, "keine")
    }),
];

/// The kinds that must be there at least once in a way that Xerces refuses. Keys are missing: no schema of the three has
/// any; `verdicts.rs` has them.
const NEEDED: [&str; 13] = [
    "missing",
    "surplus",
    "wrong order",
    "missing attribute",
    "fixed value",
    "pattern",
    "date",
    "code",
    "base64",
    "wrong xsi:type",
    "abstract type",
    "duplicate ID",
    "dangling IDREF",
];

const XSI: &str = "xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\"";

fn typed(name: &str) -> String {
    format!("{XSI} xsi:type=\"{name}\"")
}

/// The kind of what has no fault.
const RIGHT: &str = "without fault";

/// What is wrong in the published messages of XWasser: references to IDs that are not there, old
/// versions of code lists, and an element that does not belong there.
const REPAIRS: [(&str, &str); 7] = [
    ("<xwas:objektID>abcd<", "<xwas:objektID>lab-1<"),
    ("<xwas:probennahmestelle>ID14aeb6cd-bc5e-443f-890c-cbdfe6f50c86<", "<xwas:probennahmestelle>probe1<"),
    ("<xwas:probennahmestelle>f6c67456-6bde-4b31-9cd7-506e9b7363b5<", "<xwas:probennahmestelle>abcd<"),
    (
        "kategorie-probennahmestelle\" listVersionID=\"2\"",
        "kategorie-probennahmestelle\" listVersionID=\"3\"",
    ),
    ("art-trinkwasseranlage\" listVersionID=\"1\"", "art-trinkwasseranlage\" listVersionID=\"2\""),
    ("<xwas:probennahmestelleKategorie ", "<!-- "),
    ("</xwas:probennahmestelleKategorie>", " -->"),
];

/// A changed message.
struct Case<'m> {
    message: &'m Message<'m>,
    kind: &'static str,
    text: String,
}

fn cases<'m>(message: &'m Message<'m>) -> Vec<Case<'m>> {
    let case = |kind, text| Case { message, kind, text };
    let mut cases = vec![case("as published", message.published.clone()), case(RIGHT, message.text.clone())];
    for (kind, fault) in KINDS {
        let made: Vec<String> =
            message.elements.iter().filter_map(|element| fault(message, element)).map(one_xsi).collect();
        let chosen = (0..PLACES.min(made.len())).map(|number| number * made.len() / PLACES.min(made.len()));
        cases.extend(chosen.map(|at| case(*kind, made[at].clone())));
    }
    cases
}

/// A root element may declare the prefix already.
fn one_xsi(text: String) -> String {
    let root = text.find("?>").map_or(0, |at| at + 2);
    let end = root + text[root..].find('>').unwrap();
    match text[root..end].matches(XSI).count() {
        2 => text.replacen(XSI, "", 1),
        _ => text,
    }
}

/// The messages, each without any fault.
fn messages(shared: &Path) -> Vec<Message<'static>> {
    let [xdomea, xbau, xwasser] = &EDITIONS;
    let text = |path: &str| fs::read_to_string(shared.join(path)).unwrap();
    let mut messages = Vec::new();
    for name in [
        "Anbieteverzeichnis.0501",
        "Bewertungsverzeichnis.0502",
        "Aussonderung.0503",
        "AnbietungEmpfangBestaetigen.0504",
    ] {
        let path = format!("xdomea/toolkit/pattern/xdomea_3.0.0/xx_Aussonderung.{name}.xml");
        messages.push(Message::new(xdomea, name, text(&path)));
    }
    for name in
        ["administration_receipt", "olb_report_minimal", "quality_report_minimal", "monitoring_plan_minimal"]
    {
        messages.push(Message::new(xwasser, name, text(&format!("xwasser/messages/{name}.xml"))));
    }
    messages.extend(XBAU.map(|(name, text)| Message::new(xbau, name, text.to_owned())));
    messages
}

/// A copy of the schemas for the peers, which resolve imports by path: made without our catalog, so that it does not judge
/// itself.
fn copy(shared: &Path, into: &Path) {
    const ADDRESSES: [(&str, &str); 4] = [
        (
            "https://xoev.de/schemata/din/91379/2022-08/din-norm-91379-datatypes.xsd",
            "../base/din-91379_2022-08.xsd",
        ),
        ("http://xoev.de/schemata/code/1_0/xoev-code.xsd", "../base/xoev-code_1_0.xsd"),
        (
            "http://xoev.de/schemata/basisnachricht/unqualified/g2g/1_1/xoev-basisnachricht-unqualified-g2g_1.1.xsd",
            "../base/basisnachricht-g2g-unqualified_1_1.xsd",
        ),
        ("https://www.w3.org/TR/xmldsig-core/xmldsig-core-schema.xsd", "../base/xmldsig-core-schema.xsd"),
    ];
    const KERNEL: [&str; 3] = ["datentypen", "prozessnachrichten", "universellerAntrag"];
    let folders = [
        ("xdomea/xsd/3.0.0", "xdomea/3.0.0"),
        ("xdomea/xsd/xoev", "xdomea/xoev"),
        ("xbau/2.6/xsd_dev", "xbau"),
        ("xwasser/schemas", "xwasser"),
        ("xoev-base", "base"),
    ];
    for (from, to) in folders {
        let mut files = BTreeMap::new();
        read(&shared.join(from), "", &mut files);
        fs::create_dir_all(into.join(to)).unwrap();
        for (name, bytes) in files {
            let mut text = String::from_utf8(bytes).unwrap();
            for (address, file) in ADDRESSES {
                text = text.replace(address, file);
            }
            if let Some((start, end)) = text.find("<!DOCTYPE").zip(text.find("]>")) {
                text.replace_range(start..end + 2, "");
            }
            // Both peers take the first import of a namespace only: one file holds all of the Kernmodul.
            if !name.starts_with("xbau-kernmodul-") {
                for part in KERNEL {
                    let of_part = format!("schemaLocation=\"xbau-kernmodul-{part}.xsd\"");
                    text = text.replace(&of_part, "schemaLocation=\"kernel.xsd\"");
                }
            }
            fs::write(into.join(to).join(name), text).unwrap();
        }
    }
    let include = KERNEL.map(|part| format!("<xs:include schemaLocation='xbau-kernmodul-{part}.xsd'/>"));
    let kernel = format!(
        "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema' targetNamespace='http://www.xleitstelle.de/xbau/kernmodul/1/3/0'>{}</xs:schema>",
        include.concat()
    );
    fs::write(into.join("xbau/kernel.xsd"), kernel).unwrap();
}

/// How our lines agree with those of the peers. Both name the line in which a start tag ends, we the one in which it begins.
/// What is missing Xerces tells at the end tag of the parent, xmllint as we do at its start tag. An IDREF without its ID
/// Xerces tells at the end of the document, xmllint never; we tell it where it stands.
fn line_of(case: &Case<'_>, ours: &[Violation], xerces: u32, xmllint: Option<u32>) -> Option<&'static str> {
    let ours: Vec<u32> = ours.iter().map(|violation| violation.line).collect();
    if ours.contains(&xerces) {
        return Some("Xerces");
    }
    if xmllint.is_some_and(|line| ours.contains(&line)) {
        return Some("xmllint");
    }
    let changed = Message::new(case.message.edition, "", case.text.clone());
    let tags = changed.elements.iter().map(|it| (changed.line(it.start.start), changed.line(it.start.end)));
    let begins: Vec<u32> = tags.filter(|(first, _)| ours.contains(first)).map(|(_, last)| last).collect();
    if begins.contains(&xerces) || xmllint.is_some_and(|line| begins.contains(&line)) {
        return Some("the end of the start tag");
    }
    let last = changed.line(changed.elements[0].end.start);
    (xerces == last && xmllint.is_none()).then_some("the end of the document")
}

#[test]
fn real_messages_with_one_fault_each_are_judged_as_by_xerces() {
    let Some(shared) = shared() else { return };
    let messages = messages(&shared);
    let all: Vec<Case<'_>> = messages.iter().flat_map(cases).collect();
    let folder = std::env::temp_dir().join(format!("rohrpost-mutations-{}", std::process::id()));
    copy(&shared, &folder);
    let (mut documents, mut cases) = (Vec::new(), Vec::new());
    for edition in &EDITIONS {
        let of_edition = all.iter().filter(|case| case.message.edition.standard == edition.standard);
        let files: Vec<PathBuf> = of_edition
            .map(|case| {
                let file = folder.join(format!("{:04}.xml", cases.len()));
                fs::write(&file, &case.text).unwrap();
                cases.push(case);
                file
            })
            .collect();
        documents.push((folder.join(edition.copy), files));
    }
    let theirs = xerces(&documents);
    let lines: Option<Vec<_>> = documents.iter().map(|(schema, files)| xmllint(schema, files)).collect();
    fs::remove_dir_all(&folder).unwrap();
    let Some((theirs, lines)) = theirs.zip(lines) else { return };
    compare(&shared, &cases, &theirs, &lines.concat());
}

fn compare(shared: &Path, cases: &[&Case<'_>], theirs: &[Option<u32>], lines: &[Option<u32>]) {
    let shelf = real_shelf(shared);
    let schemas = EDITIONS.each_ref().map(|edition| {
        let picked = shelf.pick(&edition.standard.parse().unwrap(), edition.schema).unwrap();
        (edition.standard, Schema::compile_picked(&picked).unwrap())
    });
    let schemas = BTreeMap::from(schemas);
    let (mut differ, mut counts) = (Vec::new(), BTreeMap::<_, (u32, u32)>::new());
    let mut lines_counted = BTreeMap::<_, u32>::new();
    assert_eq!((cases.len(), cases.len()), (theirs.len(), lines.len()));
    for ((case, their), line) in cases.iter().zip(theirs).zip(lines) {
        let ours = schemas[case.message.edition.standard].validate(&xml(&case.text));
        let lines_agree = their.map(|their| line_of(case, &ours, their, *line));
        *lines_counted.entry(lines_agree).or_default() += 1;
        let count = counts.entry((case.message.edition.standard, case.kind)).or_default();
        count.0 += 1;
        count.1 += u32::from(their.is_some());
        if ours.is_empty() != their.is_none() || lines_agree == Some(None) {
            let what = (case.message.edition.standard, case.message.name, case.kind);
            differ.push(format!("{what:?}: Xerces {their:?}, xmllint {line:?}, we {ours:#?}\n{}", case.text));
        }
    }
    for ((standard, kind), (made, faulty)) in &counts {
        eprintln!("{standard} {kind}: {made} judged, {faulty} of them faulty");
    }
    eprintln!("lines as told by: {lines_counted:?}");
    assert!(differ.is_empty(), "{} differ\n{}", differ.len(), differ.join("\n"));
    for edition in &EDITIONS {
        let of_edition = counts.iter().filter(|((standard, _), _)| *standard == edition.standard);
        let faulty: u32 = of_edition.map(|(_, (_, faulty))| faulty).sum();
        assert!(faulty >= 60, "{}: {faulty} faulty ones", edition.standard);
    }
    let right = counts.iter().filter(|((_, kind), _)| *kind == RIGHT).map(|(_, (_, faulty))| faulty);
    assert_eq!(right.sum::<u32>(), 0, "each message has the one fault that was made in it");
    for kind in NEEDED {
        assert!(counts.iter().any(|((_, known), (_, faulty))| *known == kind && *faulty > 0), "{kind}");
    }
}
