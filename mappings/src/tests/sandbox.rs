//! What a stylesheet must not reach, and when it is stopped.

use super::*;
use crate::Limit;
use std::path::Path;

fn in_template(content: &str) -> String {
    format!("<xsl:template match='/'><o>{content}</o></xsl:template>")
}

#[test]
fn documents_outside_the_bundle_are_refused() {
    for uri in [
        "/etc/passwd",
        "file:///etc/passwd",
        "http://127.0.0.1:1/x.xml",
        "../../../etc/passwd",
        "ftp://127.0.0.1/x",
        "bundle:///../etc/passwd",
        "codes.xml",
        "no uri ä.xml",
        "t.xsl#part",
    ] {
        let mapping = transform(&in_template(&format!("<xsl:copy-of select=\"document('{uri}')\"/>")));
        assert!(!failed(&mapping, "<a/>").is_empty(), "{uri}");
    }
    let by_base = transform(&in_template("<xsl:copy-of select='document(/a/@href, /)'/>"));
    assert!(!failed(&by_base, "<a href='/etc/passwd' xml:base='file:///'/>").is_empty());
}

#[test]
fn nothing_can_be_written() {
    let target = std::env::temp_dir().join(format!("rohrpost-sandbox-{}", std::process::id()));
    let target = target.to_str().unwrap();
    let written = [
        format!("<exsl:document href='{target}'><x/></exsl:document>"),
        format!("<exsl:document href='file://{target}'><x/></exsl:document>"),
        format!(
            "<xsl:document xmlns:xsl='http://www.w3.org/1999/XSL/Transform' href='{target}'><x/></xsl:document>"
        ),
    ];
    for body in written {
        let contents = [("mapping.toml", TRANSFORM), ("t.xsl", &stylesheet(&in_template(&body)))];
        if let Ok(mapping) = Mapping::compile(&bundle(&contents)) {
            assert!(!failed(&mapping, "<a/>").is_empty(), "{body}");
        }
        assert!(!Path::new(target).exists(), "{body}");
    }
}

#[test]
fn imports_outside_the_bundle_are_refused() {
    for uri in ["/etc/passwd", "http://127.0.0.1:1/t.xsl", "../t.xsl", "file:///usr/share/x.xsl"] {
        let body = format!("<xsl:import href='{uri}'/>");
        let faults = compile_faults(&[("mapping.toml", TRANSFORM), ("t.xsl", &stylesheet(&body))]);
        assert!(!faults.is_empty(), "{uri}");
    }
}

#[test]
fn a_mapping_reads_no_clock_and_no_chance() {
    for call in [
        "date:date-time()",
        "date:date()",
        "date:year()",
        "date:seconds()",
        "date:day-name()",
        "math:random()",
    ] {
        let mapping = transform(&in_template(&format!("<xsl:value-of select='{call}'/>")));
        let faults = failed(&mapping, "<a/>");
        assert!(faults.iter().any(|fault| fault.message.contains("clock or chance")), "{call}: {faults:?}");
    }
    let with_argument = transform(&in_template(
        "<xsl:value-of select='concat(date:year(\"2026-03-01\"), date:seconds(\"PT5S\"))'/>",
    ));
    assert!(applied(&with_argument, "<a/>").contains("<o>20265</o>"));
}

#[track_caller]
fn stopped(body: &str, limit: Limit) {
    let mapping = transform(body);
    let source = format!("<a>{}</a>", "<b/>".repeat(2000));
    assert_eq!(apply(&mapping, &source).unwrap_err(), MappingFault::Limit(limit), "{body}");
}

#[test]
fn endless_recursion_is_stopped() {
    stopped("<xsl:template match='/' name='t'><xsl:call-template name='t'/></xsl:template>", Limit::Depth);
    stopped("<xsl:template match='*|/'><xsl:apply-templates select='/'/></xsl:template>", Limit::Depth);
    let nested = "<xsl:template match='/' name='t'><xsl:for-each select='/a'><xsl:choose><xsl:when test='true()'><x><xsl:variable name='v'><xsl:if test='true()'><xsl:call-template name='t'/></xsl:if></xsl:variable><xsl:copy-of select='$v'/></x></xsl:when></xsl:choose></xsl:for-each></xsl:template>";
    stopped(nested, Limit::Depth);
    let function = "<func:function name='my:f'><func:result><xsl:value-of select='my:f()'/></func:result></func:function><xsl:template match='/'><xsl:value-of select='my:f()'/></xsl:template>";
    stopped(function, Limit::Depth);
}

#[test]
fn endless_work_is_stopped() {
    let expression = "<xsl:template match='/'><o><xsl:value-of select='count(//b[count(//b[count(//b) > 0]) > 0])'/></o></xsl:template>";
    stopped(expression, Limit::Operations);
    let loops = "<xsl:template match='/'><xsl:for-each select='//b'><xsl:for-each select='//b'><xsl:for-each select='//b'><xsl:if test='false()'/></xsl:for-each></xsl:for-each></xsl:for-each></xsl:template>";
    stopped(loops, Limit::Operations);
}

