//! The functions and structures of libxml2 2.9 and libxslt 1.1 that are used, as their headers declare them.

use std::ffi::{c_char, c_double, c_int, c_long, c_longlong, c_ulong, c_void};
use std::mem::offset_of;

pub(super) const ELEMENT: c_int = 1;
pub(super) const ATTRIBUTE: c_int = 2;
pub(super) const TEXT: c_int = 3;
pub(super) const CDATA: c_int = 4;

/// `xmlNode`, as far as it is read here. `content` belongs to text nodes, `properties` and `ns_def` to elements.
#[repr(C)]
pub struct XmlNode {
    private: *mut c_void,
    pub(super) kind: c_int,
    pub(super) name: *const c_char,
    pub(super) children: *mut XmlNode,
    last: *mut XmlNode,
    pub(super) parent: *mut XmlNode,
    pub(super) next: *mut XmlNode,
    prev: *mut XmlNode,
    pub(super) doc: *mut XmlDoc,
    pub(super) ns: *const XmlNs,
    pub(super) content: *const c_char,
    pub(super) properties: *const XmlAttr,
    pub(super) ns_def: *const XmlNs,
}

/// `xmlAttr`.
#[repr(C)]
pub struct XmlAttr {
    private: *mut c_void,
    kind: c_int,
    pub(super) name: *const c_char,
    pub(super) children: *mut XmlNode,
    last: *mut XmlNode,
    parent: *mut XmlNode,
    pub(super) next: *const XmlAttr,
    prev: *const XmlAttr,
    doc: *mut XmlDoc,
    pub(super) ns: *const XmlNs,
}

/// `xmlNs`.
#[repr(C)]
pub struct XmlNs {
    pub(super) next: *const XmlNs,
    kind: c_int,
    pub(super) href: *const c_char,
    pub(super) prefix: *const c_char,
}

// The shim asserts the same numbers against the headers.
const _: () = {
    assert!(
        offset_of!(XmlNode, kind) == 8
            && offset_of!(XmlNode, name) == 16
            && offset_of!(XmlNode, children) == 24
    );
    assert!(
        offset_of!(XmlNode, parent) == 40
            && offset_of!(XmlNode, next) == 48
            && offset_of!(XmlNode, doc) == 64
    );
    assert!(offset_of!(XmlNode, ns) == 72 && offset_of!(XmlNode, content) == 80);
    assert!(offset_of!(XmlNode, properties) == 88 && offset_of!(XmlNode, ns_def) == 96);
    assert!(
        offset_of!(XmlAttr, children) == 24
            && offset_of!(XmlAttr, next) == 48
            && offset_of!(XmlAttr, ns) == 72
    );
    assert!(offset_of!(XmlNs, next) == 0 && offset_of!(XmlNs, href) == 16 && offset_of!(XmlNs, prefix) == 24);
};

macro_rules! opaque {
    ($($name:ident)*) => { $(
        #[doc = "Known by its address only."]
        #[repr(C)]
        pub struct $name { private: [u8; 0] }
    )* };
}
opaque!(XmlDoc XmlSchema SchemaParser SchemaValidator Style XPathContext XPathCompiled Security);

/// `xmlXPathObject`, up to its string value.
#[repr(C)]
pub struct XPathObject {
    pub(super) kind: c_int,
    pub(super) nodes: *const NodeSet,
    boolean: c_int,
    number: c_double,
    string: *const c_char,
}

/// `xmlNodeSet`, up to its length.
#[repr(C)]
pub struct NodeSet {
    pub(super) length: c_int,
}

/// Called with each piece of output; returns how much it took, or -1.
pub type Write = extern "C" fn(*mut c_void, *const c_char, c_int) -> c_int;

