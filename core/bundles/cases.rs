//! The cases of mappings in a hand over, run before anything is written.

use super::CASES;
use super::content::HandOver;
use crate::config::compile_bundle;
use rohrpost_mappings::{Case, CaseResult, Facts, Mapping, MappingFault, run_case};
use rohrpost_model::version::MAPPINGS;
use rohrpost_model::{DocumentName, Fault, MappingName};
use std::collections::BTreeMap;

/// What expects that a case is refused.
const FAULTS: &str = "faults";

/// Compiles every mapping with what it brings of standards and runs its cases. Returns how many passed, or each fault.
pub fn failed_cases(package: &HandOver) -> Result<usize, Vec<Fault>> {
    let (mut passed, mut faults) = (0, Vec::new());
    for name in &package.manifest.mappings {
        match compile_bundle(package.bundle(name), &format!("{MAPPINGS}/{name}")) {
            Ok(mapped) => run_all(package, name, &mapped.mapping, &mut passed, &mut faults),
            Err(found) => faults.extend(found),
        }
    }
    if faults.is_empty() { Ok(passed) } else { Err(faults) }
}

fn run_all(
    package: &HandOver,
    name: &MappingName,
    mapping: &Mapping,
    passed: &mut usize,
    faults: &mut Vec<Fault>,
) {
    let below = format!("{MAPPINGS}/{name}/{CASES}/");
    let inputs = package.members.iter().filter_map(|(path, content)| {
        let file = path.strip_prefix(&below)?;
        let case = file.strip_suffix(".in.xml").or_else(|| file.strip_suffix(".in.json"))?;
        Some((path, case, content))
    });
    for (path, case, input) in inputs {
        match failure(package, mapping, &format!("{below}{case}.out."), (case, input)) {
            None => *passed += 1,
            Some(what) => {
                let hint = "ask who handed it over: there `rohrpost test` must pass";
                faults.push(Fault::of_file(path, format!("the case fails: {what}")).hint(hint));
            }
        }
    }
}

/// What is wrong with a case, if anything is. In which words one is refused is for `rohrpost test` to compare.
fn failure(
    package: &HandOver,
    mapping: &Mapping,
    outputs: &str,
    (case, input): (&str, &[u8]),
) -> Option<String> {
    let mut found =
        package.members.range(outputs.to_owned()..).take_while(|(path, _)| path.starts_with(outputs));
    let (Some((path, expected)), None) = (found.next(), found.next()) else {
        return Some(format!("there must be one file {outputs}* that says what must come out"));
    };
    let refused = path.strip_prefix(outputs) == Some(FAULTS);
    let documents = documents(package, mapping, outputs);
    let case = Case { name: case.to_owned(), input: input.to_vec(), expected: expected.clone(), documents };
    match run_case(mapping, &case, &Facts::sample()) {
        CaseResult::Differs { difference, .. } if !refused => {
            Some(format!("it makes something else\n{difference}"))
        }
        CaseResult::Passed | CaseResult::Differs { .. } if refused => Some("it is not refused".into()),
        CaseResult::Failed(fault) if !refused => Some(told(&fault)),
        CaseResult::BadInput(bad) if !refused => {
            Some(format!("{}:{}: {}", bad.line, bad.column, bad.message))
        }
        CaseResult::BadJson(bad) if !refused => Some(bad.to_string()),
        _ => None,
    }
}

/// What must come out beside the message, as far as the hand over says so: `NN.NAME.out.*`.
fn documents(package: &HandOver, mapping: &Mapping, outputs: &str) -> BTreeMap<DocumentName, Vec<u8>> {
    let of = |name: &DocumentName| {
        let begin = format!("{}.{name}.out.", outputs.strip_suffix(".out.").unwrap_or(outputs));
        let mut found =
            package.members.range(begin.clone()..).take_while(|(path, _)| path.starts_with(&begin));
        Some((name.clone(), found.next()?.1.clone()))
    };
    mapping.documents().filter_map(of).collect()
}

fn told(fault: &MappingFault) -> String {
    match fault {
        MappingFault::Source(found) | MappingFault::Target(found) | MappingFault::Document(_, found) => {
            let first =
                found.first().map(|first| format!(": {}:{}: {}", first.line, first.column, first.message));
            format!("{fault}{}", first.unwrap_or_default())
        }
        MappingFault::Transform(found) => {
            format!("{fault}{}", found.first().map_or(String::new(), |first| format!(": {}", first.message)))
        }
        MappingFault::Limit(_) => fault.to_string(),
    }
}
