//! The two interfaces that enaio has: what is asked, and what the answers mean.

pub(crate) mod dms;
pub(crate) mod osrest;

use crate::object::{Kind, Object};
use rohrpost_kit::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use rohrpost_kit::http::{Answer, Body, Method, Multipart, Request, Url, misconfigured};
use rohrpost_model::{DeliveryId, Failure};
use serde_json::Value;

/// One of the two interfaces.
pub(crate) trait Dialect: Send + Sync {
    /// Asks for the objects of a kind that bear a mark.
    fn find(&self, kind: &Kind, mark: &str) -> Result<Request, Failure>;

    /// The ids of what was found, two at least where there are more. `None` if the answer is another one.
    fn found(&self, answer: &Answer) -> Option<Vec<String>>;

    /// Makes an object. The boundary of a form is made of the delivery's key.
    fn make(&self, object: Object<'_>, key: DeliveryId) -> Result<Request, Failure>;

    /// Gives a document another content and other fields.
    fn replace(&self, id: &str, object: Object<'_>, key: DeliveryId) -> Result<Request, Failure>;

    /// The id of what was made. `None` if the answer is another one.
    fn made(&self, answer: &Answer) -> Option<String>;

    /// Asks whether it is there, without log-in where the interface has such a question.
    fn ping(&self) -> Result<Request, Failure>;

    /// Asks something that only who is logged in is told.
    fn who_am_i(&self) -> Result<Request, Failure>;
}

/// Where an interface is.
pub(crate) struct Root(pub(crate) Url);

impl Root {
    /// The address of a path of the interface.
    pub(crate) fn at(&self, path: &str) -> Result<Url, Failure> {
        let root = self.0.as_str().trim_end_matches('/');
        Url::parse(&format!("{root}/{path}")).map_err(|_| misconfigured("url"))
    }

    fn get(&self, path: &str) -> Result<Request, Failure> {
        let (method, headers, body) = (Method::GET, HeaderMap::new(), Body::Empty);
        Ok(Request { method, url: self.at(path)?, headers, body })
    }

    fn post_json(&self, path: &str, json: &Value) -> Result<Request, Failure> {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        let body = Body::Bytes(json.to_string().into());
        Ok(Request { method: Method::POST, url: self.at(path)?, headers, body })
    }

    fn post_form(&self, path: &str, form: Multipart) -> Result<Request, Failure> {
        let kind = HeaderValue::try_from(form.content_type()).map_err(|_| misconfigured("content-type"))?;
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, kind)]);
        Ok(Request { method: Method::POST, url: self.at(path)?, headers, body: form.finish() })
    }
}

/// An id as enaio writes it: a number, as number or as text.
fn id(value: &Value) -> Option<String> {
    let text = match value {
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    is_id(&text).then_some(text)
}

/// Nothing else may stand in a path.
pub(crate) fn is_id(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    !text.is_empty() && text != "0" && text.len() <= 64 && text.bytes().all(allowed)
}

fn json(answer: &Answer) -> Option<Value> {
    serde_json::from_slice(answer.body.as_ref().ok()?).ok()
}
