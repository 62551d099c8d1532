//! The DMS service, the newer interface: `{gateway}/api/dms/`.

use super::{Dialect, Root, id, json};
use crate::object::{Kind, Object};
use rohrpost_kit::http::{Answer, Multipart, Part, Request, misconfigured};
use rohrpost_model::{DeliveryId, Failure};
use serde_json::{Map, Value, json};

/// What the content's part is called in the object's properties.
const CONTENT: &str = "cid_document";
const ID: &str = "system:objectId";

/// It speaks to the DMS service.
pub(crate) struct Dms(pub(crate) Root);

impl Dms {
    fn send(&self, path: &str, object: Object<'_>, key: DeliveryId) -> Result<Request, Failure> {
        let mut properties = Map::new();
        let mut set = |name: &str, value: &str| properties.insert(name.into(), json!({ "value": value }));
        set("system:objectTypeId", &object.kind.object_type);
        object.parent.map(|parent| set("system:parentId", parent));
        object.fields.iter().for_each(|(name, value)| drop(set(name, value)));
        let Some(file) = object.file else {
            return self.0.post_json(path, &json!({ "objects": [{ "properties": properties }] }));
        };
        let stream = json!({ "mimeType": file.media_type, "fileName": file.name, "cid": CONTENT });
        let data = json!({ "objects": [{ "properties": properties, "contentStreams": [stream] }] });
        let data = serde_json::to_vec(&data).map_err(|_| misconfigured("fields"))?;
        let mut form = Multipart::new(key);
        let head = Part { name: "data", content_type: Some("application/json"), ..Part::default() };
        form.bytes(&head, data.into());
        file.put_into(&mut form, CONTENT, Some(CONTENT));
        self.0.post_form(path, form)
    }
}

impl Dialect for Dms {
    /// Names of types and fields were checked when the configuration was read; the mark is a parameter.
    fn find(&self, kind: &Kind, mark: &str) -> Result<Request, Failure> {
        let statement = format!("SELECT {ID} FROM {} WHERE {}=@mark", kind.object_type, kind.key_field);
        let query = json!({ "query": {
            "statement": statement,
            "skipCount": 0,
            "maxItems": 2,
            "handleDeletedDocuments": "DELETED_DOCUMENTS_EXCLUDE",
            "options": { "Rights": 0 },
            "parameters": { "mark": mark },
        } });
        self.0.post_json("api/dms/objects/search", &query)
    }

    fn found(&self, answer: &Answer) -> Option<Vec<String>> {
        let answer = json(answer)?;
        let Value::Array(objects) = answer.get("objects")? else { return None };
        objects.iter().map(object_id).collect()
    }

    fn make(&self, object: Object<'_>, key: DeliveryId) -> Result<Request, Failure> {
        self.send("api/dms/objects?minimalResponse=true", object, key)
    }

    fn replace(&self, id: &str, object: Object<'_>, key: DeliveryId) -> Result<Request, Failure> {
        self.send(&format!("api/dms/objects/{id}?minimalResponse=true"), object, key)
    }

    fn made(&self, answer: &Answer) -> Option<String> {
        object_id(json(answer)?.get("objects")?.get(0)?)
    }

    fn ping(&self) -> Result<Request, Failure> {
        self.who_am_i()
    }

    fn who_am_i(&self) -> Result<Request, Failure> {
        self.0.get("api/dms/schema/native")
    }
}

fn object_id(object: &Value) -> Option<String> {
    id(object.get("properties")?.get(ID)?.get("value")?)
}
