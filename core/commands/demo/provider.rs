//! A simulated payment provider that speaks the part of XBezahldienste 1.0.0 that the demo needs: a payment is begun once for each
//! request id, and asked for. The citizen pays when the demo says so. It is a stand-in made after the documented shape.

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::net::TcpListener;

/// The simulated provider.
#[derive(Clone)]
pub struct Provider {
    payments: Arc<Mutex<BTreeMap<String, Payment>>>,
    authorization: Arc<str>,
}

struct Payment {
    request: Value,
    paid: bool,
}

impl Provider {
    /// A provider that expects exactly this `Authorization` header.
    pub fn new(authorization: String) -> Self {
        Self { payments: Arc::default(), authorization: authorization.into() }
    }

    /// The citizen pays all that is open.
    pub fn pay(&self) {
        self.payments().values_mut().for_each(|payment| payment.paid = true);
    }

    /// Serves on `listener` until the task is dropped.
    pub async fn serve(self, listener: TcpListener) -> io::Result<()> {
        let app = Router::new()
            .route("/status/{originator}/{end_point}", get(|| async { Json(json!({})) }))
            .route("/paymenttransaction/{originator}/{end_point}", post(begin))
            .route("/paymenttransaction/{originator}/{end_point}/{transaction}", get(tell))
            .with_state(self);
        axum::serve(listener, app).await
    }

    fn payments(&self) -> MutexGuard<'_, BTreeMap<String, Payment>> {
        self.payments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_known(&self, headers: &HeaderMap) -> bool {
        headers
            .get(header::AUTHORIZATION)
            .is_some_and(|value| value.as_bytes() == self.authorization.as_bytes())
    }
}

async fn begin(State(provider): State<Provider>, headers: HeaderMap, Json(request): Json<Value>) -> Response {
    if !provider.is_known(&headers) {
        return problem(StatusCode::UNAUTHORIZED, "FORBIDDEN");
    }
    let Some(id) = request["requestId"].as_str().map(str::to_owned) else {
        return problem(StatusCode::BAD_REQUEST, "VALIDATION_ERROR");
    };
    let mut payments = provider.payments();
    if payments.contains_key(&id) {
        return problem(StatusCode::BAD_REQUEST, "PAYMENT_EXISTS");
    }
    let payment = Payment { request, paid: false };
    let said = payment.told(&id);
    payments.insert(id, payment);
    Json(said).into_response()
}

async fn tell(
    State(provider): State<Provider>,
    headers: HeaderMap,
    Path((_, _, transaction)): Path<(String, String, String)>,
) -> Response {
    if !provider.is_known(&headers) {
        return problem(StatusCode::UNAUTHORIZED, "FORBIDDEN");
    }
    match provider.payments().get(&transaction) {
        Some(payment) => Json(payment.told(&transaction)).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}

fn problem(status: StatusCode, code: &str) -> Response {
    (status, Json(json!({ "status": status.as_u16(), "functionalCode": code }))).into_response()
}

impl Payment {
    fn told(&self, transaction: &str) -> Value {
        let mut information = json!({
            "transactionId": transaction,
            "status": if self.paid { "PAYED" } else { "INITIAL" },
        });
        if self.paid {
            information["transactionReference"] = json!("4200000000061");
            information["paymentMethod"] = json!("CREDITCARD");
        } else {
            information["transactionRedirectUrl"] =
                json!(format!("https://bezahlen.example.org/seite?zahlung={transaction}"));
        }
        json!({ "paymentInformation": information, "paymentRequest": self.request })
    }
}
