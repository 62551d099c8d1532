//! Index data that a mapping made: a document that goes along, and what of it belongs to which object.
//!
//! ```json
//! { "folder": { "Aktenzeichen": "632.21" }, "document": { "Betreff": "Antrag" } }
//! ```
//! ```xml
//! <index><folder><field name="Aktenzeichen">632.21</field></folder></index>
//! ```

use quick_xml::events::Event;
use quick_xml::reader::Reader;
use rohrpost_kit::http::misconfigured;
use rohrpost_model::Failure;
use rohrpost_model::document::Enclosed;
use rohrpost_model::ports::Parcel;
use serde_json::Value;
use std::collections::BTreeMap;

/// Field → value.
pub(crate) type Fields = BTreeMap<String, String>;

/// What the mapping says of each object.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Index {
    pub(crate) folder: Fields,
    pub(crate) register: Fields,
    pub(crate) document: Fields,
}

impl Index {
    /// The index data of a parcel; none where none goes along. What cannot be read is a fault of the mapping.
    pub(crate) fn of(parcel: &Parcel<'_>, name: &str) -> Result<Self, Failure> {
        let Some(enclosed) = parcel.enclosed.iter().find(|one| is_index(one, name)) else {
            return Ok(Self::default());
        };
        let json = enclosed.media_type.contains("json");
        let read = if json { Self::from_json(&enclosed.content) } else { Self::from_xml(&enclosed.content) };
        read.ok_or_else(|| misconfigured(name))
    }

    fn from_json(content: &[u8]) -> Option<Self> {
        let Value::Object(levels) = serde_json::from_slice(content).ok()? else { return None };
        let mut index = Self::default();
        for (level, fields) in levels {
            let Value::Object(fields) = fields else { return None };
            let into = index.level(&level)?;
            for (name, value) in fields {
                into.extend(text(value)?.map(|text| (name, text)));
            }
        }
        Some(index)
    }

    fn from_xml(content: &[u8]) -> Option<Self> {
        let mut reader = Reader::from_reader(content);
        reader.config_mut().expand_empty_elements = true;
        let (mut index, mut path) = (Self::default(), Vec::new());
        let mut field: Option<(String, String)> = None;
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) => {
                    let name = start.local_name().as_ref().to_owned();
                    let fits = match path.len() {
                        0 => name == "index",
                        1 => index.level(&name).is_some(),
                        2 => name == "field",
                        _ => false,
                    };
                    if !fits {
                        return None;
                    }
                    if path.len() == 2 {
                        let called = start.try_get_attribute("name").ok()??;
                        let called = called.normalized_value(quick_xml::XmlVersion::Implicit1_0).ok()?;
                        field = Some((called.into_owned(), String::new()));
                    }
                    path.push(name);
                }
                Event::Text(piece) => add(&mut field, &piece.xml10_content())?,
                Event::CData(piece) => add(&mut field, &piece.xml10_content())?,
                Event::GeneralRef(entity) => add(&mut field, &character(&entity)?)?,
                Event::End(_) => {
                    path.pop();
                    if let (Some(level), Some(whole)) = (path.get(1), field.take()) {
                        index.level(level)?.extend([whole]);
                    }
                }
                Event::Eof => return path.is_empty().then_some(index),
                Event::DocType(_) => return None,
                _ => {}
            }
        }
    }

    fn level(&mut self, name: &str) -> Option<&mut Fields> {
        match name {
            "folder" => Some(&mut self.folder),
            "register" => Some(&mut self.register),
            "document" => Some(&mut self.document),
            _ => None,
        }
    }
}

/// Whether this is the document whose content becomes fields and is no file.
pub(crate) fn is_index(enclosed: &Enclosed, name: &str) -> bool {
    enclosed.name.as_str() == name
}

/// Text belongs into fields; between them only white space may stand.
fn add(field: &mut Option<(String, String)>, text: &str) -> Option<()> {
    match field {
        Some((_, value)) => value.push_str(text),
        None if text.trim().is_empty() => {}
        None => return None,
    }
    Some(())
}

fn character(entity: &quick_xml::events::BytesRef<'_>) -> Option<String> {
    if let Some(character) = entity.resolve_char_ref().ok()? {
        return Some(character.to_string());
    }
    quick_xml::escape::resolve_predefined_entity(entity).map(str::to_owned)
}

/// A value as enaio takes it; nothing for null.
fn text(value: Value) -> Option<Option<String>> {
    match value {
        Value::Null => Some(None),
        Value::String(text) => Some(Some(text)),
        Value::Number(number) => Some(Some(number.to_string())),
        Value::Bool(truth) => Some(Some(truth.to_string())),
        Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expected() -> Index {
        let field = |name: &str, value: &str| Fields::from([(name.to_owned(), value.to_owned())]);
        Index { folder: field("AZ", "632.21 <1> & 2"), document: field("Seiten", "7"), ..Index::default() }
    }

    #[test]
    fn json_and_xml_say_the_same() {
        let json = br#"{"folder": {"AZ": "632.21 <1> & 2"}, "document": {"Seiten": 7, "Leer": null}}"#;
        assert_eq!(Index::from_json(json), Some(expected()));
        let xml = "<?xml version='1.0'?>\n<index>\n <folder><field name='AZ'>632.21 &lt;1> &#38;<![CDATA[ 2]]></field></folder>\
                   <register/><document><field name='Seiten'>7</field></document></index>";
        assert_eq!(Index::from_xml(xml.as_bytes()), Some(expected()));
    }

    #[test]
    fn what_is_no_index_is_not_read_in_part() {
        for json in ["[]", "{\"akte\": {}}", "{\"folder\": 1}", "{\"folder\": {\"AZ\": [1]}}", "{"] {
            assert_eq!(Index::from_json(json.as_bytes()), None, "{json}");
        }
        let field = "<field name='AZ'>1</field>";
        for xml in [
            format!("<i><folder>{field}</folder></i>"),
            format!("<index><akte>{field}</akte></index>"),
            "<index><folder><field>1</field></folder></index>".into(),
            "<index><folder>1</folder></index>".into(),
            format!("<index><folder>{field}</folder>"),
            format!("<!DOCTYPE index><index><folder>{field}</folder></index>"),
            "<index><folder><field name='AZ'><b/></field></folder></index>".into(),
        ] {
            assert_eq!(Index::from_xml(xml.as_bytes()), None, "{xml}");
        }
    }
}
