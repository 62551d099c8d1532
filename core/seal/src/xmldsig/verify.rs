//! Judges an enveloped signature.
//!
//! It believes one shape only, and refuses every other: one `ds:Signature`, a child of the document's root, with one
//! reference to the whole document (or to the root by its id), and no transforms but the enveloped one and a C14N. So
//! what was verified *is* the document, and nothing can be moved or wrapped (XMLDSIG Best Practices, sections 2.1 to
//! 2.4). Parsing and C14N are the library's; which node is digested is decided here.

use super::ENVELOPED;
use crate::algorithm::{Algorithm, DigestAlgorithm};
use crate::trust::{TrustStore, Verdict, believable_key, signed_by};
use crate::xml::{self, Parsed};
use base64::{Engine, engine::general_purpose::STANDARD};
use bergshamra::c14n::{C14nMode, canonicalize_doc};
use bergshamra::xml::NodeSet;
use bergshamra::xml::uppsala::{Document, NodeId};
use openssl::x509::X509;
use rohrpost_model::Timestamp;

/// More certificates than any real chain has are not tried.
const CERTIFICATES_MAX: usize = 10;

/// The attributes that readers take for ids.
const ID_ATTRIBUTES: [&str; 3] = ["Id", "ID", "id"];

/// Judges the enveloped signature of an XML document at the time `now`. A certificate in the document is only ever a
/// claim: it counts when it leads to an anchor of `trust`.
pub fn verify_xml(document: &[u8], trust: &TrustStore, now: Timestamp) -> Verdict {
    judge(document, trust, now).unwrap_or_else(|refusal| refusal)
}

/// A refusal as soon as it is certain is the `Err`.
fn judge(document: &[u8], trust: &TrustStore, now: Timestamp) -> Result<Verdict, Verdict> {
    let text = xml::read(document).map_err(Verdict::Broken)?;
    let parsed = xml::parse(&text).map_err(Verdict::Broken)?;
    let signature = the_signature(&parsed)?;
    let signed = read_signature(&parsed, signature)?;
    check_digest(&parsed, signature, &signed.reference)?;
    let certificates = certificates(&parsed.doc, signature)?;
    let (leaf, algorithm) = check_value(&parsed.doc, &signed, &certificates)?;
    let by = signed_by(leaf, algorithm, signed.reference.covers);
    Ok(trust.judge(by, leaf, &certificates, now))
}

/// The one signature of the document: a child of its root, and no other anywhere.
fn the_signature(parsed: &Parsed<'_>) -> Result<NodeId, Verdict> {
    let doc = &parsed.doc;
    let all = doc.get_elements_by_tag_name_ns(xml::DSIG, "Signature");
    match all.as_slice() {
        [] => Err(Verdict::NoSignature),
        [one] if doc.parent(*one) == Some(parsed.root) => Ok(*one),
        [_] => Err(not_covering("the signature is not a child of the document's root")),
        _ => Err(not_covering("the document holds more than one signature")),
    }
}

/// What a signature says about itself, read but not yet believed.
struct Signed {
    signed_info: NodeId,
    c14n: C14n,
    algorithm: Algorithm,
    reference: Reference,
    value: Vec<u8>,
}

struct Reference {
    covers: &'static str,
    whole_document: bool,
    c14n: C14n,
    digest: DigestAlgorithm,
    value: Vec<u8>,
}

struct C14n {
    mode: C14nMode,
    prefixes: Vec<String>,
}

fn read_signature(parsed: &Parsed<'_>, signature: NodeId) -> Result<Signed, Verdict> {
    let doc = &parsed.doc;
    let signed_info = only(doc, signature, "SignedInfo")?;
    let method = only(doc, signed_info, "SignatureMethod")?;
    let algorithm = Algorithm::from_uri(attribute(doc, method, "Algorithm")?)
        .ok_or_else(|| broken("its signature algorithm proves nothing here (SHA-1, HMAC, DSA or unknown)"))?;
    Ok(Signed {
        signed_info,
        c14n: read_c14n(doc, only(doc, signed_info, "CanonicalizationMethod")?)?,
        algorithm,
        reference: read_reference(parsed, only(doc, signed_info, "Reference")?)?,
        value: base64_of(doc, only(doc, signature, "SignatureValue")?)?,
    })
}

