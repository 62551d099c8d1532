//! The description fits the routes, and the committed copy fits the description.

use crate::openapi::document;
use crate::problem::{Kind, MEDIA_TYPE, Problem};
use crate::routes::{api_routes, operations_routes};
use axum::http::header;
use axum::response::IntoResponse as _;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;

#[test]
fn every_route_is_described_and_nothing_else() {
    let document: Value = serde_json::from_str(document()).unwrap();
    let described: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, calls)| {
            calls.as_object().unwrap().keys().map(move |call| (call.clone(), path.clone()))
        })
        .collect();
    let routes = api_routes().into_iter().chain(operations_routes());
    let offered: BTreeSet<_> = routes.map(|(method, path, _)| (method.to_owned(), path.to_owned())).collect();
    assert_eq!(described, offered);
    for (method, path) in offered.iter().filter(|(_, path)| path.starts_with("/v1/")) {
        let bearer = &document["paths"][path][method]["security"][0]["bearer"];
        // Whoever notifies signs what it says.
        let expected =
            if path.starts_with("/v1/notifications/") { Value::Null } else { Value::Array(vec![]) };
        assert_eq!(*bearer, expected, "{method} {path}");
    }
}

#[test]
#[allow(clippy::disallowed_methods)] // whoever runs the tests says whether a change is accepted
fn golden_the_committed_description_is_this_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/openapi.json");
    if std::env::var_os("ROHRPOST_ACCEPT").is_some_and(|value| value == "1") {
        std::fs::write(&path, document()).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == document(),
        "docs/openapi.json differs from what the API says of itself; if the change is wanted, run `make reference`, \
         read the file and commit it"
    );
}

#[test]
fn every_problem_has_a_word_of_its_own() {
    let words: BTreeSet<_> = Kind::ALL.iter().map(|kind| kind.slug()).collect();
    assert_eq!(words.len(), Kind::ALL.len());
    for kind in Kind::ALL {
        let response = Problem::new(kind, "d", "m").into_response();
        assert_eq!(response.status(), kind.status());
        assert!(response.status().is_client_error() || response.status().is_server_error());
        assert_eq!(response.headers()[header::CONTENT_TYPE], MEDIA_TYPE);
        assert!(kind.slug().bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
    }
}
