//! Rules of ISO Schematron.

use super::*;
use crate::{Judgement, Limit, Rules};

const NS: &str = "xmlns='http://purl.oclc.org/dsdl/schematron'";

fn schema(body: &str) -> String {
    format!("<schema {NS}>\n{body}\n</schema>")
}

fn compile(body: &str) -> Result<Rules, Vec<Fault>> {
    Rules::compile(&files(&[("r.sch", &schema(body))]), "r.sch", None)
}

fn judged(rules: &Rules, document: &str) -> Judgement {
    rules.judge(&xml(document)).unwrap()
}

/// What is told of a document: place, path, code and message of each violation.
fn told(rules: &Rules, document: &str) -> Vec<String> {
    let one = |violation: &crate::Violation| {
        let crate::Violation { line, column, path, message, code, .. } = violation;
        format!("{line}:{column} {path} {code}: {message}")
    };
    judged(rules, document).violations.iter().map(one).collect()
}

#[track_caller]
fn told_by(body: &str, document: &str, expected: &[&str]) {
    assert_eq!(told(&compile(body).unwrap(), document), expected);
}

/// The faults of rules that must not compile, each with its place.
fn refused(body: &str) -> Vec<String> {
    let faults = compile(body).unwrap_err();
    faults
        .iter()
        .map(|fault| {
            format!("{}:{}:{}: {}; {}", fault.file, fault.line, fault.column, fault.message, fault.hint)
        })
        .collect()
}

#[track_caller]
fn refused_with(body: &str, expected: &str) {
    let found = refused(body);
    assert!(found.iter().any(|fault| fault.contains(expected)), "{expected}: {found:#?}");
}

#[test]
fn a_violation_says_place_path_rule_and_text_with_values() {
    let body = "<pattern><rule context='person'><assert id='p-1' test='@age &gt; 17'>\n <name/> is\n \
                <value-of select='@age'/>, <emph>too young</emph>.</assert>\n\
                <report test='nick'>no nicknames</report></rule></pattern>";
    let document = "<list>\n <person age='40'/>\n  <person age='9'><nick/></person>\n</list>";
    told_by(
        body,
        document,
        &["3:3 /list/person[2] p-1: person is 9, too young.", "3:3 /list/person[2] schematron: no nicknames"],
    );
}

#[test]
fn the_first_rule_of_a_pattern_that_matches_takes_the_node() {
    let body = "<pattern><rule context='b[@x]'><assert test='false()'>first</assert></rule>\
                <rule context='b'><assert test='false()'>second</assert></rule>\
                <rule context='b|*'><assert test='false()'>third</assert></rule></pattern>\
                <pattern><rule context='b'><assert test='false()'>other pattern</assert></rule></pattern>";
    told_by(
        body,
        "<a><b/><b x='1'/></a>",
        &[
            "1:1 /a schematron: third",
            "1:4 /a/b[1] schematron: second",
            "1:4 /a/b[1] schematron: other pattern",
            "1:8 /a/b[2] schematron: first",
            "1:8 /a/b[2] schematron: other pattern",
        ],
    );
}

#[test]
fn every_kind_of_node_can_be_a_context() {
    let body = "<pattern><rule context='/'><assert test='false()'>document</assert></rule></pattern>\
                <pattern><rule context='@id'><assert test='. != 3'><name/>=<value-of select='.'/></assert></rule>\
                <rule context='text()'><assert test='normalize-space()'>blank</assert></rule>\
                <rule context='comment()'><report test='true()'>comment</report></rule>\
                <rule context='processing-instruction()'><report test='true()'><name/></report></rule></pattern>";
    told_by(
        body,
        "<a id='2'><b q='1' id='3'/> <!-- --><?go now?></a>",
        &[
            "1:1 / schematron: document",
            "1:1 /a/comment()[1] schematron: comment",
            "1:1 /a/processing-instruction()[1] schematron: go",
            "1:1 /a/text()[1] schematron: blank",
            "1:11 /a/b/@id schematron: id=3",
        ],
    );
}

