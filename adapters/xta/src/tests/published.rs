//! Our WSDL and schemas beside the originals: the same structure, whatever the words around it.

use super::peers::standard;
use super::*;
use crate::soap::parse;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

const XS: &str = "http://www.w3.org/2001/XMLSchema";
const WSDL: &str = "http://schemas.xmlsoap.org/wsdl/";
const SOAP_12: &str = "http://schemas.xmlsoap.org/wsdl/soap12/";
const OURS: [&str; 4] = [names::XTA, names::OSCI, names::META, "http://xoev.de/schemata/basisdatentypen/1_1"];

/// A document and what its prefixes mean; all are declared on the root.
struct Document {
    root: Element,
    prefixes: BTreeMap<String, String>,
}

impl Document {
    fn read(text: &str) -> Self {
        let from = text.find("<definitions").or_else(|| text.find(":schema")).unwrap();
        let tag = &text[from..from + text[from..].find('>').unwrap()];
        let declared = tag.split("xmlns").skip(1).map(|it| {
            let (prefix, rest) = it.split_once('=').unwrap();
            let quote = rest.chars().next().unwrap();
            (prefix.trim_start_matches(':').to_owned(), rest[1..].split(quote).next().unwrap().to_owned())
        });
        Self { prefixes: declared.collect(), root: parse(text.trim_start_matches('\u{FEFF}')).unwrap() }
    }

    fn resolved(&self, name: &str) -> String {
        let (prefix, local) = name.split_once(':').unwrap_or(("", name));
        format!("{{{}}}{local}", self.prefixes.get(prefix).map_or("", String::as_str))
    }
}

/// What a component is made of, and which others it names.
fn structure(
    document: &Document,
    element: &Element,
    depth: usize,
    into: &mut String,
    named: &mut BTreeSet<String>,
) {
    let mut attributes: Vec<_> =
        element.attributes.iter().map(|it| (&*it.local, it.value.to_string())).collect();
    attributes.retain(|(name, value)| {
        let default = matches!((*name, &**value), ("minOccurs" | "maxOccurs", "1") | ("use", "optional"));
        !default && *name != "version"
    });
    attributes.sort();
    let _ = write!(into, "\n{}{}", "  ".repeat(depth), element.local);
    for (name, value) in attributes {
        let value = match name {
            "type" | "ref" | "base" | "memberTypes" => {
                let names: Vec<_> = value.split_ascii_whitespace().map(|it| document.resolved(it)).collect();
                named.extend(names.iter().cloned());
                names.join(" ")
            }
            _ => value,
        };
        let _ = write!(into, " {name}={value}");
    }
    for child in element.children.iter().filter(|it| &*it.namespace == XS && &*it.local != "annotation") {
        structure(document, child, depth + 1, into, named);
    }
}

type Components = BTreeMap<(String, String), (String, BTreeSet<String>)>;

/// All global components of these schemas that belong to XTA and OSCI, by kind and name.
fn components<'a>(schemas: impl Iterator<Item = &'a str>) -> Components {
    let mut found = Components::new();
    for document in schemas.map(Document::read) {
        let namespace = document.root.attribute("targetNamespace").unwrap().to_owned();
        if !OURS.contains(&&*namespace) {
            continue;
        }
        assert_eq!(document.root.attribute("elementFormDefault"), Some("qualified"));
        for child in &document.root.children {
            let Some(name) = child.attribute("name") else { continue };
            let kind = child.local.replace("complexType", "type").replace("simpleType", "type");
            let (mut text, mut named) = (String::new(), BTreeSet::new());
            structure(&document, child, 0, &mut text, &mut named);
            found.insert((kind, format!("{{{namespace}}}{name}")), (text, named));
        }
    }
    found
}

/// What the roots lead to.
fn reachable(components: &Components, roots: BTreeSet<String>) -> BTreeSet<(String, String)> {
    let mut open: Vec<_> = roots.into_iter().collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = open.pop() {
        for kind in ["element", "type", "attribute"] {
            let key = (kind.to_owned(), name.clone());
            if let Some((_, named)) = components.get(&key)
                && seen.insert(key)
            {
                open.extend(named.iter().cloned());
            }
        }
    }
    seen
}