#[test]
fn gigabytes_are_stopped() {
    let text = "x".repeat(1000);
    let tree = format!(
        "<xsl:template match='/'><o><xsl:for-each select='//b'><xsl:for-each select='//b'><x>{text}</x></xsl:for-each></xsl:for-each></o></xsl:template>"
    );
    stopped(&tree, Limit::Memory);
    let doubled = (1..60)
        .map(|i| format!("<xsl:variable name='v{i}' select='concat($v{0}, $v{0})'/>", i - 1))
        .collect::<String>();
    stopped(
        &format!(
            "<xsl:template match='/'><xsl:variable name='v0' select=\"'{text}'\"/>{doubled}<o><xsl:value-of select='$v59'/></o></xsl:template>"
        ),
        Limit::Memory,
    );
    let output = format!(
        "<xsl:template match='/'><o><xsl:for-each select='//b'><xsl:for-each select='//b[position() &lt; 50]'><x>{text}</x></xsl:for-each></xsl:for-each></o></xsl:template>"
    );
    stopped(&output, Limit::Output);
}

/// What a run takes in all may be far more than it has at once.
#[test]
fn memory_that_is_given_back_does_not_count() {
    let text = "x".repeat(10_000);
    let mapping = transform(&format!(
        "<xsl:template match='/'><o><xsl:for-each select='//b'><xsl:if test=\"string-length(concat(., '{text}')) = 0\"/>\
         </xsl:for-each></o></xsl:template>"
    ));
    let source = xml(&format!("<a>{}</a>", "<b/>".repeat(2000)));
    let run = |memory_bytes: usize| {
        mapping.apply(&source, &Facts::sample(), &Limits { memory_bytes, ..Limits::default() })
    };
    assert!(run(1_000_000).is_ok());
    assert_eq!(run(10_000).unwrap_err(), MappingFault::Limit(Limit::Memory));
}

#[test]
fn limits_are_those_that_are_handed_in() {
    let mapping = transform(
        "<xsl:template match='/'><o><xsl:for-each select='//b'><x/></xsl:for-each></o></xsl:template>",
    );
    let source = xml(&format!("<a>{}</a>", "<b/>".repeat(200)));
    let run = |limits: Limits| mapping.apply(&source, &Facts::sample(), &limits);
    assert!(run(Limits::default()).is_ok());
    let fault = |limits| run(limits).unwrap_err();
    assert_eq!(
        fault(Limits { operations: 100, ..Limits::default() }),
        MappingFault::Limit(Limit::Operations)
    );
    assert_eq!(fault(Limits { output_bytes: 500, ..Limits::default() }), MappingFault::Limit(Limit::Output));
    assert_eq!(fault(Limits { depth: 1, ..Limits::default() }), MappingFault::Limit(Limit::Depth));
    assert_eq!(
        fault(Limits { memory_bytes: 10_000, ..Limits::default() }),
        MappingFault::Limit(Limit::Memory)
    );
}

/// Recursion through dyn:evaluate takes more stack for each call than templates do, and a tree can be made deeper than
/// calls may be nested. Either must end as a limit, whatever stack the caller has, and not end the process.
#[test]
fn no_recursion_exhausts_the_stack() {
    let evaluate = "<func:function name='my:e'><xsl:param name='s'/><func:result select='dyn:evaluate($s)' \
                    xmlns:dyn='http://exslt.org/dynamic'/></func:function><xsl:template match='/'>\
                    <xsl:variable name='s' select=\"'my:e($s)'\"/><xsl:value-of select='my:e($s)'/></xsl:template>";
    let nested = format!("{}<xsl:copy-of select='$tree'/>{}", "<x>".repeat(200), "</x>".repeat(200));
    let copies = format!(
        "<xsl:template match='/' name='t'><xsl:param name='tree'/><xsl:variable name='deeper'>{nested}</xsl:variable>\
         <xsl:call-template name='t'><xsl:with-param name='tree' select='$deeper'/></xsl:call-template></xsl:template>"
    );
    let expression = "<xsl:template match='/'><o><xsl:value-of xmlns:dyn='http://exslt.org/dynamic' \
                      select=\"dyn:evaluate(concat(str:padding(9000, '('), '1', str:padding(9000, ')')))\"/></o></xsl:template>";
    let on_small_stack = |body: &str, limit: Limit| {
        std::thread::scope(|scope| {
            let run = move || stopped(body, limit);
            std::thread::Builder::new()
                .stack_size(256 << 10)
                .spawn_scoped(scope, run)
                .unwrap()
                .join()
                .unwrap();
        });
    };
    on_small_stack(evaluate, Limit::Depth);
    on_small_stack(&copies, Limit::Memory);
    on_small_stack(expression, Limit::Depth);
}

#[test]
fn a_tree_deeper_than_any_stack_is_stopped() {
    let (open, close) = ("<x>".repeat(250), "</x>".repeat(250));
    let body = format!(
        "<xsl:template match='/'><xsl:variable name='v'><xsl:apply-templates select='/a/b[1]'/></xsl:variable>\
         <xsl:variable name='w'><xsl:copy-of select='$v'/></xsl:variable>\
         <o><xsl:value-of select='string-length($w)'/></o></xsl:template>\
         <xsl:template match='b'>{open}<xsl:apply-templates select='following-sibling::b[1]'/>{close}</xsl:template>"
    );
    let source = format!("<a>{}</a>", "<b/>".repeat(2900));
    assert_eq!(apply(&transform(&body), &source).unwrap_err(), MappingFault::Limit(Limit::Depth));
}