#[test]
fn lets_have_their_scope() {
    let body = "<let name='max' value='/a/@max'/>\
                <pattern><let name='max' value='$max + 1'/></pattern>";
    // A variable of a pattern is known in itself, so it means itself, and that is a fault.
    assert!(!refused(body).is_empty());
    let body = "<let name='max' value='/a/@max'/>\
                <pattern><let name='min' value='2'/><rule context='b'><let name='n' value='number(.)'/>\
                <let name='m' value='$n * 2'/><assert test='$m &lt;= $max and $n &gt;= $min'><value-of select='$m'/></assert></rule></pattern>\
                <pattern><let name='min' value='7'/><rule context='b'><report test='. &gt; $min'>large</report></rule></pattern>";
    told_by(
        body,
        "<a max='10'><b>1</b><b>5</b><b>8</b></a>",
        &["1:13 /a/b[1] schematron: 2", "1:29 /a/b[3] schematron: 16", "1:29 /a/b[3] schematron: large"],
    );
    refused_with(
        "<pattern><let name='x' value='1'/><rule context='a'><assert test='$x'/></rule></pattern>\n\
         <pattern><rule context='a'><assert test='$x'>no</assert></rule></pattern>",
        "r.sch:3:28: the variable `$x` is not declared",
    );
}

#[test]
fn abstract_patterns_rules_keys_phases_and_diagnostics() {
    let body = "<key xmlns='http://www.w3.org/1999/XSL/Transform' name='by-id' match='item' use='@id'/>\
                <phase id='quick'><active pattern='refs'/></phase>\
                <pattern abstract='true' id='table'><rule context='$row'><assert test='count($cell) = $n' diagnostics='d'>$row needs $n</assert></rule></pattern>\
                <pattern is-a='table'><param name='row' value='tr'/><param name='cell' value='td'/><param name='n' value='2'/></pattern>\
                <pattern id='refs'><rule abstract='true' id='ref'><let name='k' value='@ref'/><assert test=\"key('by-id', $k)\">no <value-of select='$k'/></assert></rule>\
                <rule context='use'><extends rule='ref'/><assert test='@ok'>not ok</assert></rule></pattern>\
                <diagnostics><diagnostic id='d'>It has <value-of select='count(td)'/>.</diagnostic></diagnostics>";
    let document = "<t><tr><td/></tr><item id='x'/><use ref='x' ok='1'/><use ref='y'/></t>";
    let refs = ["1:53 /t/use[2] schematron: no y", "1:53 /t/use[2] schematron: not ok"];
    told_by(body, document, &["1:4 /t/tr schematron: tr needs 2 It has 1.", refs[0], refs[1]]);
    let of_phase = |phase| Rules::compile(&files(&[("r.sch", &schema(body))]), "r.sch", Some(phase));
    assert_eq!(told(&of_phase("quick").unwrap(), document), refs);
    assert_eq!(told(&of_phase("#ALL").unwrap(), document).len(), 3);
    assert!(of_phase("slow").unwrap_err()[0].message.contains("no phase `slow`"));
}

#[test]
fn warnings_are_no_violations() {
    let body = "<pattern><rule context='a' role='warning'><assert test='b'>b is usual</assert>\
                <assert test='c' role='error'>c is missing</assert><assert test='d' flag='INFO'>d would be nice</assert></rule></pattern>";
    let judged = judged(&compile(body).unwrap(), "<a/>");
    let messages =
        |found: &[crate::Violation]| found.iter().map(|one| one.message.clone()).collect::<Vec<_>>();
    assert_eq!(messages(&judged.violations), ["c is missing"]);
    assert_eq!(messages(&judged.warnings), ["b is usual", "d would be nice"]);
}

#[test]
fn what_is_included_lies_in_the_folder() {
    let main = schema("<include href='parts/p.sch'/><include href='parts/more.sch#two'/>");
    let part = format!("<pattern {NS}><include href='rule.sch'/></pattern>");
    let rule = format!("<rule {NS} context='a'><assert test='b'>no b</assert></rule>");
    let more = format!(
        "<x {NS}><pattern id='one'/><pattern id='two'>\n<rule context='a'><assert test='nope()'>?</assert></rule></pattern></x>"
    );
    let all = [
        ("r.sch", main.as_str()),
        ("parts/p.sch", &part),
        ("parts/rule.sch", &rule),
        ("parts/more.sch", &more),
    ];
    let faults = Rules::compile(&files(&all), "r.sch", None).unwrap_err();
    assert_eq!((faults[0].file.as_str(), faults[0].line, faults[0].column), ("parts/more.sch", 2, 19));
    let sound = more.replace("nope()", "c");
    let all = [all[0], all[1], all[2], ("parts/more.sch", sound.as_str())];
    let rules = Rules::compile(&files(&all), "r.sch", None).unwrap();
    assert_eq!(told(&rules, "<a/>"), ["1:1 /a schematron: no b", "1:1 /a schematron: ?"]);
    for href in
        ["r.sch", "missing.sch", "/etc/passwd", "../x.sch", "http://127.0.0.1:1/x.sch", "file:///etc/passwd"]
    {
        let body = format!("<pattern>\n<include href='{href}'/><rule context='a'/></pattern>");
        assert!(
            refused(&body).iter().any(|fault| fault.starts_with("r.sch:3:1: ")),
            "{href}: {:?}",
            refused(&body)
        );
    }
}

