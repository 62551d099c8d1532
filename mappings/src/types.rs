//! Where a schema says xs:ID, xs:IDREF, xs:IDREFS and xs:base64Binary.
//!
//! libxml2 accepts a repeated xs:ID, an xs:IDREF that leads nowhere and stray characters in xs:base64Binary. So this
//! reads the declarations from the schema's text and resolves them along (type, name). It is an approximation: a name
//! means one type within its parent's type (XML Schema demands that, "Element Declarations Consistent"), a union is
//! never one of the four, `xs:redefine` is not followed.

use crate::ffi::{Doc, Files, Node};
use std::collections::{BTreeSet, HashMap, HashSet};

const XS: &str = "http://www.w3.org/2001/XMLSchema";

/// The built-in types that white space means something to, or may mean something.
const KEEP_SPACE: [&str; 4] = ["string", "normalizedString", "anyType", "anySimpleType"];

/// A qualified name that a schema mentions. Numbers, because a document's names are looked up often.
type NameId = u32;

#[derive(Default)]
struct Names {
    /// By local name: namespace (empty for none) and number.
    known: HashMap<String, Vec<(String, NameId)>>,
    count: NameId,
    /// The built-in types that need a look.
    special: HashMap<NameId, Special>,
    /// The built-in types whose values have no white space around them.
    collapsing: HashSet<NameId>,
    boolean: Option<NameId>,
}

impl Names {
    fn find(&self, namespace: &str, local: &str) -> Option<NameId> {
        self.known.get(local)?.iter().find(|(known, _)| known == namespace).map(|(_, id)| *id)
    }

