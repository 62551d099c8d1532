//! XPath 1.0 expressions.

use super::document::Doc;
use super::raw;
use super::report::{Event, Session, c_string};
use super::taken;
use std::collections::BTreeMap;

/// A question to a document.
pub(crate) struct Query<'q> {
    pub(crate) expression: &'q str,
    /// Prefix → namespace.
    pub(crate) namespaces: &'q BTreeMap<String, String>,
    /// Strings that the expression can name as `$name`.
    pub(crate) variables: &'q [(&'q str, &'q str)],
    /// How many steps the evaluation may take.
    pub(crate) operations: u64,
}

/// The answer.
pub(crate) struct Evaluated {
    /// As XPath's `boolean()` sees it.
    pub(crate) truth: bool,
    /// As XPath's `string()` sees it.
    pub(crate) text: String,
    /// Whether it is a node set without nodes.
    pub(crate) empty: bool,
}

struct Context(*mut raw::XPathContext);

impl Drop for Context {
    fn drop(&mut self) {
        // SAFETY: owned by this value.
        unsafe { raw::xmlXPathFreeContext(self.0) }
    }
}

impl Query<'_> {
    /// Evaluates with the document as the context node. An error is libxml2's text; it quotes the expression, no content.
    pub(crate) fn ask(&self, doc: &Doc) -> Result<Evaluated, String> {
        let session = Session::begin(None);
        let answer = self.evaluate(doc);
        let collected = session.finish();
        answer.ok_or_else(|| {
            let first = collected.events.into_iter().find_map(|event| match event {
                Event::Error(report) => Some(report.message.trim_end().to_owned()),
                Event::Text(..) => None,
            });
            first.unwrap_or_else(|| "the expression cannot be evaluated".into())
        })
    }

    fn evaluate(&self, doc: &Doc) -> Option<Evaluated> {
        let _reading = doc.reading();
        // SAFETY: a living document; the context is freed on drop.
        let context = Context(unsafe { raw::xmlXPathNewContext(doc.raw()) });
        if context.0.is_null() {
            return None;
        }
        self.fill(&context, doc);
        let expression = c_string(self.expression);
        // SAFETY: the context lives, the expression is NUL-terminated; compiled form and object are freed once and not
        // used afterwards. The object's node set is read before, while object and document live.
        unsafe {
            let compiled = raw::xmlXPathCtxtCompile(context.0, expression.as_ptr());
            if compiled.is_null() {
                return None;
            }
            let object = raw::xmlXPathCompiledEval(compiled, context.0);
            raw::xmlXPathFreeCompExpr(compiled);
            let result = object.as_ref()?;
            const NODE_SET: i32 = 1;
            let empty =
                result.kind == NODE_SET && result.nodes.as_ref().is_none_or(|nodes| nodes.length == 0);
            let truth = raw::xmlXPathCastToBoolean(object) == 1;
            let text = taken(raw::xmlXPathCastToString(object));
            raw::xmlXPathFreeObject(object);
            Some(Evaluated { truth, text, empty })
        }
    }

    fn fill(&self, context: &Context, doc: &Doc) {
        // SAFETY: the context lives; every text is NUL-terminated and copied by libxml2, which takes over the new
        // string object. A document is a node.
        unsafe {
            raw::xmlXPathSetContextNode(doc.raw().cast(), context.0);
            raw::rohrpost_xpath_limit(context.0, self.operations);
            for (prefix, namespace) in self.namespaces {
                raw::xmlXPathRegisterNs(context.0, c_string(prefix).as_ptr(), c_string(namespace).as_ptr());
            }
            for (name, value) in self.variables {
                let value = raw::xmlXPathNewString(c_string(value).as_ptr());
                raw::xmlXPathRegisterVariable(context.0, c_string(name).as_ptr(), value);
            }
        }
    }
}