#[test]
fn faults_of_rules_say_their_place_and_what_the_engine_carries() {
    let rule = |test: &str| {
        format!("<pattern>\n <rule context='a'>\n  <assert test=\"{test}\">x</assert></rule></pattern>")
    };
    for (test, expected) in [
        ("exists(b)", "r.sch:4:3: XPath 1.0 has no function `exists`"),
        ("matches(b, 'x')", "r.sch:4:3: XPath 1.0 has no function `matches`"),
        ("if (b) then c else d", "r.sch:4:3: XPath 1.0 has no function `if`"),
        ("b = ('1', '2')", "r.sch:4:3: `b = ('1', '2')` is no expression of XPath 1.0"),
        ("every $x in b satisfies $x", "the variable `$x` is not declared"),
        ("for $x in b return 1", "the variable `$x` is not declared"),
        ("b[", "r.sch:4:3: `b[` is no expression of XPath 1.0"),
        ("p:b", "r.sch:4:3: the prefix `p` is not declared"),
        ("xs:date(b)", "r.sch:4:3: the prefix `xs` is not declared"),
    ] {
        refused_with(&rule(test), expected);
    }
    refused_with("<pattern>\n<rule context='a['/></pattern>", "r.sch:3:1: `a[` is no pattern of XSLT 1.0");
    refused_with("<pattern>\n<rule context='if (a) then b'/></pattern>", "r.sch:3:1: ");
    refused_with(
        "<pattern>\n<rule context='a'><asert test='b'/></rule></pattern>",
        "r.sch:3:19: <asert> does not belong into <rule>",
    );
    refused_with(
        "<pattern>\n<rule><assert test='b'/></rule></pattern>",
        "r.sch:3:1: the rule has no `context`",
    );
    refused_with(
        "<pattern>\n<rule context='a'><extends rule='gone'/></rule></pattern>",
        "r.sch:3:19: there is no abstract rule `gone`",
    );
    refused_with("<pattern is-a='gone'/>", "r.sch:2:1: there is no abstract pattern `gone`");
    refused_with("<title>nothing</title>", "no pattern");
    refused_with(
        "<xsl:function xmlns:xsl='http://www.w3.org/1999/XSL/Transform' name='f'/><pattern/>",
        "r.sch:2:1: xsl:function",
    );
    refused_with(
        "<let name='a' value='$b'/><let name='b' value='$a'/><pattern><rule context='x'/></pattern>",
        "r.sch:2:",
    );
    let ascc = Rules::compile(
        &files(&[("r.sch", "<schema xmlns='http://www.ascc.net/xml/schematron'/>")]),
        "r.sch",
        None,
    );
    assert!(ascc.unwrap_err()[0].message.contains("no rules file of ISO Schematron"));
}

#[test]
fn rules_for_another_query_language_are_refused() {
    for (binding, carried) in [
        ("xslt", true),
        ("XSLT", true),
        ("exslt", true),
        ("xslt2", false),
        ("xslt3", false),
        ("xpath2", false),
        ("xquery", false),
    ] {
        let text = format!(
            "<schema {NS}\n queryBinding='{binding}'><pattern><rule context='a'/></pattern></schema>"
        );
        let compiled = Rules::compile(&files(&[("r.sch", &text)]), "r.sch", None);
        assert_eq!(compiled.is_ok(), carried, "{binding}");
        if let Err(faults) = compiled {
            assert_eq!((faults[0].line, faults[0].column), (1, 1));
            assert!(
                faults[0].message.contains(&format!("written for {binding}; the engine carries XSLT 1.0"))
            );
        }
    }
}

