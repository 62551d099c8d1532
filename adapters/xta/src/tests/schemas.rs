//! Our rules beside the original schemas: both must judge alike, whatever is done to an envelope.

use super::written::{complaints, original, small_bodies};
use super::*;
use crate::xml::Writer;

/// Every way in which an element can be changed a little.
fn mutations(element: &Element) -> Vec<Element> {
    let mut found = Vec::new();
    for at in 0..element.children.len() {
        let changed = |change: &dyn Fn(&mut Vec<Element>)| {
            let mut copy = element.clone();
            change(&mut copy.children);
            copy
        };
        found.push(changed(&|children| drop(children.remove(at))));
        found.push(changed(&|children| children.insert(at, children[at].clone())));
        found.push(changed(&|children| children[at].local = "Unbekannt".into()));
        if at > 0 {
            found.push(changed(&|children| children.swap(at - 1, at)));
        }
        for child in mutations(&element.children[at]) {
            found.push(changed(&|children| children[at] = child.clone()));
        }
    }
    for at in 0..element.attributes.len() {
        for value in ["", "-1", "nein danke"] {
            let mut copy = element.clone();
            copy.attributes[at].value = value.into();
            found.push(copy);
        }
        let mut copy = element.clone();
        copy.attributes.remove(at);
        found.push(copy);
    }
    for text in ["", "x y", "0", "-1", "2026-02-30", "YWJj"] {
        let mut copy = element.clone();
        copy.text = text.into();
        found.push(copy);
    }
    let mut copy = element.clone();
    copy.attributes.push(Attribute { namespace: "".into(), local: "fremd".into(), value: "1".into() });
    found.push(copy);
    found
}

/// What we are stricter about on purpose, or see otherwise: URIs may be nearly anything by the letter of XML Schema.
fn of_uris(violation: &Violation) -> bool {
    violation.right.contains("eine URI")
}

#[test]
fn the_rules_judge_like_the_original_schemas() {
    if original().is_none() {
        return;
    }
    let mut judged = [0, 0];
    for (operation, direction, body) in small_bodies() {
        let envelope = bytes_of(outgoing(operation, direction).small(&body).unwrap());
        let (_, received, _) = read(
            INLINE,
            &envelope,
            if direction == Direction::Request { Expect::Request } else { Expect::Answer(operation) },
        )
        .unwrap();
        let tree = crate::soap::parse(std::str::from_utf8(&received.source).unwrap()).unwrap();
        let Some(element) = tree.path(&[(names::SOAP, "Body")]).and_then(|body| body.children.first()) else {
            continue;
        };
        for mutated in mutations(element) {
            let mut writer = Writer::default();
            writer.open(("", "sheet"));
            writer.element(&mutated);
            let text = writer.finish();
            let sheet = text.replacen("<sheet", "<env:Body", 1).replace("</sheet>", "</env:Body>");
            let theirs = complaints(sheet.as_bytes()).unwrap();
            let mut ours = Vec::new();
            types::check(
                &mutated,
                types::rule_of((&*element.namespace, &*element.local)).unwrap(),
                &mut ours,
            );
            if !ours.is_empty() && ours.iter().all(of_uris) {
                continue;
            }
            judged[usize::from(theirs.is_empty())] += 1;
            assert_eq!(ours.is_empty(), theirs.is_empty(), "{sheet}\nours: {ours:#?}\ntheirs: {theirs:#?}");
        }
    }
    assert!(judged[0] > 1000 && judged[1] > 100, "{judged:?}");
}
