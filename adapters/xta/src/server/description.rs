//! The WSDL of each port at `?wsdl`, and the schemas that it refers to at `?xsd=NAME`.

use super::exchange::{Server, port_of};
use crate::wsdl;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse as _, Response};
use std::sync::Arc;

/// Whoever may connect may read it: it says nothing that the standard does not.
pub(super) async fn serve(State(server): State<Arc<Server>>, uri: Uri, headers: HeaderMap) -> Response {
    let query = uri.query().unwrap_or_default();
    let text = match query.strip_prefix("xsd=") {
        Some(name) => wsdl::schema(name).map(str::to_owned),
        None if query == "wsdl" => {
            port_of(&uri).map(|port| wsdl::wsdl(port, &format!("{}{}", base(&server, &headers), uri.path())))
        }
        None => None,
    };
    let Some(text) = text else { return StatusCode::NOT_FOUND.into_response() };
    let mut response = text.into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/xml; charset=utf-8"));
    response
}

/// Where the partner reaches the server: as configured, else as it asked.
fn base(server: &Server, headers: &HeaderMap) -> String {
    let asked = || {
        let host = headers.get(header::HOST).and_then(|host| host.to_str().ok()).unwrap_or("localhost");
        let host: String =
            host.chars().filter(|one| one.is_ascii_alphanumeric() || "[].:-_".contains(*one)).collect();
        format!("https://{host}")
    };
    let configured = server.desk.settings.base_url.as_deref().map(|url| url.trim_end_matches('/').to_owned());
    configured.unwrap_or_else(asked)
}
