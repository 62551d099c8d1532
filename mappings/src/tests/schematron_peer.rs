//! Rules of Schematron against the reference implementation, which lxml ships (isoschematron): the same checks fail at the
//! same nodes and say the same, for each of several rules files and many documents.

use super::peers::{Rules as Asked, isoschematron};
use super::*;
use crate::Rules;
use std::fmt::Write as _;

/// Rules, with the phase that is asked for.
const RULES: &[(&str, Option<&str>)] = &[
    (
        "<let name='limit' value='30'/><pattern><let name='all' value='count(//item)'/>\
         <rule context='item[@kind = 2]'><assert test='@age &lt; $limit'>two: <value-of select='@age'/> of <value-of select='$all'/></assert></rule>\
         <rule context='item[use]'><let name='n' value='count(use)'/><report test='$n &gt; 1'><name/> holds <value-of select='$n'/></report></rule>\
         <rule context='item|group'><assert test='@id'>no id in <name path='..'/></assert></rule></pattern>",
        None,
    ),
    (
        "<xsl:key xmlns:xsl='http://www.w3.org/1999/XSL/Transform' name='ids' match='*[@id]' use='@id'/>\
         <pattern><rule context='use'><assert test=\"key('ids', @ref)\">dangling <value-of select='@ref'/></assert>\
         <assert test=\"count(key('ids', @ref)) &lt; 2\"><emph>ambiguous</emph></assert></rule></pattern>\
         <pattern><rule context='*[@id]'><assert test=\"generate-id(key('ids', @id)[1]) = generate-id()\">twice <value-of select='@id'/></assert></rule></pattern>",
        None,
    ),
    (
        "<pattern abstract='true' id='few'><rule context='$what'><assert test='count($part) &lt;= $most'>too many in <name/></assert>\
         <report test='not($part)' diagnostics='none'>empty</report></rule></pattern>\
         <pattern is-a='few' id='g'><param name='what' value='group'/><param name='part' value='item'/><param name='most' value='2'/></pattern>\
         <pattern is-a='few' id='i'><param name='what' value='item'/><param name='part' value='use|p:call'/><param name='most' value='1'/></pattern>\
         <diagnostics><diagnostic id='none'>at <value-of select='count(preceding::*)'/></diagnostic></diagnostics>",
        None,
    ),
    (
        "<pattern><rule abstract='true' id='aged'><let name='a' value='number(@age)'/><assert test='$a &gt;= 10'>young: <value-of select='$a'/></assert></rule>\
         <rule context='p:thing'><extends rule='aged'/><assert test=\"starts-with(@kind, '1') or @kind = 3\">kind &quot;<value-of select='@kind'/>&quot;</assert></rule>\
         <rule context='item'><extends rule='aged'/></rule><rule context='*'><report test='@age'>old: <name/></report></rule></pattern>",
        None,
    ),
    (
        "<pattern><rule context='@age'><assert test='. mod 2 = 0'>odd <name/> at <value-of select='count(../preceding::*)'/></assert></rule>\
         <rule context='@*'><report test='. = ../@age'>as old as <name path='..'/> at <value-of select='count(../preceding::*)'/></report></rule></pattern>\
         <pattern><rule context='/*/*'><assert test='following-sibling::* or preceding-sibling::*'>alone</assert></rule></pattern>",
        None,
    ),
    (
        "<phase id='quick'><active pattern='one'/><active pattern='three'/></phase>\
         <pattern id='one'><rule context='group//item'><assert test='false()'>one</assert></rule></pattern>\
         <pattern id='two'><rule context='item'><assert test='false()'>two</assert></rule></pattern>\
         <pattern id='three'><rule context='use[not(@ref)]'><assert test='false()'>three</assert></rule></pattern>",
        Some("quick"),
    ),
];

/// A document that looks like chance, and is the same each time.
fn document(seed: u64) -> String {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut chance = move |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    };
    let mut text = String::from("<root xmlns:p='urn:p'>");
    for _ in 0..2 + chance(5) {
        let mut open = Vec::new();
        for _ in 0..1 + chance(12) {
            let name = ["item", "group", "use", "p:thing", "p:call"][usize::try_from(chance(5)).unwrap()];
            let _ = write!(text, "\n<{name}");
            for attribute in ["id", "ref", "age", "kind"] {
                if chance(2) == 0 {
                    let _ =
                        write!(text, " {attribute}='{}'", chance(if attribute == "age" { 40 } else { 4 }));
                }
            }
            text.push('>');
            open.push(name);
            if chance(3) == 0 {
                let _ = write!(text, "</{}>", open.pop().unwrap());
            }
        }
        open.into_iter().rev().for_each(|name| text.extend(["</", name, ">"]));
    }
    text + "</root>"
}

fn told(rules: &Rules, document: &str) -> Vec<(String, String)> {
    let violations = rules.judge(&xml(document)).unwrap().violations.into_iter();
    // Of an attribute the reference implementation says the name alone.
    let path = |path: String| path.find('@').map_or(path.clone(), |at| path[at..].to_owned());
    let mut told: Vec<_> = violations.map(|violation| (path(violation.path), violation.message)).collect();
    told.sort();
    told
}

#[test]
fn the_reference_implementation_says_the_same() {
    let schema = |body: &str| {
        format!(
            "<schema xmlns='http://purl.oclc.org/dsdl/schematron'><ns prefix='p' uri='urn:p'/>{body}</schema>"
        )
    };
    let documents: Vec<_> = (1..=40).map(document).collect();
    let texts: Vec<_> = RULES.iter().map(|(body, _)| schema(body)).collect();
    let phases = RULES.iter().map(|(_, phase)| *phase).collect();
    let asked = Asked { rules: texts.iter().map(String::as_str).collect(), phases, documents: &documents };
    let Some(theirs) = isoschematron(&asked) else { return };
    for ((text, (_, phase)), theirs) in texts.iter().zip(RULES).zip(theirs) {
        let rules = Rules::compile(&files(&[("r.sch", text)]), "r.sch", *phase).unwrap();
        let mut failed = 0;
        for (document, mut theirs) in documents.iter().zip(theirs) {
            theirs.sort();
            failed += theirs.len();
            assert_eq!(told(&rules, document), theirs, "{text}\n{document}");
        }
        assert!(failed > 20, "only {failed} checks fail, so little is compared: {text}");
    }
}
