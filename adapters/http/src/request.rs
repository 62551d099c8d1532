use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rohrpost_kit::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use rohrpost_kit::http::{Body, Method, Request, Url, misconfigured};
use rohrpost_kit::template::{Further, Template};
use rohrpost_model::Failure;
use rohrpost_model::ports::Parcel;
use secrecy::{ExposeSecret, SecretString};

/// How the hub shows who it is.
pub(crate) enum Auth {
    Basic { user: String, password: SecretString },
    Bearer { token: SecretString },
}

impl Auth {
    /// The value of the header `Authorization` (RFC 7617, RFC 6750), marked so that nobody prints it.
    pub(crate) fn header(&self) -> Result<HeaderValue, String> {
        let text = match self {
            Self::Basic { user, password } => {
                let pair = format!("{user}:{}", password.expose_secret());
                format!("Basic {}", BASE64_STANDARD.encode(pair))
            }
            Self::Bearer { token } => format!("Bearer {}", token.expose_secret()),
        };
        let mut value = HeaderValue::try_from(text).map_err(|_| "the secret cannot stand in a header")?;
        value.set_sensitive(true);
        Ok(value)
    }
}

/// Method, address and headers of a request.
pub(crate) struct RequestHead {
    pub(crate) method: Method,
    pub(crate) url: Template,
    pub(crate) headers: Vec<(HeaderName, Template)>,
    pub(crate) authorization: Option<HeaderValue>,
}

impl RequestHead {
    pub(crate) fn request(&self, parcel: &Parcel<'_>, reference: Option<&str>) -> Result<Request, Failure> {
        let url = self.url.fill_with(parcel, Further { reference, ..Further::default() })?;
        let url = Url::parse(&url).map_err(|_| misconfigured("url"))?;
        let mut headers = HeaderMap::new();
        for (name, template) in &self.headers {
            let value = HeaderValue::try_from(template.fill(parcel)?);
            headers.insert(name.clone(), value.map_err(|_| misconfigured(name.as_str()))?);
        }
        if let Some(authorization) = &self.authorization {
            headers.insert(AUTHORIZATION, authorization.clone());
        }
        Ok(Request { method: self.method.clone(), url, headers, body: Body::Empty })
    }
}
