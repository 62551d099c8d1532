//! Start tags, references and the XML declaration: what quick-xml reads for the scanner.

use super::{XmlFault, malformed};
use quick_xml::XmlVersion;
use quick_xml::events::BytesStart;
use quick_xml::name::{NamespaceResolver, PrefixDeclaration, QName, ResolveResult};

/// An element may have this many attributes.
const MAX_ATTRIBUTES: usize = 64;

/// A start tag with its names resolved.
#[derive(Debug)]
pub(crate) struct Tag {
    /// Its name as it is written.
    pub(crate) written: String,
    /// All between `<` and `>`, without the slash of an empty element.
    pub(crate) source: String,
    pub(crate) namespace: String,
    pub(crate) local: String,
    /// Namespace, local name and value; declarations of namespaces left out.
    pub(crate) attributes: Vec<(String, String, String)>,
}

impl Tag {
    pub(crate) fn is(&self, (namespace, local): (&str, &str)) -> bool {
        self.namespace == namespace && self.local == local
    }

    /// The value of an attribute without namespace.
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        let found =
            self.attributes.iter().find(|(namespace, local, _)| namespace.is_empty() && local == name);
        found.map(|(_, _, value)| value.as_str())
    }
}

pub(super) fn read(text: &str, namespaces: &mut NamespaceResolver) -> Result<Tag, XmlFault> {
    let name = text.split([' ', '\t', '\r', '\n']).next().unwrap_or_default();
    if !is_qualified_name(name) {
        return Err(malformed(format!("`{}` is no name of an element", short(name))));
    }
    let start = BytesStart::from_content(text, name.len());
    namespaces.push(&start).map_err(|fault| malformed(fault.to_string()))?;
    let mut attributes: Vec<(String, String, String)> = Vec::new();
    for (number, attribute) in start.attributes().enumerate() {
        let attribute = attribute.map_err(|fault| malformed(fault.to_string()))?;
        if number >= MAX_ATTRIBUTES {
            return Err(malformed(format!("an element has more than {MAX_ATTRIBUTES} attributes")));
        }
        let key = attribute.key;
        if !is_qualified_name(key.as_ref()) || attribute.value.contains('<') {
            return Err(malformed(format!("`{}` is no well-formed attribute", short(key.as_ref()))));
        }
        only_known_entities(&attribute.value)?;
        let value = attribute
            .normalized_value(XmlVersion::Explicit1_0)
            .map_err(|fault| malformed(fault.to_string()))?;
        super::scan::checked(value.as_bytes())?;
        if key.as_namespace_binding().is_some() {
            continue;
        }
        let namespace = namespace_of(namespaces.resolve_attribute(key).0)?;
        let local = key.local_name().as_ref().to_owned();
        if attributes.iter().any(|known| known.0 == namespace && known.1 == local) {
            return Err(malformed(format!("the attribute `{}` stands twice", short(&local))));
        }
        attributes.push((namespace, local, value.into_owned()));
    }
    let (namespace, local) = namespaces.resolve_element(QName(name));
    Ok(Tag {
        written: name.to_owned(),
        source: text.to_owned(),
        namespace: namespace_of(namespace)?,
        local: local.as_ref().to_owned(),
        attributes,
    })
}

fn namespace_of(resolved: ResolveResult<'_>) -> Result<String, XmlFault> {
    match resolved {
        ResolveResult::Bound(namespace) => Ok(namespace.as_ref().to_owned()),
        ResolveResult::Unbound => Ok(String::new()),
        ResolveResult::Unknown(prefix) => {
            Err(malformed(format!("the prefix `{}` stands for no namespace", short(&prefix))))
        }
    }
}

pub(super) fn bindings(namespaces: &NamespaceResolver) -> Vec<(String, String)> {
    let named = |prefix: PrefixDeclaration<'_>| match prefix {
        PrefixDeclaration::Default => String::new(),
        PrefixDeclaration::Named(name) => name.to_owned(),
    };
    namespaces.bindings().map(|(prefix, name)| (named(prefix), name.as_ref().to_owned())).collect()
}