    fn add(&mut self, namespace: &str, local: &str) -> NameId {
        if let Some(id) = self.find(namespace, local) {
            return id;
        }
        let id = self.count;
        self.count += 1;
        self.known.entry(local.to_owned()).or_default().push((namespace.to_owned(), id));
        if let Some(special) = builtin(local).filter(|_| namespace == XS) {
            self.special.insert(id, special);
        }
        if namespace == XS && !KEEP_SPACE.contains(&local) {
            self.collapsing.insert(id);
        }
        if (namespace, local) == (XS, "boolean") {
            self.boolean = Some(id);
        }
        id
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TypeRef {
    Named(NameId),
    Inline(usize),
    Any,
}

#[derive(Default)]
struct Type {
    /// The type it restricts or extends; the item type, if it is a list.
    base: Option<TypeRef>,
    list: bool,
    children: HashMap<NameId, TypeRef>,
    attributes: HashMap<NameId, TypeRef>,
    /// Elements, attributes and groups that are declared elsewhere.
    element_refs: Vec<NameId>,
    attribute_refs: Vec<NameId>,
    groups: Vec<NameId>,
    attribute_groups: Vec<NameId>,
}

/// The declarations of a schema with all it includes and imports.
#[derive(Default)]
pub(crate) struct Types {
    names: Names,
    all: Vec<Type>,
    named: HashMap<NameId, usize>,
    elements: HashMap<NameId, TypeRef>,
    attributes: HashMap<NameId, TypeRef>,
    groups: HashMap<NameId, usize>,
    attribute_groups: HashMap<NameId, usize>,
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
        !self.names.special.is_empty()
    }

    fn read_file(&mut self, root: Node<'_>, namespace: &str) {
        let mut file = File { types: self, namespace, qualified: QualifiedByDefault::of(root) };
        for declaration in root.elements() {
            file.top_level(declaration);
        }
    }

    /// The type of an element that is declared at the top level.
    pub(crate) fn element(&self, namespace: &str, local: &str) -> TypeRef {
        let name = self.names.find(namespace, local);
        name.and_then(|name| self.elements.get(&name)).copied().unwrap_or(TypeRef::Any)
    }

    /// The type with this name.
    pub(crate) fn named(&self, namespace: &str, local: &str) -> TypeRef {
        self.names.find(namespace, local).map_or(TypeRef::Any, TypeRef::Named)
    }

    /// The type of a child of an element of type `parent`.
    pub(crate) fn child(&self, parent: TypeRef, namespace: &str, local: &str) -> TypeRef {
        let Some(name) = self.names.find(namespace, local) else {
            return TypeRef::Any;
        };
        let declared = self.up(parent).find_map(|owner| self.child_of(owner, name, MAX_STEPS));
        declared.or_else(|| self.elements.get(&name).copied()).unwrap_or(TypeRef::Any)
    }

    /// What an attribute of an element of type `owner` is.
    pub(crate) fn attribute(&self, owner: TypeRef, namespace: &str, local: &str) -> Option<Special> {
        self.special(self.attribute_type(owner, namespace, local)?)
    }

    /// Whether white space around the value of such an attribute means nothing.
    pub(crate) fn attribute_collapses(&self, owner: TypeRef, namespace: &str, local: &str) -> bool {
        self.attribute_type(owner, namespace, local).is_some_and(|of| self.collapses(of))
    }

    /// Whether white space around the text of an element of this type means nothing.
    pub(crate) fn collapses(&self, of: TypeRef) -> bool {
        matches!(self.origin(of), TypeRef::Named(name) if self.names.collapsing.contains(&name))
    }

    /// Whether an element of this type holds an xs:boolean.
    pub(crate) fn is_boolean(&self, of: TypeRef) -> bool {
        matches!(self.origin(of), TypeRef::Named(name) if self.names.boolean == Some(name))
    }

    fn attribute_type(&self, owner: TypeRef, namespace: &str, local: &str) -> Option<TypeRef> {
        let name = self.names.find(namespace, local)?;
        self.up(owner).find_map(|owner| self.attribute_of(owner, name, MAX_STEPS))
    }

    /// The type that a type is made of in the end.
    fn origin(&self, of: TypeRef) -> TypeRef {
        self.up(of).last().and_then(|owner| owner.base).unwrap_or(of)
    }

    /// What the text of an element of this type is.
    pub(crate) fn special(&self, of: TypeRef) -> Option<Special> {
        let list = self.up(of).any(|owner| owner.list);
        let TypeRef::Named(name) = self.origin(of) else { return None };
        match self.names.special.get(&name)? {
            Special::IdRef if list => Some(Special::IdRefs),
            Special::IdRefs => Some(Special::IdRefs),
            special => Some(*special).filter(|_| !list),
        }
    }

    fn get(&self, reference: TypeRef) -> Option<&Type> {
        match reference {
            TypeRef::Named(name) => self.all.get(*self.named.get(&name)?),
            TypeRef::Inline(index) => self.all.get(index),
            TypeRef::Any => None,
        }
    }

    /// A type, then what it restricts or extends, and so on.
    fn up(&self, reference: TypeRef) -> impl Iterator<Item = &Type> {
        let chain = std::iter::successors(self.get(reference), |of| self.get(of.base?));
        chain.take(MAX_STEPS as usize)
    }

    fn child_of(&self, owner: &Type, name: NameId, steps: u32) -> Option<TypeRef> {
        let steps = steps.checked_sub(1)?;
        let by_ref =
            || owner.element_refs.contains(&name).then(|| self.elements.get(&name).copied()).flatten();
        let in_group = |group: &NameId| self.child_of(self.all.get(*self.groups.get(group)?)?, name, steps);
        owner.children.get(&name).copied().or_else(by_ref).or_else(|| owner.groups.iter().find_map(in_group))
    }

    fn attribute_of(&self, owner: &Type, name: NameId, steps: u32) -> Option<TypeRef> {
        let steps = steps.checked_sub(1)?;
        let by_ref =
            || owner.attribute_refs.contains(&name).then(|| self.attributes.get(&name).copied()).flatten();
        let in_group = |group: &NameId| {
            self.attribute_of(self.all.get(*self.attribute_groups.get(group)?)?, name, steps)
        };
        owner
            .attributes
            .get(&name)
            .copied()
            .or_else(by_ref)
            .or_else(|| owner.attribute_groups.iter().find_map(in_group))
    }
}

fn builtin(name: &str) -> Option<Special> {
    match name {
        "ID" => Some(Special::Id),
        "IDREF" => Some(Special::IdRef),
        "IDREFS" => Some(Special::IdRefs),
        "base64Binary" => Some(Special::Base64),
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
        let Some(name) = node.attribute("name").map(|name| self.types.names.add(self.namespace, &name))
        else {
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
        head.and_then(|head| self.types.elements.get(&head).copied()).unwrap_or(TypeRef::Any)
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

    fn local_name(&mut self, node: Node<'_>, by_default: bool) -> Option<NameId> {
        let qualified = node.attribute("form").map_or(by_default, |form| form == "qualified");
        let name = node.attribute("name")?;
        Some(self.types.names.add(if qualified { self.namespace } else { "" }, &name))
    }

    /// The qualified name in an attribute.
    fn reference(&mut self, node: Node<'_>, attribute: &str) -> Option<NameId> {
        let value = node.attribute(attribute)?;
        let (prefix, local) = value.trim().split_once(':').unwrap_or(("", value.trim()));
        Some(self.types.names.add(node.resolve(prefix).unwrap_or(self.namespace), local))
    }
}