/// What a WSDL says, fact by fact.
fn facts(text: &str) -> BTreeSet<String> {
    let document = Document::read(text);
    let mut facts = BTreeSet::new();
    let value = |element: &Element, name: &str| element.attribute(name).unwrap_or_default().to_owned();
    for message in document.root.all((WSDL, "message")) {
        facts.insert(format!("message {}", value(message, "name")));
        for part in message.all((WSDL, "part")) {
            let element = document.resolved(&value(part, "element"));
            facts.insert(format!(
                "message {} part {} {element}",
                value(message, "name"),
                value(part, "name")
            ));
        }
    }
    for port_type in document.root.all((WSDL, "portType")) {
        for operation in port_type.all((WSDL, "operation")) {
            let place = format!("{}.{}", value(port_type, "name"), value(operation, "name"));
            for way in operation.children.iter().filter(|it| &*it.local != "documentation") {
                let action = way.attributes.iter().find(|it| &*it.local == "Action").unwrap();
                let message = document.resolved(&value(way, "message"));
                facts.insert(format!(
                    "{place} {} {} {message} {}",
                    way.local,
                    value(way, "name"),
                    action.value
                ));
            }
        }
    }
    for binding in document.root.all((WSDL, "binding")) {
        let name = value(binding, "name");
        facts.insert(format!("binding {name} of {}", document.resolved(&value(binding, "type"))));
        let soap = binding.child((SOAP_12, "binding")).unwrap();
        facts.insert(format!("binding {name} {} {}", value(soap, "style"), value(soap, "transport")));
        for policy in binding.children.iter().filter(|it| &*it.local == "PolicyReference") {
            facts.insert(format!("binding {name} policy {}", value(policy, "URI")));
        }
        for operation in binding.all((WSDL, "operation")) {
            let place = format!("{name}.{}", value(operation, "name"));
            let soap = operation.child((SOAP_12, "operation")).unwrap();
            facts.insert(format!(
                "{place} {} {}",
                value(soap, "soapAction"),
                value(soap, "soapActionRequired")
            ));
            for way in operation.children.iter().filter(|it| &*it.namespace == WSDL) {
                for it in way.children.iter().filter(|it| &*it.namespace == SOAP_12) {
                    let message = it.attribute("message").map(|it| document.resolved(it)).unwrap_or_default();
                    let (part, named) = (value(it, "part"), value(it, "name"));
                    facts.insert(format!(
                        "{place} {} {} {message} {part} {named} {}",
                        way.local,
                        it.local,
                        value(it, "use")
                    ));
                }
            }
        }
    }
    for service in document.root.all((WSDL, "service")) {
        for port in service.all((WSDL, "port")) {
            let binding = document.resolved(&value(port, "binding"));
            facts.insert(format!(
                "service {} port {} {binding}",
                value(service, "name"),
                value(port, "name")
            ));
        }
    }
    facts
}

#[test]
fn our_wsdl_says_what_the_original_says() {
    let Some(folder) = standard() else { return };
    let original = facts(&std::fs::read_to_string(folder.join("XTA.wsdl")).unwrap());
    let ours: BTreeSet<_> =
        Port::ALL.iter().flat_map(|port| facts(&wsdl::wsdl(*port, "https://xta.example/a"))).collect();
    assert!(original.len() > 150, "{}", original.len());
    let missing: Vec<_> = original.difference(&ours).collect();
    let invented: Vec<_> = ours.difference(&original).collect();
    assert_eq!((missing, invented), (vec![], vec![]));
}

#[test]
fn our_schemas_are_built_like_the_originals() {
    let Some(folder) = standard() else { return };
    let files = [
        "OSCI2_02.xsd",
        "OSCI_MessageMetaData_V2.02.xsd",
        "XTA-Webservice-Datentypen.xsd",
        "XTA-Webservice-Exceptions.xsd",
        "XTA-Webservice-Globale-Elemente.xsd",
        "xoev-basisdatentypen.xsd",
    ];
    let texts: Vec<_> =
        files.iter().map(|name| std::fs::read_to_string(folder.join(name)).unwrap()).collect();
    let original = components(texts.iter().map(String::as_str));
    let ours = components(wsdl::SCHEMAS.iter().map(|(_, text)| *text));
    let wsdl = Document::read(&std::fs::read_to_string(folder.join("XTA.wsdl")).unwrap());
    let parts = wsdl.root.all((WSDL, "message")).flat_map(|message| message.all((WSDL, "part")));
    let mut roots: BTreeSet<_> =
        parts.map(|part| wsdl.resolved(part.attribute("element").unwrap())).collect();
    // Nothing names the code list of fault numbers, and clients read it all the same.
    roots.insert(format!("{{{}}}Codelist.Fehlernummer", names::XTA));
    let wanted = reachable(&original, roots);
    assert!(wanted.len() > 80, "{}", wanted.len());
    for key in &wanted {
        let have = ours.get(key).unwrap_or_else(|| panic!("{key:?} is missing"));
        assert_eq!(have.0, original[key].0, "{key:?}");
    }
    for (key, (text, _)) in &ours {
        assert_eq!(original.get(key).map(|it| &it.0), Some(text), "{key:?} is invented");
    }
}

#[test]
fn the_operations_of_the_wsdl_are_those_of_the_code() {
    for operation in Operation::ALL {
        let facts = facts(&wsdl::wsdl(operation.port(), "https://xta.example/a"));
        let has = |text: String| facts.iter().any(|fact| fact.contains(&text));
        assert!(has(format!(".{} {} true", operation.name(), operation.action())), "{operation:?}");
        for exception in operation.exceptions() {
            let message = format!("{{{}}}{} {}", names::XTA, exception.element(), operation.action());
            assert!(facts.iter().any(
                |fact| fact.contains(&format!(".{} fault", operation.name())) && fact.contains(&message)
            ));
        }
        assert!(has(format!("service XTAService port {}", operation.port().name())));
    }
}

#[test]
fn every_schema_that_is_named_can_be_asked_for() {
    let documents = Port::ALL.map(|port| wsdl::wsdl(port, "https://xta.example/a?b&c"));
    assert!(documents.iter().all(|text| text.contains("location=\"https://xta.example/a?b&amp;c\"")));
    let texts = documents.iter().map(String::as_str).chain(wsdl::SCHEMAS.iter().map(|(_, text)| *text));
    for text in texts {
        for name in text.split("schemaLocation=\"").skip(1).map(|rest| rest.split('"').next().unwrap()) {
            let name = name.strip_prefix("?xsd=").unwrap();
            assert!(wsdl::schema(name).is_some(), "{name}");
        }
    }
}
