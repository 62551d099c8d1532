//! The two calls that are made, each with its fields in the documented order, because their code is made in that order.

use crate::hash::Hasher;
use rohrpost_kit::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use rohrpost_kit::http::{Body, Method, Request, Url, misconfigured};
use rohrpost_kit::payment::Order;
use rohrpost_model::{DeliveryId, Failure};
use serde::Deserialize;
use url::form_urlencoded;

/// The fields of a notification in the documented order, those of the pay page in front.
pub(crate) const NOTIFIED: [&str; 14] = [
    "gcPaymethod",
    "gcType",
    "gcProjectId",
    "gcReference",
    "gcMerchantTxId",
    "gcBackendTxId",
    "gcAmount",
    "gcCurrency",
    "gcResultPayment",
    "gcPkn",
    "gcCardnumber",
    "gcCardExpDate",
    "gcAccountHolder",
    "gcIban",
];

/// Where GiroCheckout is, and who asks.
pub(crate) struct Calls {
    pub(crate) url: Url,
    pub(crate) merchant: String,
    pub(crate) project: String,
    pub(crate) notify: Option<Url>,
    pub(crate) test: bool,
}

/// What a call is answered with, as far as it is looked at.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Answered {
    #[serde(deserialize_with = "number")]
    pub(crate) rc: i64,
    pub(crate) reference: Option<String>,
    /// The pay page.
    pub(crate) url: Option<String>,
    #[serde(default, deserialize_with = "perhaps_number")]
    pub(crate) amount: Option<i64>,
    pub(crate) currency: Option<String>,
    #[serde(default, deserialize_with = "perhaps_number")]
    pub(crate) result_payment: Option<i64>,
}

/// Numbers come as such and as texts.
#[derive(Deserialize)]
#[serde(untagged)]
enum Number {
    Number(i64),
    Text(String),
}

impl Number {
    fn read(self) -> Option<i64> {
        match self {
            Self::Number(number) => Some(number),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
}

fn number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    Number::deserialize(from)?.read().ok_or_else(|| serde::de::Error::custom("no number"))
}

fn perhaps_number<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Option<i64>, D::Error> {
    Ok(Option::<Number>::deserialize(from)?.and_then(Number::read))
}

impl Calls {
    /// `paypage/init`: begins a payment under the delivery's id.
    pub(crate) fn init(&self, hasher: &Hasher, order: &Order, key: DeliveryId) -> Result<Request, Failure> {
        let back = order.return_url.to_string();
        let number = order.items.iter().find_map(|item| item.booking_data.get("kassenzeichen")).cloned();
        let fields = [
            ("merchantId", Some(self.merchant.clone())),
            ("projectId", Some(self.project.clone())),
            ("merchantTxId", Some(key.to_string())),
            ("amount", Some(order.amount_cents.to_string())),
            ("currency", Some("EUR".to_owned())),
            ("purpose", Some(order.purpose.clone())),
            ("type", Some("SALE".to_owned())),
            ("locale", Some("de".to_owned())),
            ("test", Some(u8::from(self.test).to_string())),
            ("successUrl", Some(back.clone())),
            ("backUrl", Some(back.clone())),
            ("failUrl", Some(back)),
            ("notifyUrl", self.notify.as_ref().map(Url::to_string)),
            ("kassenzeichen", number),
        ];
        self.request(hasher, ["paypage", "init"], &fields)
    }

    /// `transaction/status`: what became of it.
    pub(crate) fn status(&self, hasher: &Hasher, reference: &str) -> Result<Request, Failure> {
        let fields = [
            ("merchantId", Some(self.merchant.clone())),
            ("projectId", Some(self.project.clone())),
            ("reference", Some(reference.to_owned())),
        ];
        self.request(hasher, ["transaction", "status"], &fields)
    }

    fn request(
        &self,
        hasher: &Hasher,
        call: [&str; 2],
        fields: &[(&str, Option<String>)],
    ) -> Result<Request, Failure> {
        let mut url = self.url.clone();
        url.path_segments_mut().map_err(|()| misconfigured("url"))?.pop_if_empty().extend(call);
        let mut form = form_urlencoded::Serializer::new(String::new());
        let mut values = String::new();
        for (name, value) in fields.iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
            form.append_pair(name, value);
            values.push_str(value);
        }
        form.append_pair("hash", &hasher.code(values.as_bytes()));
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-www-form-urlencoded"));
        Ok(Request { method: Method::POST, url, headers, body: Body::Bytes(form.finish().into()) })
    }
}
