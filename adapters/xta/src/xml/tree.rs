//! Trees of what is small: header blocks and the bodies that carry no content.

use super::{Position, Tag, Token};

/// An attribute.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attribute {
    /// Its namespace, empty for none.
    pub namespace: Box<str>,
    /// Its local name.
    pub local: Box<str>,
    /// Its value.
    pub value: Box<str>,
}

/// An element with all below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Element {
    /// Its namespace, empty for none.
    pub namespace: Box<str>,
    /// Its local name.
    pub local: Box<str>,
    /// Its attributes; declarations of namespaces are not among them.
    pub attributes: Vec<Attribute>,
    /// The elements in it.
    pub children: Vec<Element>,
    /// The text in it, that of its children left out.
    pub text: String,
    /// Where its start tag ends.
    pub position: Position,
}

impl Element {
    pub(crate) fn of(tag: Tag, position: Position) -> Self {
        let attribute = |(namespace, local, value): (String, String, String)| Attribute {
            namespace: namespace.into(),
            local: local.into(),
            value: value.into(),
        };
        Self {
            namespace: tag.namespace.into(),
            local: tag.local.into(),
            attributes: tag.attributes.into_iter().map(attribute).collect(),
            children: Vec::new(),
            text: String::new(),
            position,
        }
    }

    /// Whether it has this name.
    pub fn is(&self, (namespace, local): (&str, &str)) -> bool {
        &*self.namespace == namespace && &*self.local == local
    }

    /// The first child of this name.
    pub fn child(&self, name: (&str, &str)) -> Option<&Self> {
        self.children.iter().find(|child| child.is(name))
    }

    /// All children of this name.
    pub fn all<'a>(&'a self, name: (&'a str, &'a str)) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.is(name))
    }

    /// The first descendant that these names lead to.
    pub fn path(&self, names: &[(&str, &str)]) -> Option<&Self> {
        names.iter().try_fold(self, |element, name| element.child(*name))
    }

    /// The value of an attribute without namespace.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        let found = self.attributes.iter().find(|it| it.namespace.is_empty() && &*it.local == name);
        found.map(|it| &*it.value)
    }

    /// Its text without white space around it.
    pub fn trimmed(&self) -> &str {
        self.text.trim_matches([' ', '\t', '\r', '\n'])
    }
}

/// Makes an element of the tokens that follow its start tag.
pub(crate) struct Builder {
    open: Vec<Element>,
}

impl Builder {
    pub(crate) fn new(tag: Tag, position: Position) -> Self {
        Self { open: vec![Element::of(tag, position)] }
    }

    /// Takes the next token; the element, once its end tag has come.
    pub(crate) fn take(&mut self, token: Token, position: Position) -> Option<Element> {
        match token {
            Token::Start(tag) => self.open.push(Element::of(tag, position)),
            Token::Text(piece) => {
                if let Some(open) = self.open.last_mut() {
                    open.text.push_str(&String::from_utf8_lossy(&piece));
                }
            }
            Token::End => {
                let ended = self.open.pop()?;
                match self.open.last_mut() {
                    Some(parent) => parent.children.push(ended),
                    None => return Some(ended),
                }
            }
        }
        None
    }
}