fn read_reference(parsed: &Parsed<'_>, reference: NodeId) -> Result<Reference, Verdict> {
    let doc = &parsed.doc;
    let uri = attribute(doc, reference, "URI")?;
    let whole_document = uri.is_empty();
    if !whole_document {
        check_root_id(parsed, uri)?;
    }
    let digest = attribute(doc, only(doc, reference, "DigestMethod")?, "Algorithm")?;
    let digest = DigestAlgorithm::from_uri(digest)
        .ok_or_else(|| broken("its digest algorithm proves nothing here (SHA-1 or unknown)"))?;
    Ok(Reference {
        covers: if whole_document { "the whole document" } else { "the whole root element" },
        whole_document,
        c14n: read_transforms(doc, only(doc, reference, "Transforms")?)?,
        digest,
        value: base64_of(doc, only(doc, reference, "DigestValue")?)?,
    })
}

/// `#id` must name the root, and the root alone: an id that stands twice is how a wrapping attack begins.
fn check_root_id(parsed: &Parsed<'_>, uri: &str) -> Result<(), Verdict> {
    let id = uri.strip_prefix('#').filter(|id| !id.is_empty() && !id.starts_with("xpointer("));
    let id = id.ok_or_else(|| {
        not_covering("it refers to something outside the document, or to a part by XPointer")
    })?;
    let doc = &parsed.doc;
    let carries = |node: &NodeId| {
        let attributes = doc.element(*node).map(|element| element.attributes.as_slice()).unwrap_or_default();
        attributes.iter().any(|a| ID_ATTRIBUTES.contains(&&*a.name.local_name) && a.value == id)
    };
    let carriers: Vec<NodeId> = doc.descendants(doc.root()).into_iter().filter(carries).collect();
    match carriers.as_slice() {
        [one] if *one == parsed.root => Ok(()),
        [] => Err(not_covering("it refers to an id that no element has")),
        [_] => Err(not_covering("it refers to a part of the document, not to its root")),
        _ => Err(not_covering("it refers to an id that several elements have")),
    }
}

/// The enveloped transform, then at most one C14N; without one, inclusive C14N 1.0 is implied (XMLDSIG Core 1.1,
/// section 4.4.3.2).
fn read_transforms(doc: &Document<'_>, transforms: NodeId) -> Result<C14n, Verdict> {
    let steps: Vec<NodeId> = xml::child_elements(doc, transforms).collect();
    let foreign = || not_covering("it uses a transform other than enveloped-signature and C14N");
    let (first, rest) = steps.split_first().ok_or_else(foreign)?;
    if !xml::is_dsig(doc, *first, "Transform") || attribute(doc, *first, "Algorithm")? != ENVELOPED {
        return Err(foreign());
    }
    match rest {
        [] => Ok(C14n { mode: C14nMode::Inclusive, prefixes: Vec::new() }),
        [step] if xml::is_dsig(doc, *step, "Transform") => read_c14n(doc, *step).map_err(|_| foreign()),
        _ => Err(foreign()),
    }
}

fn read_c14n(doc: &Document<'_>, method: NodeId) -> Result<C14n, Verdict> {
    let mode = C14nMode::from_uri(attribute(doc, method, "Algorithm")?);
    let mode = mode.ok_or_else(|| broken("its canonicalization is unknown"))?;
    let list = xml::child_elements(doc, method).find_map(|child| {
        let element = doc.element(child)?;
        element.matches_name_ns(C14nMode::Exclusive.uri(), "InclusiveNamespaces").then_some(element)?;
        element.get_attribute("PrefixList")
    });
    Ok(C14n { mode, prefixes: list.unwrap_or_default().split_whitespace().map(str::to_owned).collect() })
}

/// The document without its signature must have the digest that the reference states.
fn check_digest(parsed: &Parsed<'_>, signature: NodeId, reference: &Reference) -> Result<(), Verdict> {
    let doc = &parsed.doc;
    let mut covered = match reference.whole_document {
        true => NodeSet::all_without_comments(doc),
        false => NodeSet::tree_without_comments(parsed.root, doc),
    };
    covered.remove_id(signature);
    doc.descendants(signature).into_iter().for_each(|node| covered.remove_id(node));
    let bytes = canonical(doc, &reference.c14n, &covered)?;
    if reference.digest.of(&bytes) == reference.value {
        return Ok(());
    }
    Err(broken("the document was changed after it was signed"))
}

