//! osrest, the older interface (AppConnector): `{gateway}/osrest/api/`.

use super::{Dialect, Root, id, is_id, json};
use crate::object::{Kind, Object};
use rohrpost_kit::http::{Answer, Multipart, Part, Request, misconfigured};
use rohrpost_model::{DeliveryId, Failure};
use serde_json::{Map, Value, json};

/// It speaks osrest.
pub(crate) struct Osrest(pub(crate) Root);

impl Osrest {
    fn form(path: &str, object: Object<'_>, key: DeliveryId, root: &Root) -> Result<Request, Failure> {
        let fields = object.fields.iter().map(|(name, value)| (name.clone(), json!({ "value": value })));
        let data = json!({
            "objectTypeId": object.kind.object_type,
            "fields": fields.collect::<Map<_, _>>(),
        });
        // An osrest in use has refused JSON on one line.
        let data = serde_json::to_vec_pretty(&data).map_err(|_| misconfigured("fields"))?;
        let mut form = Multipart::new(key);
        let head = Part { name: "data", content_type: Some("application/json"), ..Part::default() };
        form.bytes(&head, data.into());
        if let Some(file) = object.file {
            file.put_into(&mut form, "file", None);
        }
        root.post_form(path, form)
    }
}

impl Dialect for Osrest {
    fn find(&self, kind: &Kind, mark: &str) -> Result<Request, Failure> {
        let fields = json!({ &kind.key_field: { "value": mark } });
        let query = json!({ "query": { "objectTypeId": kind.object_type, "fields": fields } });
        self.0.post_json("osrest/api/documents/search", &query)
    }

    fn found(&self, answer: &Answer) -> Option<Vec<String>> {
        let Value::Array(hits) = json(answer)? else { return None };
        hits.iter().map(|hit| id(hit.get("osid")?)).collect()
    }

    fn make(&self, object: Object<'_>, key: DeliveryId) -> Result<Request, Failure> {
        let path = match object.parent {
            Some(parent) => format!("osrest/api/documents/insert/{parent}"),
            None => "osrest/api/documents/insert".to_owned(),
        };
        Self::form(&path, object, key, &self.0)
    }

    fn replace(&self, id: &str, object: Object<'_>, key: DeliveryId) -> Result<Request, Failure> {
        let path = format!("osrest/api/documents/update/{id}?replacefiles=true");
        Self::form(&path, object, key, &self.0)
    }

    /// The body is the id and nothing else.
    fn made(&self, answer: &Answer) -> Option<String> {
        let text = std::str::from_utf8(answer.body.as_ref().ok()?).ok()?;
        let text = text.trim().trim_matches('"');
        is_id(text).then(|| text.to_owned())
    }

    fn ping(&self) -> Result<Request, Failure> {
        self.0.get("osrest/api/serviceinfo/ping")
    }

    fn who_am_i(&self) -> Result<Request, Failure> {
        self.0.get("osrest/api/session")
    }
}
