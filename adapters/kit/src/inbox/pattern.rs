//! What names of files say: `{service}_{area}_{*}`.

use crate::intake::Said;
use crate::settings::Places;
use rohrpost_model::Fault;
use toml::Spanned;

const FIELDS: [&str; 7] = ["service", "area", "kind", "case", "foreign-id", "test", "*"];

/// A checked pattern of names without extension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// The text before the first placeholder.
    start: String,
    /// Each placeholder, and the text after it.
    fields: Vec<(&'static str, String)>,
}

impl Pattern {
    /// Checks a pattern that stands in a configuration.
    pub fn configured(setting: &Spanned<String>, places: &Places<'_>) -> Result<Self, Fault> {
        Self::parse(setting.get_ref()).map_err(|message| {
            let hint = "write it like {service}_{area}_{*}: {service}, {area}, {kind}, {case}, {foreign-id}, {test}, and {*} for anything";
            places.fault_at(setting, message).hint(hint)
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = text.split('{');
        let start = pieces.next().unwrap_or_default().to_owned();
        let mut fields: Vec<(&'static str, String)> = Vec::new();
        for piece in pieces {
            let (name, after) = piece.split_once('}').ok_or("a brace without its counterpart")?;
            let field = FIELDS.into_iter().find(|field| *field == name);
            let field = field.ok_or_else(|| format!("unknown placeholder {{{name}}}"))?;
            if field != "*" && fields.iter().any(|(before, _)| *before == field) {
                return Err(format!("{{{name}}} stands there twice"));
            }
            if fields.last().is_some_and(|(_, between)| between.is_empty()) {
                return Err("between two placeholders there has to be a text".into());
            }
            fields.push((field, after.to_owned()));
        }
        if start.contains('}') || fields.iter().any(|(_, after)| after.contains('}')) {
            return Err("a brace without its counterpart".into());
        }
        Ok(Self { start, fields })
    }

    /// What a name says; `None` if it is not as the pattern wants it. A value ends where the text after its placeholder
    /// begins for the first time; the last one takes the rest.
    pub fn read(&self, name: &str) -> Option<Said> {
        let (mut said, mut rest) = (Said::default(), name.strip_prefix(self.start.as_str())?);
        for (number, (field, after)) in self.fields.iter().enumerate() {
            let value = if number + 1 == self.fields.len() {
                std::mem::take(&mut rest).strip_suffix(after.as_str())?
            } else {
                let (value, following) = rest.split_once(after.as_str())?;
                rest = following;
                value
            };
            let slot = match *field {
                "service" => &mut said.service,
                "area" => &mut said.area,
                "kind" => &mut said.kind,
                "case" => &mut said.case,
                "foreign-id" => &mut said.foreign_id,
                "test" => &mut said.test,
                _ => continue,
            };
            *slot = Some(value.to_owned());
        }
        rest.is_empty().then_some(said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_says_what_stands_at_its_placeholders() {
        let pattern = Pattern::parse("HR-{service}_{area}_{*}.{case}").unwrap();
        let said = pattern.read("HR-99108003000000_15091_a_b.2026:1.2").unwrap();
        assert_eq!(said.service.as_deref(), Some("99108003000000"));
        assert_eq!((said.area.as_deref(), said.case.as_deref()), (Some("15091"), Some("2026:1.2")));
        for other in ["99108003000000_15091_a.c", "HR-99108003000000", "HR-1_2_3"] {
            assert_eq!(pattern.read(other), None, "{other}");
        }
        assert_eq!(Pattern::parse("fest").unwrap().read("fest-nicht"), None);
    }

    #[test]
    fn a_pattern_that_could_be_read_in_two_ways_is_none() {
        for wrong in ["{service}{area}", "{servce}", "{service", "service}", "{area}_{area}"] {
            assert!(Pattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
