//! Rules as a stylesheet. Every tag of it stands on a line of its own, and of each line it is known what in the rules it was
//! made of, so that what libxslt says of a line becomes a fault of the rules.
//!
//! A pattern becomes a mode. Its rules are templates, the first with the highest priority, so the first that matches takes
//! the node. The way through the document is written out: each element hands down where it stands, because a look back at
//! all siblings before a node would cost more than the whole way.

use super::expression::{self, CARRIED, Named, names};
use super::tree::{Content, Element, Kind, Place};
use crate::lists::Lists;
use quick_xml::escape::escape;
use rohrpost_model::Fault;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// Bytes of the stylesheet: abstract rules that extend each other many times would make more of a few.
const MOST_WRITTEN: usize = 16 << 20;
/// How deep abstract rules may extend each other.
const EXTENDED_DEEP: usize = 32;

/// What a line of the stylesheet was made of.
#[derive(Clone, Debug)]
pub(super) struct Origin {
    pub(super) place: Place,
    /// The expression on it, and what it has to be.
    pub(super) expression: Option<(String, &'static str)>,
}

/// An assert or report.
#[derive(Debug)]
pub(super) struct Check {
    pub(super) id: Option<String>,
    /// Whether it only warns.
    pub(super) warns: bool,
}

/// The stylesheet.
pub(super) struct Written {
    pub(super) text: String,
    pub(super) origins: Vec<Origin>,
    pub(super) checks: Vec<Check>,
}

/// Writes the stylesheet for these patterns.
pub(super) fn write(
    schema: &Element,
    phase: Option<&Element>,
    patterns: &[Element],
    lists: &Lists,
    faults: &mut Vec<Fault>,
) -> Written {
    let written = Written { text: String::new(), origins: Vec::new(), checks: Vec::new() };
    let mut writer =
        Writer { schema, lists, namespaces: BTreeMap::new(), scope: Vec::new(), written, faults };
    writer.namespaces();
    writer.stylesheet(phase, patterns);
    writer.written
}

/// The variables that an expression can name: how the rules call them, and how the stylesheet does.
type Scope = Vec<(String, String)>;

struct Writer<'w> {
    schema: &'w Element,
    lists: &'w Lists,
    namespaces: BTreeMap<String, String>,
    scope: Scope,
    written: Written,
    faults: &'w mut Vec<Fault>,
}