#[test]
fn functions_of_the_hub_and_code_lists_can_be_asked() {
    let rules = format!(
        "<schema {NS}><ns prefix='f' uri='urn:rohrpost:functions:1'/><pattern><rule context='land'>\
         <assert test=\"f:has-code('land', .)\">unknown: <value-of select='.'/></assert></rule></pattern></schema>"
    );
    let manifest = "[source]\nrules = \"r.sch\"\n[lists]\nland = \"l.csv\"\n";
    let contents = [("mapping.toml", manifest), ("r.sch", &rules), ("l.csv", "code;name\nDE;Deutschland\n")];
    let mapping = Mapping::compile(&bundle(&contents)).unwrap();
    assert!(apply(&mapping, "<land>DE</land>").is_ok());
    let Err(MappingFault::Source(found)) = apply(&mapping, "<land>XX</land>") else { panic!("XX was taken") };
    assert_eq!(found[0].message, "unknown: XX");
    let faults = compile_faults(&[("mapping.toml", "[source]\nrules = \"r.sch\"\n"), ("r.sch", &rules)]);
    assert!(faults[0].message.contains("no code list `land`"), "{faults:?}");
}

#[test]
fn a_mapping_has_rules_on_both_sides() {
    let rules = |name: &str| {
        schema(&format!(
            "<pattern><rule context='/*'><assert id='{name}' test='@ok'>not ok</assert></rule></pattern>"
        ))
    };
    let manifest = "transform = \"t.xsl\"\ninput = \"envelope\"\n[source]\nrules = \"in.sch\"\n[target]\nrules = \"out.sch\"\n";
    let sheet = stylesheet(
        "<xsl:template match='/'><o><xsl:copy-of select='//hub:data/*/@good[.=1]'/><xsl:if test='//hub:data/*/@good'><xsl:attribute name='ok'>1</xsl:attribute></xsl:if></o></xsl:template>",
    );
    let (source, target) = (rules("in-1"), rules("out-1"));
    let mapping = Mapping::compile(&bundle(&[
        ("mapping.toml", manifest),
        ("t.xsl", &sheet),
        ("in.sch", &source),
        ("out.sch", &target),
    ]))
    .unwrap();
    let code = |found: Vec<crate::Violation>| (found[0].code.to_string(), found[0].path.clone());
    let Err(MappingFault::Source(found)) = apply(&mapping, "<a/>") else { panic!("taken") };
    assert_eq!(code(found), ("in-1".to_owned(), "/a".to_owned()));
    let Err(MappingFault::Target(found)) = apply(&mapping, "<a ok='1'/>") else { panic!("taken") };
    assert_eq!(code(found), ("out-1".to_owned(), "/o".to_owned()));
    assert!(apply(&mapping, "<a ok='1' good='1'/>").is_ok());
    // An envelope's data are a document for the rules, told with their place in the envelope.
    let envelope = crate::envelope(&xml("<p:a xmlns:p='urn:p'/>"), &Facts::sample());
    let envelope = Xml::parse(&envelope, &XmlLimits::default()).unwrap();
    let Err(MappingFault::Source(found)) =
        mapping.apply_to_envelope(&envelope, &Facts::sample(), &Limits::default())
    else {
        panic!("taken")
    };
    assert_eq!(found[0].path, "/hub:envelope/hub:data/p:a");
    assert!(found[0].column > 1);
}

#[test]
fn faults_of_mapping_toml_about_rules() {
    let rules = schema("<pattern><rule context='a'/></pattern>");
    for (manifest, expected) in [
        ("[source]\nrules = \"gone.sch\"\n", "no file `gone.sch`"),
        ("[source]\nrules = \"r.xsl\"\n", "name it .sch"),
        ("[source]\nphase = \"x\"\n", "`phase` without `rules`"),
        ("[source]\nrules = \"r.sch\"\nphase = \"x\"\n", "no phase `x`"),
        ("[source]\nstandard = \"x@1\"\nrules = \"s.sch\"\n", "the standard `x@1` is not installed"),
    ] {
        let faults = compile_faults(&[("mapping.toml", manifest), ("r.sch", &rules)]);
        let all = format!("{faults:?}");
        assert!(all.contains(expected), "{expected}: {all}");
    }
}

#[test]
fn violations_are_bounded() {
    let rules = compile(
        "<pattern><rule context='b'><assert test='false()'>x<value-of select='/'/></assert></rule></pattern>",
    )
    .unwrap();
    let found = judged(&rules, &format!("<a>{}</a>", "<b>yyyyyyyyyy</b>".repeat(1500)));
    assert_eq!(found.violations.len(), crate::MAX_VIOLATIONS);
    assert!(found.violations.iter().all(|one| one.message.chars().count() <= 1001));
    assert_eq!(found.violations[99].path, "/a/b[100]");
}

#[track_caller]
fn stopped(body: &str, limit: Limit) {
    let document = format!("<a>{}</a>", "<b/>".repeat(2000));
    assert_eq!(
        compile(body).unwrap().judge(&xml(&document)).unwrap_err(),
        MappingFault::Limit(limit),
        "{body}"
    );
}

