//! Against tools that we did not write. A tool that is not installed is skipped in plain words, and is a failure where
//! `REQUIRE_PEERS` is set.

use super::fixtures::*;
use super::xmldsig::{sign, verdict};
use crate::{DigestAlgorithm, SignatureScheme, Verdict, XmlDsigOptions};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

#[allow(clippy::disallowed_methods)] // The only switch of these tests; production code never gets here.
fn peers_are_required() -> bool {
    std::env::var("REQUIRE_PEERS").is_ok_and(|value| !value.is_empty() && value != "0")
}

fn skip(peer: &str) {
    assert!(!peers_are_required(), "REQUIRE_PEERS is set, and {peer} cannot be run");
    println!("skipped: {peer} cannot be run here");
}

/// Runs a peer; `None` where it is not installed.
fn run(program: &str, arguments: &[&Path]) -> Option<Output> {
    match Command::new(program).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            skip(program);
            None
        }
        Err(error) => panic!("{program}: {error}"),
    }
}

fn arguments<'a>(words: &'a [&'a str]) -> Vec<&'a Path> {
    words.iter().map(Path::new).collect()
}

#[track_caller]
fn assert_success(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// A folder with the authority's certificate in it.
struct Desk(TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().unwrap());
        desk.put("ca.pem", &cast().authority.certificate_pem());
        desk
    }

    fn put(&self, name: &str, bytes: &[u8]) -> String {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn xmlsec1_verify(&self, file: &str) -> Option<Output> {
        run("xmlsec1", &arguments(&["--verify", "--trusted-pem", &self.path("ca.pem"), file]))
    }
}

#[test]
fn xmlsec1_believes_our_signatures_and_not_a_changed_document() {
    let cast = cast();
    let desk = Desk::new();
    let pkcs1 = Some(SignatureScheme::RsaPkcs1);
    for (by, signature) in [(&cast.rsa, pkcs1), (&cast.p256, None), (&cast.p384, None)] {
        for digest in [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512] {
            for document in [AWKWARD, "<a/>"] {
                let signed = sign(by, XmlDsigOptions { digest, signature }, document);
                let Some(output) = desk.xmlsec1_verify(&desk.put("signed.xml", signed.as_bytes())) else {
                    return;
                };
                assert_success(&output);
            }
            let changed = sign(by, XmlDsigOptions { digest, signature }, AWKWARD).replace("Erika", "Erica");
            let Some(output) = desk.xmlsec1_verify(&desk.put("changed.xml", changed.as_bytes())) else {
                return;
            };
            assert!(!output.status.success(), "xmlsec1 believes anything");
        }
    }
}

const TEMPLATE: &str = r#"<Signature xmlns="http://www.w3.org/2000/09/xmldsig#">
  <SignedInfo>
    <CanonicalizationMethod Algorithm="{c14n}"/>
    <SignatureMethod Algorithm="{method}"/>
    <Reference URI="">
      <Transforms><Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/>{transform}</Transforms>
      <DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><DigestValue/>
    </Reference>
  </SignedInfo>
  <SignatureValue/>
  <KeyInfo><X509Data/></KeyInfo>
</Signature>
"#;

fn signed_by_xmlsec1(
    desk: &Desk,
    by: &Issued,
    method: &str,
    c14n: &str,
    with_transform: bool,
) -> Option<String> {
    let transform =
        if with_transform { format!(r#"<Transform Algorithm="{c14n}"/>"#) } else { String::new() };
    let template =
        TEMPLATE.replace("{c14n}", c14n).replace("{method}", method).replace("{transform}", &transform);
    let document = AWKWARD.replace("</x:antrag >", &format!("{template}</x:antrag >"));
    let document = desk.put("template.xml", document.as_bytes());
    let key = desk.put("key.pem", &by.key_pem());
    let certificate = desk.put("certificate.pem", &by.certificate_pem());
    let (signed, pair) = (desk.path("by-xmlsec1.xml"), format!("{key},{certificate}"));
    let output =
        run("xmlsec1", &arguments(&["--sign", "--privkey-pem", &pair, "--output", &signed, &document]))?;
    assert_success(&output);
    Some(fs::read_to_string(signed).unwrap())
}

#[test]
fn h8_what_xmlsec1_signed_is_believed_until_it_is_changed() {
    let cast = cast();
    let desk = Desk::new();
    let exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#";
    let c14ns = [
        exclusive,
        "http://www.w3.org/2001/10/xml-exc-c14n#WithComments",
        "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    ];
    let methods = [
        (&cast.rsa, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"),
        (&cast.rsa, "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512"),
        (&cast.p256, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"),
        (&cast.p256, "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha512"),
    ];
    for (by, method) in methods {
        for (c14n, with_transform) in c14ns.iter().flat_map(|c14n| [(c14n, true), (c14n, false)]) {
            let Some(signed) = signed_by_xmlsec1(&desk, by, method, c14n, with_transform) else { return };
            assert!(verdict(&signed).is_trusted(), "{method} {c14n} {with_transform}: {}", verdict(&signed));
            let changed = signed.replace("Erika", "Erica");
            assert!(matches!(verdict(&changed), Verdict::Broken(_)), "{}", verdict(&changed));
        }
    }
    let stranger = &cast.stranger;
    let Some(signed) = signed_by_xmlsec1(&desk, stranger, methods[2].1, exclusive, true) else { return };
    assert!(matches!(verdict(&signed), Verdict::Untrusted { .. }), "{}", verdict(&signed));
    let wrapped = format!(
        "<antrag><betrag>1000</betrag>{}</antrag>",
        &signed[signed.find("<x:antrag").unwrap()..signed.rfind("<!-- danach").unwrap()]
    );
    assert!(matches!(verdict(&wrapped), Verdict::NotCovering(_)), "{}", verdict(&wrapped));
    let sha1 = "http://www.w3.org/2000/09/xmldsig#rsa-sha1";
    let Some(signed) = signed_by_xmlsec1(&desk, &cast.rsa, sha1, exclusive, true) else { return };
    assert!(matches!(verdict(&signed), Verdict::Broken(_)), "{}", verdict(&signed));
}

#[test]
fn openssl_believes_our_cms_signatures_and_not_a_changed_document() {
    let cast = cast();
    let desk = Desk::new();
    let message: &[u8] = b"%PDF-1.7\r\n\x00\xff";
    for (by, cades) in [(&cast.rsa, false), (&cast.rsa, true), (&cast.p256, true), (&cast.p384, true)] {
        let signature = desk.put("message.p7s", &super::cms::sign(by, cades, message));
        for (content, believed) in [(message, true), (b"%PDF-1.7\r\n\x00\xfe", false)] {
            let content = desk.put("message.pdf", content);
            let (ca, out) = (desk.path("ca.pem"), desk.path("out"));
            let words = [
                "cms", "-verify", "-binary", "-inform", "DER", "-in", &signature, "-content", &content,
                "-CAfile", &ca, "-purpose", "any", "-out", &out,
            ];
            let cades = if cades { &["-cades"][..] } else { &[] };
            let Some(output) = run("openssl", &arguments(&[&words[..], cades].concat())) else { return };
            assert_eq!(output.status.success(), believed, "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

const SIGNXML: &str = "
import sys
from signxml import XMLVerifier
ca, signed = sys.argv[1], open(sys.argv[2], 'rb').read()
result = XMLVerifier().verify(signed, ca_pem_file=ca)
assert result.signature_xml is not None
";

/// A Python that has signxml: the one that `scripts/python-peers` makes, or the machine's own.
fn python_with_signxml() -> Option<PathBuf> {
    let made = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/peers/python/bin/python");
    let has_it = |python: &PathBuf| {
        Command::new(python)
            .args(["-c", "import signxml"])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    [made, PathBuf::from("python3")].into_iter().find(has_it)
}

#[test]
fn signxml_believes_our_rsa_pss_signatures_and_not_a_changed_document() {
    let Some(python) = python_with_signxml() else { return skip("signxml") };
    let desk = Desk::new();
    let believes = |document: &str| {
        let signed = desk.put("signed.xml", document.as_bytes());
        Command::new(&python).args(["-c", SIGNXML, &desk.path("ca.pem"), &signed]).output().unwrap()
    };
    // Of a whole document signxml digests the root alone and forgets processing instructions beside it, which
    // XMLDSIG Core 1.1, section 4.4.3.3, counts in (xmlsec1 does too).
    let document =
        AWKWARD.replace("<?vor dem=\"Wurzelelement\"?>", "").replace("<?nach dem=\"Wurzelelement\"?>", "");
    for digest in [DigestAlgorithm::Sha256, DigestAlgorithm::Sha384, DigestAlgorithm::Sha512] {
        let options = XmlDsigOptions { digest, signature: Some(SignatureScheme::RsaPss) };
        let signed = sign(&cast().rsa, options, &document);
        assert_success(&believes(&signed));
        assert!(!believes(&signed.replace("Erika", "Erica")).status.success(), "signxml believes anything");
    }
}

/// Pieces of XML in which parsers differ: line ends, white space in attributes, references, namespaces that come, go
/// and change, CDATA, comments, processing instructions.
const PIECES: [&str; 28] = [
    "text",
    " ",
    "\r",
    "\r\n",
    "\n",
    "\t",
    "&#13;",
    "&#xA;",
    "&#9;",
    "&lt;&gt;&amp;&quot;&apos;",
    "\u{e4}\u{1F4A7}",
    "\u{85}",
    "\u{2028}",
    "]]",
    "<![CDATA[<&>]]>",
    "<![CDATA[]]>",
    "<!-- c\r\n-->",
    "<?pi  data\r\n?>",
    "<?pi?>",
    "<e/>",
    "<p:e/>",
    "<q:e p:a='1' q:a='2' a='3'/>",
    "<e xmlns=''/>",
    "<e xmlns='urn:other'><p:f/></e>",
    "<p:e xmlns:p='urn:other' a='x\r\n\ty&#10;\"'/>",
    "<e b='2' a='1\t' xml:lang='de'\r\n c=\"'\"></e >",
    "<e xmlns:p='urn:p' xmlns:r='urn:r' r:z='1' p:z='&lt;&gt;&#9;'/>",
    "<q:e xmlns:q='urn:p' q:a='1'><e/></q:e>",
];

#[test]
fn our_canonical_form_is_that_of_libxml2() {
    use bergshamra::c14n::{C14nMode, canonicalize_doc};
    use proptest::prelude::*;
    use proptest::test_runner::TestRunner;
    let desk = Desk::new();
    if run("xmllint", &arguments(&["--version"])).is_none() {
        return;
    }
    let pieces = prop::collection::vec((prop::sample::select(&PIECES[..]), any::<bool>()), 0..12);
    let mut runner = TestRunner::new(ProptestConfig {
        cases: 300,
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let result = runner.run(&pieces, |pieces| {
        let mut document =
            String::from("<?xml version='1.0'?>\r\n<w xmlns='urn:d' xmlns:p='urn:p' xmlns:q='urn:q'>");
        let mut depth = 0;
        for (piece, deeper) in pieces {
            document.push_str(piece);
            if deeper {
                document.push_str("<p:t\txmlns:q='urn:new'>");
                depth += 1;
            }
        }
        document.push_str(&"</p:t>".repeat(depth));
        document.push_str("</w>\r\n<?nach her?>");
        let file = desk.put("document.xml", document.as_bytes());
        let text = crate::xml::read(document.as_bytes()).unwrap();
        let parsed = crate::xml::parse(&text).unwrap();
        for (mode, flag) in
            [(C14nMode::ExclusiveWithComments, "--exc-c14n"), (C14nMode::InclusiveWithComments, "--c14n")]
        {
            let theirs = run("xmllint", &arguments(&[flag, &file])).unwrap().stdout;
            let ours = canonicalize_doc::<&str>(&parsed.doc, mode, None, &[]).unwrap();
            prop_assert_eq!(
                String::from_utf8_lossy(&ours),
                String::from_utf8_lossy(&theirs),
                "{:?}",
                document
            );
        }
        Ok(())
    });
    result.unwrap();
}