unsafe extern "C" {
    pub(super) fn rohrpost_start() -> *mut Security;
    pub(super) fn rohrpost_enter();
    pub(super) fn rohrpost_stack_left() -> usize;
    pub(super) fn rohrpost_parse(bytes: *const c_char, length: c_int, url: *const c_char) -> *mut XmlDoc;
    pub(super) fn rohrpost_parse_to_read(bytes: *const c_char, length: c_int) -> *mut XmlDoc;
    pub(super) fn rohrpost_check(bytes: *const c_char, length: c_int) -> c_int;
    pub(super) fn rohrpost_free(memory: *mut c_void);
    pub(super) fn rohrpost_url(doc: *mut XmlDoc) -> *const c_char;
    pub(super) fn rohrpost_params(
        style: *mut Style,
        names: *mut c_void,
        each: extern "C" fn(*mut c_void, *const c_char),
    );
    pub(super) fn rohrpost_errors(style: *mut Style) -> c_int;
    pub(super) fn rohrpost_indents(style: *mut Style) -> c_int;
    pub(super) fn rohrpost_transform(
        style: *mut Style,
        doc: *mut XmlDoc,
        params: *const *const c_char,
        operations: c_ulong,
        depth: c_int,
        memory: c_longlong,
        made: *mut *mut XmlDoc,
    ) -> c_int;
    pub(super) fn rohrpost_form(
        style: *mut Style,
        encoding: *mut *const c_char,
        omitted: *mut c_int,
        standalone: *mut c_int,
        indent: *mut c_int,
    ) -> c_int;
    pub(super) fn rohrpost_save(
        style: *mut Style,
        made: *mut XmlDoc,
        output: *mut c_void,
        write: Write,
    ) -> c_int;
    pub(super) fn rohrpost_xpath_limit(context: *mut XPathContext, operations: c_ulong);

    pub(super) fn xmlFreeDoc(doc: *mut XmlDoc);
    pub(super) fn xmlCopyDoc(doc: *mut XmlDoc, recursive: c_int) -> *mut XmlDoc;
    pub(super) fn xmlDocGetRootElement(doc: *mut XmlDoc) -> *mut XmlNode;
    pub(super) fn xmlDocCopyNode(node: *mut XmlNode, doc: *mut XmlDoc, extended: c_int) -> *mut XmlNode;
    pub(super) fn xmlNewDoc(version: *const c_char) -> *mut XmlDoc;
    pub(super) fn xmlDocSetRootElement(doc: *mut XmlDoc, root: *mut XmlNode) -> *mut XmlNode;
    pub(super) fn xmlAddChild(parent: *mut XmlNode, child: *mut XmlNode) -> *mut XmlNode;
    pub(super) fn xmlUnlinkNode(node: *mut XmlNode);
    pub(super) fn xmlFreeNode(node: *mut XmlNode);
    pub(super) fn xmlGetLineNo(node: *const XmlNode) -> c_long;
    pub(super) fn xmlNodeGetContent(node: *const XmlNode) -> *mut c_char;
    pub(super) fn xmlDocDumpMemoryEnc(
        doc: *mut XmlDoc,
        text: *mut *mut c_char,
        length: *mut c_int,
        encoding: *const c_char,
    );
    pub(super) fn xmlC14NDocDumpMemory(
        doc: *mut XmlDoc,
        nodes: *const NodeSet,
        mode: c_int,
        prefixes: *const *const c_char,
        comments: c_int,
        text: *mut *mut c_char,
    ) -> c_int;

    pub(super) fn xmlSchemaNewParserCtxt(url: *const c_char) -> *mut SchemaParser;
    pub(super) fn xmlSchemaFreeParserCtxt(parser: *mut SchemaParser);
    pub(super) fn xmlSchemaParse(parser: *mut SchemaParser) -> *mut XmlSchema;
    pub(super) fn xmlSchemaFree(schema: *mut XmlSchema);
    pub(super) fn xmlSchemaNewValidCtxt(schema: *mut XmlSchema) -> *mut SchemaValidator;
    pub(super) fn xmlSchemaFreeValidCtxt(validator: *mut SchemaValidator);
    pub(super) fn xmlSchemaValidateOneElement(
        validator: *mut SchemaValidator,
        element: *mut XmlNode,
    ) -> c_int;

    pub(super) fn xsltParseStylesheetDoc(doc: *mut XmlDoc) -> *mut Style;
    pub(super) fn xsltFreeStylesheet(style: *mut Style);

    pub(super) fn xmlXPathNewContext(doc: *mut XmlDoc) -> *mut XPathContext;
    pub(super) fn xmlXPathFreeContext(context: *mut XPathContext);
    pub(super) fn xmlXPathRegisterNs(
        context: *mut XPathContext,
        prefix: *const c_char,
        uri: *const c_char,
    ) -> c_int;
    pub(super) fn xmlXPathRegisterVariable(
        context: *mut XPathContext,
        name: *const c_char,
        value: *mut XPathObject,
    ) -> c_int;
    pub(super) fn xmlXPathNewString(value: *const c_char) -> *mut XPathObject;
    pub(super) fn xmlXPathSetContextNode(node: *mut XmlNode, context: *mut XPathContext) -> c_int;
    pub(super) fn xmlXPathCtxtCompile(
        context: *mut XPathContext,
        expression: *const c_char,
    ) -> *mut XPathCompiled;
    pub(super) fn xmlXPathFreeCompExpr(compiled: *mut XPathCompiled);
    pub(super) fn xmlXPathCompiledEval(
        compiled: *mut XPathCompiled,
        context: *mut XPathContext,
    ) -> *mut XPathObject;
    pub(super) fn xmlXPathCastToBoolean(value: *mut XPathObject) -> c_int;
    pub(super) fn xmlXPathCastToString(value: *mut XPathObject) -> *mut c_char;
    pub(super) fn xmlXPathFreeObject(value: *mut XPathObject);
}

/// The type of `error->offset` in the shim.
pub(super) type Offset = c_long;
