use rohrpost_kit::http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use rohrpost_kit::http::{Body, Method, Request, Url, misconfigured};
use rohrpost_kit::template::{Further, Template};
use rohrpost_model::Failure;
use rohrpost_model::ports::Parcel;

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
