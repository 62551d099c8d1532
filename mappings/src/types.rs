//! Where a schema says xs:ID, xs:IDREF, xs:IDREFS and xs:base64Binary.
//!
//! libxml2 accepts a repeated xs:ID, an xs:IDREF that leads nowhere and stray characters in xs:base64Binary. So this
//! reads the declarations from the schema's text and resolves them along (type, name). It is an approximation: a name
//! means one type within its parent's type (XML Schema demands that, "Element Declarations Consistent"), a union is
//! never one of the four, `xs:redefine` is not followed.

use crate::ffi::{Doc, Files, Node};
use std::collections::{BTreeSet, HashMap};

const XS: &str = "http://www.w3.org/2001/XMLSchema";

/// A name with its namespace (empty for none).
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Name {
    pub(crate) namespace: String,
    pub(crate) local: String,
}

impl Name {
    pub(crate) fn new(namespace: &str, local: &str) -> Self {
        Self { namespace: namespace.to_owned(), local: local.to_owned() }
    }
}

/// A type that needs a look of our own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Special {
    Id,
    IdRef,
    IdRefs,
    Base64,
}

/// A type, by name or by its place in [`Types`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TypeRef {
    Named(Name),
    Inline(usize),
    Any,
}

#[derive(Default)]
struct Type {
    /// The type it restricts or extends; the item type, if it is a list.
    base: Option<TypeRef>,
    list: bool,
    children: HashMap<Name, TypeRef>,
    attributes: HashMap<Name, TypeRef>,
    /// Elements, attributes and groups that are declared elsewhere.
    element_refs: Vec<Name>,
    attribute_refs: Vec<Name>,
    groups: Vec<Name>,
    attribute_groups: Vec<Name>,
}

/// The declarations of a schema with all it includes and imports.
#[derive(Default)]
pub(crate) struct Types {
    all: Vec<Type>,
    named: HashMap<Name, usize>,
    elements: HashMap<Name, TypeRef>,
    attributes: HashMap<Name, TypeRef>,
    groups: HashMap<Name, usize>,
    attribute_groups: HashMap<Name, usize>,
    special: bool,
}

/// Inheritance and groups nest far less; a circle ends here.
const MAX_STEPS: u32 = 64;

impl Types {
    /// Reads the files of a schema that compiled.
    pub(crate) fn read(files: &Files, loaded: &BTreeSet<String>) -> Self {
        let docs: Vec<_> = loaded.iter().filter_map(|path| Doc::parse(files.get(path)?, None).ok()).collect();
        let roots: Vec<_> = docs.iter().filter_map(Doc::root).collect();
        let target = |root: &Node<'_>| root.attribute("targetNamespace").unwrap_or_default();
        let namespaces: BTreeSet<_> = roots.iter().map(target).collect();
        let mut types = Self::default();
        for root in &roots {
            match target(root).as_str() {
                // A file without a namespace takes on that of the file that includes it; which one is not looked up.
                "" => namespaces.iter().for_each(|namespace| types.read_file(*root, namespace)),
                namespace => types.read_file(*root, namespace),
            }
        }
        types
    }

    /// Whether the schema names one of the special types at all.
    pub(crate) fn has_special(&self) -> bool {
        self.special
    }

    fn read_file(&mut self, root: Node<'_>, namespace: &str) {
        let mut file = File { types: self, namespace, qualified: QualifiedByDefault::of(root) };
        for declaration in root.elements() {
            file.top_level(declaration);
        }
    }

    /// The type of an element that is declared at the top level.
    pub(crate) fn element(&self, name: &Name) -> Option<&TypeRef> {
        self.elements.get(name)
    }

    /// The type of the child `name` of an element of type `parent`.
    pub(crate) fn child(&self, parent: &TypeRef, name: &Name) -> Option<&TypeRef> {
        self.find(parent, MAX_STEPS, &|types, owner, steps| types.child_of(owner, name, steps))
            .or_else(|| self.element(name))
    }