impl Writer<'_> {
    fn namespaces(&mut self) {
        for ns in self.schema.called("ns") {
            let (prefix, uri) =
                (ns.attribute("prefix").unwrap_or_default(), ns.attribute("uri").unwrap_or_default());
            let sound = prefix.starts_with(|c: char| c.is_alphabetic() || c == '_')
                && prefix.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c))
                && !["xmlns", T].contains(&prefix);
            let known = self.namespaces.get(prefix).is_some_and(|known| known != uri);
            if !sound || uri.is_empty() || known {
                let message = format!("the prefix `{prefix}` cannot mean `{uri}`");
                let hint = "a prefix is a name and means one namespace";
                self.faults.push(ns.place.fault(message).hint(hint));
            } else if prefix != "xml" {
                self.namespaces.insert(prefix.to_owned(), uri.to_owned());
            }
        }
    }

    fn stylesheet(&mut self, phase: Option<&Element>, patterns: &[Element]) {
        let schema = self.schema.clone();
        let declared: String = self
            .namespaces
            .iter()
            .map(|(prefix, uri)| format!(" xmlns:{prefix}=\"{}\"", escape(uri)))
            .collect();
        self.line(
            &schema,
            &format!("<{T}:stylesheet version=\"1.0\" xmlns:{T}=\"{}\"{declared}>", super::XSL),
        );
        let lets: Vec<_> =
            schema.called("let").chain(phase.into_iter().flat_map(|phase| phase.called("let"))).collect();
        self.global_lets(&lets, "s");
        schema.elements().filter(|child| child.name == "key").for_each(|key| self.key(key, None));
        self.line(&schema, &format!("<{T}:template match=\"/\">"));
        self.line(&schema, "<violations>");
        for number in 0..patterns.len() {
            self.line(&schema, &format!("<{T}:apply-templates select=\"/\" mode=\"p{number}\"/>"));
        }
        self.line(&schema, &format!("</violations></{T}:template>"));
        for (number, pattern) in patterns.iter().enumerate() {
            let outer = self.scope.len();
            self.pattern(pattern, number);
            self.scope.truncate(outer);
        }
        self.line(&schema, &format!("</{T}:stylesheet>"));
    }

    /// Variables that are known in each other, whatever their order.
    fn global_lets(&mut self, lets: &[&Element], prefix: &str) {
        let begin = self.scope.len();
        for single in lets {
            self.declare(single, begin, prefix);
        }
        for single in lets {
            self.variable(single, prefix);
        }
    }

    fn declare(&mut self, single: &Element, begin: usize, prefix: &str) {
        let name = single.attribute("name").unwrap_or_default();
        let sound = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
        if !sound {
            self.faults.push(single.place.fault(format!("`{name}` is no name of a variable")));
        } else if self.scope[begin..].iter().any(|(known, _)| known == name) {
            self.faults.push(single.place.fault(format!("the variable `{name}` stands here a second time")));
        }
        self.scope.push((name.to_owned(), format!("{prefix}.{name}")));
    }

    fn variable(&mut self, single: &Element, prefix: &str) {
        let (name, value) = (single.attribute("name").unwrap_or_default(), single.attribute("value"));
        let select = self.expression(single, value.unwrap_or_default());
        self.expressed(
            single,
            value,
            &format!("<{T}:variable name=\"{prefix}.{}\" select=\"{select}\"/>", escape(name)),
        );
    }

    /// A key of XSLT; or one of Schematron, which in a rule is about what the rule is about.
    fn key(&mut self, key: &Element, context: Option<&str>) {
        let matched = key.attribute("match").or(context);
        let used = key.attribute("use").or_else(|| key.attribute("path"));
        let (Some(matched), Some(used)) = (matched, used) else {
            return self
                .faults
                .push(key.place.fault("the key does not say what it is of: `match` and `use`"));
        };
        let name = key.attribute("name").unwrap_or_default();
        let (pattern, select) = (self.expression(key, matched), self.expression(key, used));
        let own: String =
            key.prefixes.iter().map(|(prefix, uri)| format!(" xmlns:{prefix}=\"{}\"", escape(uri))).collect();
        let tag = format!("<{T}:key{own} name=\"{}\" match=\"{pattern}\" use=\"{select}\"/>", escape(name));
        self.written_of(key, Some((format!("{matched}` or `{used}"), PATTERN)), &tag);
    }

    fn pattern(&mut self, pattern: &Element, number: usize) {
        let lets: Vec<_> = pattern.called("let").collect();
        self.global_lets(&lets, &format!("p{number}"));
        let rules: Vec<_> = pattern.called("rule").filter(|rule| !rule.says("abstract", "true")).collect();
        let way = Way::of(&rules, number);
        for (after, rule) in rules.iter().rev().enumerate() {
            let outer = self.scope.len();
            self.rule(pattern, rule, &way, after + 1);
            self.scope.truncate(outer);
        }
        self.line(pattern, &format!("<{T}:template match=\"*|/\" mode=\"{}\" priority=\"-1\">", way.mode));
        self.here(pattern);
        self.line(pattern, &way.down);
        self.line(pattern, &format!("</{T}:template>"));
        let rest = "@*|text()|comment()|processing-instruction()";
        self.line(
            pattern,
            &format!("<{T}:template match=\"{rest}\" mode=\"{}\" priority=\"-2\"/>", way.mode),
        );
    }

    /// Where the node stands: the way to its parent, what kind of step it is, and its number there.
    fn here(&mut self, of: &Element) {
        self.line(of, &format!("<{T}:param name=\"e.at\"/><{T}:param name=\"e.kind\"/>"));
        self.line(
            of,
            &format!("<{T}:variable name=\"e.here\" select=\"concat($e.at, $e.kind, position())\"/>"),
        );
    }

    fn rule(&mut self, pattern: &Element, rule: &Element, way: &Way, priority: usize) {
        let context = rule.attribute("context").unwrap_or_default();
        let matched = self.expression(rule, context);
        rule.called("key").for_each(|key| self.key(key, Some(context)));
        let tag = format!("<{T}:template match=\"{matched}\" mode=\"{}\" priority=\"{priority}\">", way.mode);
        self.written_of(rule, Some((context.to_owned(), PATTERN)), &tag);
        self.here(rule);
        let begin = self.scope.len();
        self.body(pattern, rule, begin, &mut Vec::new());
        self.line(rule, &way.down);
        self.line(rule, &format!("</{T}:template>"));
    }

    /// What a rule holds, with what the abstract rules that it extends hold in their place.
    fn body(&mut self, pattern: &Element, rule: &Element, begin: usize, extending: &mut Vec<String>) {
        for child in rule.elements().filter(|child| child.kind == Kind::Schematron) {
            if self.written.text.len() > MOST_WRITTEN {
                return self.too_much();
            }
            match child.name.as_str() {
                "let" => {
                    // Its value cannot name itself.
                    self.variable(child, "r");
                    self.declare(child, begin, "r");
                }
                "assert" | "report" => self.check(rule, child),
                "extends" => self.extends(pattern, child, begin, extending),
                _ => {}
            }
        }
    }

    fn extends(&mut self, pattern: &Element, extends: &Element, begin: usize, extending: &mut Vec<String>) {
        let wanted = extends.attribute("rule").unwrap_or_default();
        if extending.iter().any(|open| open == wanted) || extending.len() >= EXTENDED_DEEP {
            let message =
                format!("the rule `{wanted}` extends itself, or more than {EXTENDED_DEEP} extend each other");
            return self.faults.push(extends.place.fault(message));
        }
        let is_meant = |rule: &&Element| rule.says("abstract", "true") && rule.says("id", wanted);
        let elsewhere =
            || self.schema.called("pattern").flat_map(|pattern| pattern.called("rule")).find(is_meant);
        let Some(meant) = pattern.called("rule").find(is_meant).or_else(elsewhere).cloned() else {
            return self.faults.push(extends.place.fault(format!("there is no abstract rule `{wanted}`")));
        };
        extending.push(wanted.to_owned());
        self.body(pattern, &meant, begin, extending);
        extending.pop();
    }

    fn too_much(&mut self) {
        let fault =
            self.schema.place.fault(format!("the rules become more than {MOST_WRITTEN} bytes of XSLT"));
        if !self.faults.contains(&fault) {
            self.faults.push(fault);
        }
    }

    fn check(&mut self, rule: &Element, check: &Element) {
        let number = self.written.checks.len();
        let written = check.attribute("test");
        let test = self.expression(check, written.unwrap_or_default());
        let test = if check.name == "assert" { format!("not({test})") } else { test };
        let id = check.attribute("id").map(str::to_owned);
        self.written.checks.push(Check { id, warns: warns(check).or_else(|| warns(rule)).unwrap_or(false) });
        self.expressed(check, written, &format!("<{T}:if test=\"{test}\">"));
        self.line(check, &format!("<violation check=\"{number}\" at=\"{{$e.here}}\">"));
        self.texts(check);
        for id in check.attribute("diagnostics").unwrap_or_default().split_whitespace() {
            let all = self.schema.called("diagnostics").flat_map(|group| group.called("diagnostic"));
            match all.into_iter().find(|diagnostic| diagnostic.says("id", id)).cloned() {
                Some(diagnostic) => {
                    self.line(check, &format!("<{T}:text> </{T}:text>"));
                    self.texts(&diagnostic);
                }
                None => self.faults.push(check.place.fault(format!("there is no diagnostic `{id}`"))),
            }
        }
        self.line(check, &format!("</violation></{T}:if>"));
    }

    fn texts(&mut self, of: &Element) {
        for content in &of.content {
            match content {
                Content::Text(text) => self.literal(of, text),
                Content::Element(child) if child.is("value-of") => {
                    let written = child.attribute("select");
                    let select = self.expression(child, written.unwrap_or_default());
                    self.expressed(child, written, &format!("<{T}:value-of select=\"{select}\"/>"));
                }
                Content::Element(child) if child.is("name") => {
                    let written = child.attribute("path");
                    let path = self.expression(child, written.unwrap_or("."));
                    self.expressed(child, written, &format!("<{T}:value-of select=\"name({path})\"/>"));
                }
                Content::Element(child) => self.texts(child),
            }
        }
    }

    fn literal(&mut self, of: &Element, text: &str) {
        let one_line = text.replace(['\n', '\r'], " ");
        if !one_line.is_empty() {
            self.line(of, &format!("<{T}:text>{}</{T}:text>", escape(one_line.as_str())));
        }
    }

    /// An expression as an attribute's value, with its variables as the stylesheet calls them. What it names must be there.
    fn expression(&mut self, of: &Element, written: &str) -> String {
        let namespaces = |prefix: &str| match prefix {
            "xml" => Some("http://www.w3.org/XML/1998/namespace".to_owned()),
            _ => of.prefixes.get(prefix).or_else(|| self.namespaces.get(prefix)).cloned(),
        };
        let found: BTreeSet<_> = expression::faults(written, namespaces, self.lists).into_iter().collect();
        self.faults.extend(
            found
                .into_iter()
                .map(|(message, hint)| of.place.fault(format!("{message} (in `{written}`)")).hint(hint)),
        );
        let mut made = written.to_owned();
        for named in names(written).into_iter().rev() {
            let Named::Variable(range) = named else { continue };
            let name = &written[range.clone()];
            match self.scope.iter().rev().find(|(known, _)| known == name) {
                Some((_, renamed)) => made.replace_range(range, renamed),
                None => self.faults.push(
                    of.place
                        .fault(format!("the variable `${name}` is not declared (in `{written}`)"))
                        .hint(format!("write <let name=\"{name}\" value=\"…\"/> before it")),
                ),
            }
        }
        attribute(&made)
    }

    fn expressed(&mut self, of: &Element, written: Option<&str>, tag: &str) {
        self.written_of(of, written.map(|written| (written.to_owned(), EXPRESSION)), tag);
    }

    fn line(&mut self, of: &Element, tag: &str) {
        self.written_of(of, None, tag);
    }

    fn written_of(&mut self, of: &Element, expression: Option<(String, &'static str)>, tag: &str) {
        let _ = writeln!(self.written.text, "{tag}");
        self.written.origins.push(Origin { place: of.place.clone(), expression });
    }
}