/// The certificate whose key made the signature, and the algorithm.
fn check_value<'c>(
    doc: &Document<'_>,
    signed: &Signed,
    certificates: &'c [X509],
) -> Result<(&'c X509, Algorithm), Verdict> {
    let bytes = canonical(doc, &signed.c14n, &NodeSet::tree_without_comments(signed.signed_info, doc))?;
    let mut reason = "the signature was made with another key, or was changed".to_owned();
    for certificate in certificates {
        match believable_key(certificate) {
            Ok(key) if signed.algorithm.verify(&key, &bytes, &signed.value) => {
                return Ok((certificate, signed.algorithm));
            }
            Ok(_) => {}
            Err(weak) => reason = weak,
        }
    }
    Err(Verdict::Broken(reason))
}

fn canonical(doc: &Document<'_>, c14n: &C14n, covered: &NodeSet) -> Result<Vec<u8>, Verdict> {
    canonicalize_doc(doc, c14n.mode, Some(covered), &c14n.prefixes)
        .map_err(|_| broken("the document cannot be brought into canonical form"))
}

/// The certificates in `KeyInfo/X509Data`. Bare keys (`KeyValue`) are passed over: nobody vouches for them.
fn certificates(doc: &Document<'_>, signature: NodeId) -> Result<Vec<X509>, Verdict> {
    let key_info = only(doc, signature, "KeyInfo")?;
    let data = xml::child_elements(doc, key_info).filter(|&node| xml::is_dsig(doc, node, "X509Data"));
    let nodes = data.flat_map(|data| xml::child_elements(doc, data).collect::<Vec<_>>());
    let nodes = nodes.filter(|&node| xml::is_dsig(doc, node, "X509Certificate"));
    let mut found = Vec::new();
    for node in nodes.take(CERTIFICATES_MAX) {
        let der = base64_of(doc, node)?;
        found.push(X509::from_der(&der).map_err(|_| broken("its certificate cannot be read"))?);
    }
    if found.is_empty() {
        return Err(broken("it carries no certificate, so nobody vouches for its key"));
    }
    Ok(found)
}

/// The one child element of XML-DSig with this name. None, or a second one that another reader might take instead, is
/// a refusal.
fn only(doc: &Document<'_>, parent: NodeId, local: &str) -> Result<NodeId, Verdict> {
    let mut found = xml::child_elements(doc, parent).filter(|&node| xml::is_dsig(doc, node, local));
    match (found.next(), found.next(), local) {
        (Some(one), None, _) => Ok(one),
        (Some(_), Some(_), "Reference") => Err(not_covering("it has more than one reference")),
        (Some(_), Some(_), _) => Err(Verdict::Broken(format!("it has more than one {local}"))),
        (None, _, "Transforms") => Err(not_covering("it lacks the enveloped-signature transform")),
        (None, _, _) => Err(Verdict::Broken(format!("it has no {local}"))),
    }
}

fn attribute<'d>(doc: &'d Document<'_>, node: NodeId, name: &str) -> Result<&'d str, Verdict> {
    let attributes = doc.element(node).map(|element| element.attributes.as_slice()).unwrap_or_default();
    let plain = attributes.iter().find(|a| a.name.namespace_uri.is_none() && *a.name.local_name == *name);
    plain
        .map(|attribute| &*attribute.value)
        .ok_or_else(|| Verdict::Broken(format!("an attribute {name} is missing")))
}

fn base64_of(doc: &Document<'_>, node: NodeId) -> Result<Vec<u8>, Verdict> {
    STANDARD.decode(xml::packed_text(doc, node)).map_err(|_| broken("a value is not base64"))
}

fn broken(reason: &str) -> Verdict {
    Verdict::Broken(reason.to_owned())
}

fn not_covering(reason: &str) -> Verdict {
    Verdict::NotCovering(reason.to_owned())
}
