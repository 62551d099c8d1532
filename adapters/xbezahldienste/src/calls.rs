//! The three calls of XBezahldienste 1.0.0.

use crate::shapes;
use rohrpost_kit::http::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderValue};
use rohrpost_kit::http::{Body, Method, Request, Url, misconfigured};
use rohrpost_kit::payment::Order;
use rohrpost_model::{DeliveryId, Failure, Timestamp};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// Where the provider is, and who asks.
pub(crate) struct Calls {
    pub(crate) url: Url,
    pub(crate) originator: String,
    pub(crate) end_point: String,
}

impl Calls {
    /// `POST paymenttransaction`: begins a payment under the delivery's id.
    pub(crate) fn begin(
        &self,
        order: &Order,
        key: DeliveryId,
        at: Timestamp,
        back: &Url,
    ) -> Result<Request, Failure> {
        let request_id = key.to_string();
        let body = shapes::payment_request(order, &request_id, at, back.as_str());
        let body = serde_json::to_vec(&body).map_err(|_| misconfigured("order"))?;
        let mut headers = headers();
        headers.insert(CONTENT_TYPE, JSON);
        let url = self.address("paymenttransaction", None)?;
        Ok(Request { method: Method::POST, url, headers, body: Body::Bytes(body.into()) })
    }

    /// `GET paymenttransaction`: what became of it.
    pub(crate) fn ask(&self, transaction: &str) -> Result<Request, Failure> {
        self.get("paymenttransaction", Some(transaction))
    }

    /// `GET status`: whether the set-up is in order.
    pub(crate) fn status(&self) -> Result<Request, Failure> {
        self.get("status", None)
    }

    fn get(&self, call: &str, transaction: Option<&str>) -> Result<Request, Failure> {
        let url = self.address(call, transaction)?;
        Ok(Request { method: Method::GET, url, headers: headers(), body: Body::Empty })
    }

    /// An originator with a slash in it is two segments, as its provider wants it.
    fn address(&self, call: &str, transaction: Option<&str>) -> Result<Url, Failure> {
        let mut url = self.url.clone();
        let mut segments = url.path_segments_mut().map_err(|()| misconfigured("url"))?;
        segments.pop_if_empty().push(call).extend(self.originator.split('/')).push(&self.end_point);
        segments.extend(transaction);
        drop(segments);
        Ok(url)
    }
}

fn headers() -> HeaderMap {
    [(ACCEPT, JSON)].into_iter().collect()
}