const EXPRESSION: &str = "no expression of XPath 1.0";
const PATTERN: &str = "no pattern of XSLT 1.0";

/// The prefix of XSLT in the stylesheet, which `ns` cannot declare.
const T: &str = "engine.xsl";

impl Origin {
    /// What is wrong with it, if it is an expression that libxslt does not take.
    pub(super) fn not_taken(&self) -> Option<Fault> {
        let (written, what) = self.expression.as_ref()?;
        Some(self.place.fault(format!("`{written}` is {what}")).hint(CARRIED))
    }
}

/// Whether a role or flag says that something is no error.
fn warns(element: &Element) -> Option<bool> {
    let said = element.attribute("role").or_else(|| element.attribute("flag"))?;
    let said = said.to_ascii_lowercase();
    Some(["warn", "warning", "info", "information"].contains(&said.as_str()))
}

/// The text as an attribute's value on one line.
fn attribute(text: &str) -> String {
    escape(text).replace(['\n', '\r', '\t'], " ")
}

/// How a pattern goes down the document: elements always, other nodes only where a rule could be about them.
struct Way {
    mode: String,
    down: String,
}

impl Way {
    fn of(rules: &[&Element], number: usize) -> Self {
        let mode = format!("p{number}");
        let any = |parts: &[&str]| {
            let contexts = || rules.iter().filter_map(|rule| rule.attribute("context"));
            contexts().any(|context| parts.iter().any(|part| context.contains(part)))
        };
        let mut down = String::new();
        let mut step = |select: &str, kind: &str| {
            let _ = write!(
                down,
                "<{T}:apply-templates select=\"{select}\" mode=\"{mode}\">\
                 <{T}:with-param name=\"e.at\" select=\"$e.here\"/>\
                 <{T}:with-param name=\"e.kind\" select=\"'{kind}'\"/></{T}:apply-templates>"
            );
        };
        if any(&["@", "attribute"]) {
            step("@*", "@");
        }
        for (test, kind) in [("text", "t"), ("comment", "c"), ("processing-instruction", "i")] {
            if any(&[test, "node"]) {
                step(&format!("{test}()"), kind);
            }
        }
        step("*", "/");
        Self { mode, down }
    }
}
