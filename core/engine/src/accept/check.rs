//! Checks the data at the door. Everything here is CPU-bound.

use super::Refusal;
use crate::catalog::Catalog;
use crate::valid::LOOKED_THROUGH;
use rohrpost_mappings::{MappingFault, NotJson, Xml, XmlLimits};
use rohrpost_model::limits::Limits;
use rohrpost_model::{Digest, MappingName};

/// What the data were found to be.
#[derive(Default)]
pub(crate) struct Found {
    /// For [`crate::valid::KnownValid`].
    pub(crate) fits: Vec<Digest>,
    /// Where a mapping will read them, and all was found to fit.
    pub(crate) xml: Option<Xml>,
}

/// Checks the data as far as the route needs it. CPU-bound.
pub(crate) fn check_data(
    catalog: &Catalog,
    media_type: &str,
    data: &[u8],
    checks: &[MappingName],
) -> Result<Found, Refusal> {
    match Format::of(media_type) {
        Format::Xml => check_xml(catalog, data, checks),
        Format::Json => {
            check_json(data, &catalog.limits).map_err(Refusal::NotJson)?;
            if checks.is_empty() { Ok(Found::default()) } else { check_json_for(catalog, data, checks) }
        }
        Format::Opaque if checks.is_empty() => Ok(Found::default()),
        Format::Opaque if takes_json(catalog, checks).all(|takes| takes) => Err(Refusal::WantsJson),
        Format::Opaque => Err(Refusal::WantsXml),
        Format::Other => Err(Refusal::MediaType(media_type.to_owned())),
    }
}

/// What data can be.
enum Format {
    Xml,
    Json,
    /// Encrypted end to end: the hub does not look inside.
    Opaque,
    Other,
}

impl Format {
    fn of(media_type: &str) -> Self {
        match media_type {
            "application/xml" | "text/xml" => Self::Xml,
            "application/json" => Self::Json,
            "application/jose" | "application/octet-stream" | "application/pkcs7-mime" => Self::Opaque,
            other if other.ends_with("+xml") => Self::Xml,
            other if other.ends_with("+json") => Self::Json,
            _ => Self::Other,
        }
    }
}

/// JSON for mappings that take it.
fn check_json_for(catalog: &Catalog, data: &[u8], checks: &[MappingName]) -> Result<Found, Refusal> {
    if takes_json(catalog, checks).any(|takes| !takes) {
        return Err(Refusal::WantsXml);
    }
    let xml = Xml::from_json(data, &xml_limits(&catalog.limits)).map_err(Refusal::NotJson)?;
    fits(catalog, xml, checks)
}

/// For each mapping, whether it takes JSON.
fn takes_json<'c>(catalog: &'c Catalog, checks: &'c [MappingName]) -> impl Iterator<Item = bool> + 'c {
    checks.iter().filter_map(|name| Some(catalog.mappings.get(name)?.mapping.takes_json()))
}

fn check_xml(catalog: &Catalog, data: &[u8], checks: &[MappingName]) -> Result<Found, Refusal> {
    let limits = xml_limits(&catalog.limits);
    if checks.is_empty() {
        Xml::check(data, &limits).map_err(Refusal::NotWellFormed)?;
        return Ok(Found { fits: vec![LOOKED_THROUGH], xml: None });
    }
    if takes_json(catalog, checks).any(|takes| takes) {
        return Err(Refusal::WantsJson);
    }
    let xml = Xml::parse(data, &limits).map_err(Refusal::NotWellFormed)?;
    fits(catalog, xml, checks)
}

/// Data that fit the source schemas and rules of all mappings.
fn fits(catalog: &Catalog, xml: Xml, checks: &[MappingName]) -> Result<Found, Refusal> {
    let (mut fits, mut judged) = (vec![LOOKED_THROUGH], true);
    let mappings = checks.iter().filter_map(|name| Some(&catalog.mappings.get(name)?.mapping));
    for (mapping, gate) in mappings.filter_map(|mapping| Some((mapping, mapping.source_gate()?))) {
        if fits.contains(&gate) {
            continue;
        }
        match mapping.validate_source(&xml) {
            Ok(()) => fits.push(gate),
            Err(MappingFault::Source(violations)) => return Err(Refusal::Invalid(violations)),
            // Rules that fail say nothing of the data and are not the sender's fault: the delivery parks with the reason.
            Err(fault) => {
                tracing::warn!(mapping = %mapping.name(), limit = limit(&fault), "rules could not be checked");
                judged = false;
            }
        }
    }
    // What is handed on counts as valid.
    Ok(Found { fits, xml: Some(xml).filter(|_| judged) })
}

/// The limit that was exceeded, if so; nothing that quotes the data.
fn limit(fault: &MappingFault) -> String {
    if let MappingFault::Limit(limit) = fault { limit.to_string() } else { String::new() }
}

/// The limits of the XML gate under the hub's limits.
pub(crate) fn xml_limits(limits: &Limits) -> XmlLimits {
    XmlLimits {
        bytes: usize::try_from(limits.data_bytes).unwrap_or(usize::MAX),
        depth: limits.depth,
        ..XmlLimits::default()
    }
}

fn check_json(data: &[u8], limits: &Limits) -> Result<(), NotJson> {
    too_deep(data, limits.depth)?;
    // The reader skips strings without a look at their bytes.
    let text = std::str::from_utf8(data).map_err(|error| not_utf8(&data[..error.valid_up_to()]))?;
    serde_json::from_str::<serde::de::IgnoredAny>(text).map(|_| ()).map_err(|error| NotJson {
        line: error.line(),
        column: error.column().max(1), // of nothing at all it says 0
        message: error.to_string(),
    })
}

/// The place after `good`, where bytes are no UTF-8.
fn not_utf8(good: &[u8]) -> NotJson {
    let line = good.iter().filter(|byte| **byte == b'\n').count() + 1;
    let column = good.iter().rev().take_while(|byte| **byte != b'\n').count() + 1;
    NotJson { line, column, message: "the bytes are no UTF-8".to_owned() }
}

/// Counts brackets outside of strings, so that nothing ever recurses into hostile input.
fn too_deep(data: &[u8], most: u32) -> Result<(), NotJson> {
    let (mut depth, mut line, mut column, mut string, mut escaped) = (0u32, 1, 0, false, false);
    for byte in data {
        column += 1;
        match byte {
            _ if escaped => escaped = false,
            b'\\' if string => escaped = true,
            b'"' => string = !string,
            b'\n' => (line, column) = (line + 1, 0),
            b'{' | b'[' if !string => depth += 1,
            b'}' | b']' if !string => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth > most {
            return Err(NotJson { line, column, message: format!("values are nested deeper than {most}") });
        }
    }
    Ok(())
}
