//! Conditions, and texts read out of answers.

use super::xml;
use crate::{Condition, Facts, xpath_string};
use std::collections::BTreeMap;

fn namespaces(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    pairs.iter().map(|(prefix, uri)| ((*prefix).to_owned(), (*uri).to_owned())).collect()
}

#[test]
fn a_condition_reads_data_and_facts() {
    let xml = xml("<a xmlns='urn:a'><tiefe>120</tiefe></a>");
    let holds = |expression: &str| {
        let condition = Condition::compile(expression, &namespaces(&[("a", "urn:a")])).unwrap();
        condition.holds(&xml, &Facts::sample()).unwrap()
    };
    assert!(holds("/a:a/a:tiefe > 100"));
    assert!(!holds("/a:a/a:tiefe > 120"));
    assert!(holds("//a:tiefe"));
    assert!(!holds("//tiefe"));
    assert!(holds("$kind = 'application' and $test = 'false'"));
    assert!(holds("$submission-id != ''"));
}

#[test]
fn a_wrong_condition_is_a_fault_when_it_is_compiled() {
    let fault = |expression: &str| Condition::compile(expression, &BTreeMap::new()).unwrap_err();
    for expression in ["/a[", "", "nothing()", "$unknown", "/p:a", "document('/etc/passwd')"] {
        assert!(!fault(expression).is_empty(), "{expression}");
    }
}

#[test]
fn an_endless_condition_is_stopped() {
    let many = xml(&format!("<r>{}</r>", "<a/>".repeat(3000)));
    let condition =
        Condition::compile("count(//a[count(//a[count(//a) > 0]) > 0])", &BTreeMap::new()).unwrap();
    assert!(condition.holds(&many, &Facts::sample()).is_err());
}

#[test]
fn reads_a_reference_out_of_an_answer() {
    let answer = xml("<r xmlns:x='urn:x'><x:ref nr='7'> A-1 </x:ref><leer/></r>");
    let ask = |expression: &str| xpath_string(&answer, expression, &namespaces(&[("x", "urn:x")])).unwrap();
    assert_eq!(ask("/r/x:ref").as_deref(), Some(" A-1 "));
    assert_eq!(ask("/r/x:ref/@nr").as_deref(), Some("7"));
    assert_eq!(ask("normalize-space(//x:ref)").as_deref(), Some("A-1"));
    assert_eq!(ask("/r/nichts"), None);
    assert_eq!(ask("/r/leer").as_deref(), Some(""));
    assert!(xpath_string(&answer, "/r/y:ref", &BTreeMap::new()).is_err());
}