    /// What the attribute `name` of an element of type `owner` is.
    pub(crate) fn attribute(&self, owner: &TypeRef, name: &Name) -> Option<Special> {
        let found =
            self.find(owner, MAX_STEPS, &|types, owner, steps| types.attribute_of(owner, name, steps));
        self.special(found?)
    }

    /// What the text of an element of this type is.
    pub(crate) fn special(&self, of: &TypeRef) -> Option<Special> {
        let mut next = Some(of);
        let mut list = false;
        for _ in 0..MAX_STEPS {
            match next? {
                TypeRef::Named(name) if name.namespace == XS => return builtin(&name.local, list),
                reference => {
                    let found = self.get(reference)?;
                    list |= found.list;
                    next = found.base.as_ref();
                }
            }
        }
        None
    }

    fn get(&self, reference: &TypeRef) -> Option<&Type> {
        match reference {
            TypeRef::Named(name) => self.all.get(*self.named.get(name)?),
            TypeRef::Inline(index) => self.all.get(*index),
            TypeRef::Any => None,
        }
    }

    /// Asks a type, then what it restricts or extends.
    fn find<'t>(
        &'t self,
        reference: &TypeRef,
        steps: u32,
        ask: &dyn Fn(&'t Self, &'t Type, u32) -> Option<&'t TypeRef>,
    ) -> Option<&'t TypeRef> {
        let steps = steps.checked_sub(1)?;
        let found = self.get(reference)?;
        ask(self, found, steps).or_else(|| self.find(found.base.as_ref()?, steps, ask))
    }

    fn child_of<'t>(&'t self, owner: &'t Type, name: &Name, steps: u32) -> Option<&'t TypeRef> {
        let steps = steps.checked_sub(1)?;
        let by_ref = || owner.element_refs.contains(name).then(|| self.element(name)).flatten();
        let in_group = |group| self.child_of(self.all.get(*self.groups.get(group)?)?, name, steps);
        owner.children.get(name).or_else(by_ref).or_else(|| owner.groups.iter().find_map(in_group))
    }

    fn attribute_of<'t>(&'t self, owner: &'t Type, name: &Name, steps: u32) -> Option<&'t TypeRef> {
        let steps = steps.checked_sub(1)?;
        let by_ref = || owner.attribute_refs.contains(name).then(|| self.attributes.get(name)).flatten();
        let in_group =
            |group| self.attribute_of(self.all.get(*self.attribute_groups.get(group)?)?, name, steps);
        owner
            .attributes
            .get(name)
            .or_else(by_ref)
            .or_else(|| owner.attribute_groups.iter().find_map(in_group))
    }
}

fn builtin(name: &str, list: bool) -> Option<Special> {
    match name {
        "ID" => Some(Special::Id),
        "IDREF" if list => Some(Special::IdRefs),
        "IDREF" => Some(Special::IdRef),
        "IDREFS" => Some(Special::IdRefs),
        "base64Binary" if !list => Some(Special::Base64),
        _ => None,
    }
}

#[derive(Clone, Copy)]
struct QualifiedByDefault {
    elements: bool,
    attributes: bool,
}

impl QualifiedByDefault {
    fn of(root: Node<'_>) -> Self {
        let qualified = |name| root.attribute(name).as_deref() == Some("qualified");
        Self { elements: qualified("elementFormDefault"), attributes: qualified("attributeFormDefault") }
    }
}

/// One schema file while it is read.
struct File<'t> {
    types: &'t mut Types,
    namespace: &'t str,
    qualified: QualifiedByDefault,
}