#[test]
fn hostile_rules_are_stopped() {
    let test = |test: &str| {
        format!("<pattern><rule context='/'><assert test=\"{test}\">x</assert></rule></pattern>")
    };
    stopped(&test("count(//b[count(//b[count(//b) > 0]) > 0])"), Limit::Operations);
    let doubled: String =
        (1..60).map(|i| format!("<let name='v{i}' value='concat($v{0}, $v{0})'/>", i - 1)).collect();
    let bomb = format!(
        "<pattern><rule context='b'><let name='v0' value=\"'xxxxxxxxxx'\"/>{doubled}<assert test='$v59 = 1'>x</assert></rule></pattern>"
    );
    stopped(&bomb, Limit::Memory);
    let quotes = "<pattern><rule context='b'><assert test='false()'><value-of select=\"translate(concat(//@x, /a/@x), '', '')\"/></assert></rule></pattern>";
    let long = format!("<a x='{}'>{}</a>", "y".repeat(100_000), "<b/>".repeat(2000));
    let fault = compile(quotes).unwrap().judge(&xml(&long)).unwrap_err();
    assert!(matches!(fault, MappingFault::Limit(Limit::Memory | Limit::Output)), "{fault:?}");
    for uri in ["/etc/passwd", "file:///etc/passwd", "http://127.0.0.1:1/x.xml", "../../../etc/passwd"] {
        let rules = compile(&test(&format!("document('{uri}')"))).map(|rules| rules.judge(&xml("<a/>")));
        assert!(!matches!(rules, Ok(Ok(_))), "{uri}");
    }
}

#[test]
fn nothing_can_be_written_by_rules() {
    let target = std::env::temp_dir().join(format!("rohrpost-rules-{}", std::process::id()));
    for element in [
        format!(
            "<exsl:document xmlns:exsl='http://exslt.org/common' href='{}'><x/></exsl:document>",
            target.display()
        ),
        format!(
            "<xsl:document xmlns:xsl='http://www.w3.org/1999/XSL/Transform' href='{}'><x/></xsl:document>",
            target.display()
        ),
    ] {
        let body = format!(
            "<ns prefix='exsl' uri='http://exslt.org/common'/>{element}<pattern>{element}<rule context='a'><assert test='false()'>x{element}</assert></rule></pattern>"
        );
        if let Ok(rules) = compile(&body) {
            assert_eq!(judged(&rules, "<a/>").violations.len(), 1);
        }
        assert!(!target.exists(), "{element}");
    }
}

#[test]
fn rules_that_grow_without_end_are_refused() {
    let extended: String = (0..30)
        .map(|i| {
            format!(
                "<rule abstract='true' id='r{i}'><extends rule='r{0}'/><extends rule='r{0}'/></rule>",
                i + 1
            )
        })
        .collect();
    refused_with(
        &format!(
            "<pattern>{extended}<rule abstract='true' id='r30'><assert test='b'>{}</assert></rule><rule context='a'><extends rule='r0'/></rule></pattern>",
            "x".repeat(5000)
        ),
        "bytes of XSLT",
    );
    refused_with(
        "<pattern><rule abstract='true' id='r'><extends rule='r'/></rule><rule context='a'><extends rule='r'/></rule></pattern>",
        "extends itself",
    );
    let long = "x".repeat(100_000);
    let filled = format!(
        "<pattern abstract='true' id='p'><rule context='a'><assert test='b'>{}</assert></rule></pattern><pattern is-a='p'><param name='v' value='{long}'/></pattern>",
        "$v ".repeat(10_000)
    );
    refused_with(&filled, "more than 8388608 bytes");
    let many: Vec<(String, String)> = (0..14)
        .map(|i| {
            (
                format!("p{i}.sch"),
                format!("<pattern {NS}>{}</pattern>", format!("<include href='p{}.sch'/>", i + 1).repeat(10)),
            )
        })
        .collect();
    let mut all: Vec<(&str, &str)> = many.iter().map(|(path, text)| (path.as_str(), text.as_str())).collect();
    let (main, last) = (schema("<include href='p0.sch'/>"), format!("<rule {NS} context='a'/>"));
    all.extend([("r.sch", main.as_str()), ("p14.sch", last.as_str())]);
    let faults = Rules::compile(&files(&all), "r.sch", None).unwrap_err();
    assert!(
        faults.iter().any(|fault| fault.message.contains("more is included than")),
        "{:?}",
        faults.first()
    );
}
