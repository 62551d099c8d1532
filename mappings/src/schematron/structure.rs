//! What may stand where in a rules file (ISO/IEC 19757-3:2016, as far as it is carried). What is not known is a fault and not
//! skipped: a rule that nobody checks must not look like one.

use super::expression::CARRIED;
use super::tree::{Element, Kind};
use rohrpost_model::Fault;

/// What an element may hold and must say.
struct Shape {
    name: &'static str,
    children: &'static [&'static str],
    required: &'static [&'static str],
}

const TEXT: &[&str] = &["name", "value-of", "emph", "dir", "span"];

const SHAPES: &[Shape] = &[
    Shape {
        name: "schema",
        children: &["title", "p", "ns", "let", "phase", "pattern", "diagnostics", "properties", "key"],
        required: &[],
    },
    Shape { name: "ns", children: &[], required: &["prefix", "uri"] },
    Shape { name: "let", children: &[], required: &["name", "value"] },
    Shape { name: "phase", children: &["p", "let", "active"], required: &["id"] },
    Shape { name: "active", children: TEXT, required: &["pattern"] },
    Shape { name: "pattern", children: &["title", "p", "let", "param", "rule"], required: &[] },
    Shape { name: "param", children: &[], required: &["name", "value"] },
    Shape { name: "rule", children: &["p", "let", "assert", "report", "extends", "key"], required: &[] },
    Shape { name: "assert", children: TEXT, required: &["test"] },
    Shape { name: "report", children: TEXT, required: &["test"] },
    Shape { name: "diagnostics", children: &["diagnostic"], required: &[] },
    Shape { name: "diagnostic", children: TEXT, required: &["id"] },
    Shape { name: "extends", children: &[], required: &["rule"] },
    Shape { name: "key", children: &[], required: &["name"] },
    Shape { name: "name", children: &[], required: &[] },
    Shape { name: "value-of", children: &[], required: &["select"] },
    Shape { name: "emph", children: TEXT, required: &[] },
    Shape { name: "dir", children: TEXT, required: &[] },
    Shape { name: "span", children: TEXT, required: &[] },
];

/// What explains something, whatever it holds.
const PROSE: [&str; 3] = ["title", "p", "properties"];

/// What is wrong with the file as a whole; then its rules are not looked at.
pub(super) fn root(schema: &Element) -> Option<Fault> {
    if !schema.is("schema") {
        let message = format!("`{}` is no rules file of ISO Schematron", schema.name);
        let hint = format!("the root is <schema xmlns=\"{}\">", super::ISO);
        return Some(schema.place.fault(message).hint(hint));
    }
    let binding = schema.attribute("queryBinding").unwrap_or("xslt");
    if !["xslt", "exslt"].contains(&binding.to_ascii_lowercase().as_str()) {
        let message = format!(
            "the rules are written for {binding}; the engine carries XSLT 1.0 (queryBinding xslt, exslt or none)"
        );
        let hint = "write them in XPath 1.0, or leave `rules` out and have them checked elsewhere";
        return Some(schema.place.fault(message).hint(hint));
    }
    let none = schema.called("pattern").next().is_none();
    none.then(|| schema.place.fault("the rules file has no pattern, so it checks nothing"))
}

/// What is wrong with the elements.
pub(super) fn check(element: &Element, faults: &mut Vec<Fault>) {
    let Some(shape) = SHAPES.iter().find(|shape| shape.name == element.name) else { return };
    let missing = shape.required.iter().filter(|name| element.attribute(name).is_none());
    faults.extend(missing.map(|name| {
        element.place.fault(format!("<{}> has no attribute `{name}`, which must be there", element.name))
    }));
    faults.extend(own(element));
    for child in element.elements() {
        match child.kind {
            Kind::Schematron if PROSE.contains(&child.name.as_str()) && shape.children.contains(&"p") => {}
            Kind::Schematron if shape.children.contains(&child.name.as_str()) => check(child, faults),
            Kind::Schematron => faults.push(misplaced(child, shape)),
            Kind::Xslt if element.is("schema") && child.name == "key" => key(child, faults),
            Kind::Xslt => faults.push(
                child
                    .place
                    .fault(format!(
                        "xsl:{} in rules: of XSLT only xsl:key is carried, below <schema>",
                        child.name
                    ))
                    .hint(CARRIED),
            ),
            Kind::Foreign => {}
        }
    }
}

fn misplaced(child: &Element, shape: &Shape) -> Fault {
    let message = format!("<{}> does not belong into <{}>", child.name, shape.name);
    child.place.fault(message).hint(format!("known there: {}", shape.children.join(", ")))
}

fn key(key: &Element, faults: &mut Vec<Fault>) {
    let missing = ["name", "match", "use"].into_iter().filter(|name| key.attribute(name).is_none());
    faults.extend(missing.map(|name| key.place.fault(format!("<xsl:key> has no attribute `{name}`"))));
}

/// What the table does not say.
fn own(element: &Element) -> Option<Fault> {
    let abstracted = element.says("abstract", "true");
    let message = match element.name.as_str() {
        "rule" if element.attribute("context").is_none() && !abstracted => {
            "the rule has no `context`, and is not abstract=\"true\""
        }
        "rule" if abstracted && element.attribute("id").is_none() => "an abstract rule without `id`",
        "pattern" if abstracted && element.attribute("id").is_none() => "an abstract pattern without `id`",
        "pattern" if element.attribute("documents").is_some() => {
            "`documents` is not carried: rules see the one document that is checked"
        }
        _ => return None,
    };
    Some(element.place.fault(message))
}