impl File<'_> {
    fn top_level(&mut self, node: Node<'_>) {
        let Some(name) = node.attribute("name").map(|name| Name::new(self.namespace, &name)) else {
            return;
        };
        match node.name() {
            "element" => {
                let of = self.type_of(node);
                self.types.elements.insert(name, of);
            }
            "attribute" => {
                let of = self.type_of(node);
                self.types.attributes.insert(name, of);
            }
            "complexType" | "simpleType" => {
                let index = self.add(node);
                self.types.named.insert(name, index);
            }
            "group" => {
                let index = self.add(node);
                self.types.groups.insert(name, index);
            }
            "attributeGroup" => {
                let index = self.add(node);
                self.types.attribute_groups.insert(name, index);
            }
            _ => {}
        }
    }

    /// The type that a declaration names or holds. Without one an element has the type of the head that it can replace.
    fn type_of(&mut self, node: Node<'_>) -> TypeRef {
        if let Some(name) = self.reference(node, "type") {
            return TypeRef::Named(name);
        }
        if let Some(inline) =
            node.elements().find(|child| matches!(child.name(), "complexType" | "simpleType"))
        {
            return TypeRef::Inline(self.add(inline));
        }
        let head = self.reference(node, "substitutionGroup");
        head.and_then(|head| self.types.elements.get(&head).cloned()).unwrap_or(TypeRef::Any)
    }

    fn add(&mut self, node: Node<'_>) -> usize {
        let index = self.types.all.len();
        self.types.all.push(Type::default());
        let mut made = Type::default();
        for child in node.elements() {
            self.content(child, &mut made);
        }
        self.types.all[index] = made;
        index
    }

    fn content(&mut self, node: Node<'_>, into: &mut Type) {
        match node.name() {
            "element" => self.element(node, into),
            "attribute" => self.attribute(node, into),
            "group" => into.groups.extend(self.reference(node, "ref")),
            "attributeGroup" => into.attribute_groups.extend(self.reference(node, "ref")),
            "restriction" | "extension" => {
                into.base = self.reference(node, "base").map(TypeRef::Named).or_else(|| self.inline(node));
                node.elements().for_each(|child| self.content(child, into));
            }
            "list" => {
                into.list = true;
                into.base =
                    self.reference(node, "itemType").map(TypeRef::Named).or_else(|| self.inline(node));
            }
            "sequence" | "choice" | "all" | "complexContent" | "simpleContent" => {
                node.elements().for_each(|child| self.content(child, into));
            }
            _ => {}
        }
    }

    fn inline(&mut self, node: Node<'_>) -> Option<TypeRef> {
        let inline = node.elements().find(|child| child.name() == "simpleType")?;
        Some(TypeRef::Inline(self.add(inline)))
    }

    fn element(&mut self, node: Node<'_>, into: &mut Type) {
        if let Some(name) = self.local_name(node, self.qualified.elements) {
            let of = self.type_of(node);
            into.children.insert(name, of);
        } else {
            into.element_refs.extend(self.reference(node, "ref"));
        }
    }

    fn attribute(&mut self, node: Node<'_>, into: &mut Type) {
        if let Some(name) = self.local_name(node, self.qualified.attributes) {
            let of = self.type_of(node);
            into.attributes.insert(name, of);
        } else {
            into.attribute_refs.extend(self.reference(node, "ref"));
        }
    }

    fn local_name(&self, node: Node<'_>, by_default: bool) -> Option<Name> {
        let qualified = node.attribute("form").map_or(by_default, |form| form == "qualified");
        let name = node.attribute("name")?;
        Some(Name::new(if qualified { self.namespace } else { "" }, &name))
    }

    /// The qualified name in an attribute.
    fn reference(&mut self, node: Node<'_>, attribute: &str) -> Option<Name> {
        let value = node.attribute(attribute)?;
        let (prefix, local) = value.trim().split_once(':').unwrap_or(("", value.trim()));
        let namespace = node.resolve(prefix);
        let name = Name::new(namespace.unwrap_or(self.namespace), local);
        self.types.special |= name.namespace == XS && builtin(local, false).is_some();
        Some(name)
    }
}