fn only_known_entities(value: &str) -> Result<(), XmlFault> {
    for reference in value.split('&').skip(1) {
        let (name, _) = reference.split_once(';').ok_or_else(|| malformed("`&` begins no reference"))?;
        resolve(name)?;
    }
    Ok(())
}

/// The character that a reference stands for.
pub(super) fn resolve(name: &str) -> Result<char, XmlFault> {
    let number = match name {
        "lt" => return Ok('<'),
        "gt" => return Ok('>'),
        "amp" => return Ok('&'),
        "quot" => return Ok('"'),
        "apos" => return Ok('\''),
        name => name.strip_prefix('#').ok_or_else(|| XmlFault::Entity(short(name)))?,
    };
    let (digits, radix) = number.strip_prefix('x').map_or((number, 10), |hexadecimal| (hexadecimal, 16));
    let plain = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    let character = u32::from_str_radix(digits, radix).ok().and_then(char::from_u32);
    let allowed = |character: &char| {
        plain
            && (*character >= ' ' || matches!(character, '\t' | '\n' | '\r'))
            && !matches!(character, '\u{FFFE}' | '\u{FFFF}')
    };
    character.filter(allowed).ok_or_else(|| malformed("a reference to a character that XML does not have"))
}

/// What stands in `<?xml … ?>`.
pub(super) fn check_declaration(declaration: &[u8]) -> Result<(), XmlFault> {
    let text = std::str::from_utf8(declaration).map_err(|_| XmlFault::Encoding)?;
    let start = BytesStart::from_content(format!("xml {text}"), 3);
    let value = |name: &str| {
        let found = start.try_get_attribute(name).map_err(|fault| malformed(fault.to_string()))?;
        Ok::<_, XmlFault>(found.map(|found| found.value.into_owned()))
    };
    if value("version")?.as_deref() != Some("1.0") {
        return Err(malformed("only XML 1.0 is read"));
    }
    match value("encoding")? {
        Some(encoding)
            if !encoding.eq_ignore_ascii_case("utf-8") && !encoding.eq_ignore_ascii_case("us-ascii") =>
        {
            Err(XmlFault::Encoding)
        }
        _ => Ok(()),
    }
}

fn is_qualified_name(name: &str) -> bool {
    match name.split_once(':') {
        Some((prefix, local)) => is_ncname(prefix) && is_ncname(local),
        None => is_ncname(name),
    }
}

/// Whether a name may stand where XML wants one without a colon, such as an id.
pub(crate) fn is_ncname(name: &str) -> bool {
    let mut characters = name.chars();
    characters.next().is_some_and(starts_name) && characters.all(continues_name)
}

pub(crate) fn starts_name(c: char) -> bool {
    matches!(c, 'A'..='Z' | 'a'..='z' | '_' | '\u{C0}'..='\u{D6}' | '\u{D8}'..='\u{F6}' | '\u{F8}'..='\u{2FF}'
        | '\u{370}'..='\u{37D}' | '\u{37F}'..='\u{1FFF}' | '\u{200C}' | '\u{200D}' | '\u{2070}'..='\u{218F}'
        | '\u{2C00}'..='\u{2FEF}' | '\u{3001}'..='\u{D7FF}' | '\u{F900}'..='\u{FDCF}' | '\u{FDF0}'..='\u{FFFD}'
        | '\u{10000}'..='\u{EFFFF}')
}

pub(crate) fn continues_name(c: char) -> bool {
    starts_name(c)
        || matches!(c, '0'..='9' | '-' | '.' | '\u{B7}' | '\u{300}'..='\u{36F}' | '\u{203F}' | '\u{2040}')
}

/// The beginning of a name that somebody else wrote, for a message.
fn short(name: &str) -> String {
    name.chars().take(40).collect()
}
