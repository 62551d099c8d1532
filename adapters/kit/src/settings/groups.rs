//! Tables whose keys belong to two structs: what several adapters, or both halves of one, have in common, and what only
//! one of them has. (Serde's own way, `flatten`, knows neither places in the text nor keys that are unknown.)

use super::{Places, mend, table};
use rohrpost_model::Fault;
use serde::Deserialize;
use serde::de::value::Error;
use serde::de::{DeserializeOwned, Deserializer, Error as _, Visitor};
use serde::forward_to_deserialize_any;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Reads the table `name` of a file into two structs, each of its own keys. Returns the faults of both.
pub fn read_groups<A, B>(file: &str, text: &str, name: &str) -> Result<(A, B), Vec<Fault>>
where
    A: DeserializeOwned,
    B: DeserializeOwned,
{
    let places = Places::new(file, text);
    let node = table(&places, Some(name))?;
    let (of_first, rest) = parted(node, keys_of::<A>());
    // A table that is none is the same fault for both.
    let first = of_first.map(|node| mend::read(&places, node, &[])).transpose();
    let second = mend::read(&places, rest, keys_of::<A>());
    match (first, second) {
        (Ok(Some(first)), Ok(second)) => Ok((first, second)),
        (first, second) => {
            let mut faults = first.err().unwrap_or_default();
            faults.extend(second.err().unwrap_or_default());
            faults.sort();
            faults.dedup();
            Err(faults)
        }
    }
}

type Node<'t> = Spanned<DeValue<'t>>;

/// A table of these keys, and one of all others. No first one where it is no table.
fn parted<'t>(node: Node<'t>, keys: &[&str]) -> (Option<Node<'t>>, Node<'t>) {
    let span = node.span();
    let all = match node.into_inner() {
        DeValue::Table(all) => all,
        other => return (None, Spanned::new(span, other)),
    };
    let (mut first, mut rest) = (DeTable::new(), DeTable::new());
    for (key, value) in all {
        let part = if keys.contains(&key.get_ref().as_ref()) { &mut first } else { &mut rest };
        part.insert(key, value);
    }
    (Some(Spanned::new(span.clone(), DeValue::Table(first))), Spanned::new(span, DeValue::Table(rest)))
}

/// The keys that a struct reads.
fn keys_of<T: DeserializeOwned>() -> &'static [&'static str] {
    let mut keys: &[&str] = &[];
    // It never succeeds: it only listens what is asked for.
    let _ = <T as Deserialize>::deserialize(Listening(&mut keys));
    keys
}

/// Hears the keys that a struct asks for.
struct Listening<'k>(&'k mut &'static [&'static str]);

impl<'de> Deserializer<'de> for Listening<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Error> {
        Err(Error::custom("nothing is read"))
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: &'static [&'static str],
        _: V,
    ) -> Result<V::Value, Error> {
        *self.0 = fields;
        Err(Error::custom("nothing is read"))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "kebab-case", deny_unknown_fields)]
    struct Common {
        host_name: Spanned<String>,
        #[serde(default)]
        port: u16,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Own {
        folder: String,
    }

    fn told(text: &str) -> Vec<String> {
        let faults = read_groups::<Common, Own>("a.toml", text, "a").unwrap_err();
        faults.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn each_struct_gets_its_keys_with_their_places() {
        let read = read_groups::<Common, Own>("a.toml", "[a]\nfolder = \"x\"\nhost-name = \"h\"\n", "a");
        let (common, own) = read.unwrap();
        assert_eq!((common.host_name.get_ref().as_str(), common.host_name.span()), ("h", 29..32));
        assert_eq!((common.port, own.folder.as_str()), (0, "x"));
    }

    #[test]
    fn all_faults_are_told_at_once_and_every_key_is_known() {
        let found = told("[a]\nport = \"x\"\nhost-nam = \"h\"\n");
        assert_eq!(found.len(), 4, "{found:#?}");
        assert!(found[0].contains("a.toml:1:1: the key `folder` is missing"), "{found:#?}");
        assert!(found[1].contains("a.toml:1:1: the key `host-name` is missing"), "{found:#?}");
        assert!(found[2].contains("a.toml:2:8: invalid type: string"), "{found:#?}");
        assert!(
            found[3].contains(
                "unknown key `host-nam`; did you mean `host-name`? Known keys: folder, host-name, port"
            ),
            "{found:#?}"
        );
        assert_eq!(told("a = 3\n").len(), 1);
        assert!(told("[b]\n")[0].contains("the table [a] is missing"));
    }
}
