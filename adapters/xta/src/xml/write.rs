//! Writes XML with the prefixes that readers of envelopes are used to.

use super::Element;
use crate::names::{DS, META, OSCI, SOAP, WSA, XENC, XTA};
use quick_xml::escape::escape;
use std::fmt::Write as _;

const XML: &str = "http://www.w3.org/XML/1998/namespace";
const PREFIXES: [(&str, &str); 7] = [
    (SOAP, "env"),
    (WSA, "wsa"),
    (XTA, "xta"),
    (META, "oscimeta"),
    (OSCI, "osci"),
    (XENC, "xenc"),
    (DS, "ds"),
];

/// Writes elements one after the other. The first one declares all the prefixes.
#[derive(Default)]
pub(crate) struct Writer {
    text: String,
    open: Vec<String>,
    declared: bool,
}

impl Writer {
    /// The prefix of a namespace of ours.
    pub(crate) fn prefix(&self, namespace: &str) -> &'static str {
        PREFIXES.iter().find(|(known, _)| *known == namespace).map_or("", |(_, prefix)| prefix)
    }

    fn named(&self, (namespace, local): (&str, &str)) -> String {
        if namespace.is_empty() { local.to_owned() } else { format!("{}:{local}", self.prefix(namespace)) }
    }

    /// Begins a start tag and leaves it open for attributes.
    fn begin(&mut self, name: String) {
        let _ = write!(self.text, "<{name}");
        if !std::mem::replace(&mut self.declared, true) {
            for (namespace, prefix) in PREFIXES {
                let _ = write!(self.text, " xmlns:{prefix}=\"{namespace}\"");
            }
        }
        self.open.push(name);
    }

    fn attribute(&mut self, name: &str, value: &str) {
        // A white space that is not a blank would come back as one.
        let value = escape(value).replace('\n', "&#10;").replace('\t', "&#9;").replace('\r', "&#13;");
        let _ = write!(self.text, " {name}=\"{value}\"");
    }

    pub(crate) fn open(&mut self, name: (&str, &str)) {
        self.open_with(name, &[]);
    }

    pub(crate) fn open_with(&mut self, name: (&str, &str), attributes: &[(&str, &str)]) {
        self.begin(self.named(name));
        for (name, value) in attributes {
            self.attribute(name, value);
        }
        self.text.push('>');
    }

    pub(crate) fn close(&mut self) {
        if let Some(name) = self.open.pop() {
            let _ = write!(self.text, "</{name}>");
        }
    }

    pub(crate) fn text(&mut self, text: &str) {
        self.text.push_str(&escape(text).replace('\r', "&#13;"));
    }

    pub(crate) fn leaf(&mut self, name: (&str, &str), text: &str) {
        self.leaf_with(name, &[], text);
    }

    pub(crate) fn leaf_with(&mut self, name: (&str, &str), attributes: &[(&str, &str)], text: &str) {
        self.open_with(name, attributes);
        self.text(text);
        self.close();
    }

    pub(crate) fn optional(&mut self, name: (&str, &str), text: Option<&str>) {
        if let Some(text) = text {
            self.leaf(name, text);
        }
    }

    /// XML that is written already, with its namespaces declared in it.
    pub(crate) fn raw(&mut self, xml: &str) {
        self.text.push_str(xml);
    }

    /// An element of somebody else: its namespaces are declared on it.
    pub(crate) fn element(&mut self, element: &Element) {
        let known = self.prefix(&element.namespace);
        let local = &element.local;
        if known.is_empty() {
            self.begin(local.to_string());
            self.attribute("xmlns", &element.namespace);
        } else {
            self.begin(format!("{known}:{local}"));
        }
        for (number, attribute) in element.attributes.iter().enumerate() {
            let (namespace, local) = (&*attribute.namespace, &attribute.local);
            let prefix = match (namespace, self.prefix(namespace)) {
                ("", _) => String::new(),
                (XML, _) => "xml:".to_owned(),
                (_, "") => {
                    self.attribute(&format!("xmlns:a{number}"), namespace);
                    format!("a{number}:")
                }
                (_, known) => format!("{known}:"),
            };
            self.attribute(&format!("{prefix}{local}"), &attribute.value);
        }
        self.text.push('>');
        self.text(&element.text);
        element.children.iter().for_each(|child| self.element(child));
        self.close();
    }

    /// What was written so far, and an empty sheet for what follows.
    pub(crate) fn cut(&mut self) -> String {
        std::mem::take(&mut self.text)
    }

    pub(crate) fn finish(mut self) -> String {
        while !self.open.is_empty() {
            self.close();
        }
        self.text
    }
}
