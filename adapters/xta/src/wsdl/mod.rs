//! What clients are built from: a WSDL for each port, and the schemas. They are written in our own words and say the same as
//! the published ones; `tests/published.rs` holds them side by side. Foreign schemas (XML Signature, XML Encryption,
//! WS-Security) are there only as far as the web service names their elements.

use crate::names::Port;
use quick_xml::escape::escape;

/// The schemas by the name that stands behind `?xsd=`.
pub const SCHEMAS: [(&str, &str); 8] = [
    ("xta", include_str!("xta.xsd")),
    ("osci", include_str!("osci.xsd")),
    ("metadata", include_str!("metadata.xsd")),
    ("basis", include_str!("basis.xsd")),
    ("addressing", include_str!("addressing.xsd")),
    ("dsig", include_str!("dsig.xsd")),
    ("xenc", include_str!("xenc.xsd")),
    ("wsse", include_str!("wsse.xsd")),
];

/// The WSDL of a port that is reached at this address. It refers to schemas as `?xsd=NAME`, which a client asks for at the
/// address that it has the WSDL from.
pub fn wsdl(port: Port, address: &str) -> String {
    let text = match port {
        Port::Management => include_str!("management.wsdl"),
        Port::Send => include_str!("send.wsdl"),
        Port::MsgBox => include_str!("msgbox.wsdl"),
    };
    text.replace("{address}", &escape(address))
}

/// The schema of a name.
pub fn schema(name: &str) -> Option<&'static str> {
    SCHEMAS.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}
