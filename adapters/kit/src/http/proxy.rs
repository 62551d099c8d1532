//! A proxy that requests go through.

use super::Connection;
use crate::adapter::AdapterSource;
use reqwest::Url;
use rohrpost_model::Fault;
use secrecy::ExposeSecret;

/// A proxy, checked.
pub(super) struct Proxy {
    /// Where it is.
    pub(super) address: Url,
    /// How requests go through it.
    pub(super) through: reqwest::Proxy,
}

/// The proxy of a connection, if it has one.
pub(super) fn configure(
    settings: &Connection,
    source: &AdapterSource<'_>,
) -> Result<Option<Proxy>, Vec<Fault>> {
    let places = source.places();
    let Some(setting) = &settings.proxy else {
        let without = [
            settings.proxy_user.as_ref().map(|it| it.span()),
            settings.proxy_password.as_ref().map(|it| it.span()),
        ];
        let faults: Vec<_> =
            without.into_iter().flatten().map(|span| places.fault(span, "`proxy` is missing")).collect();
        return if faults.is_empty() { Ok(None) } else { Err(faults) };
    };
    let wrong = |what: &str| {
        let fault = places.fault_at(setting, what);
        vec![fault.hint(
            "write it like http://proxy.example.org:3128, credentials as proxy-user and proxy-password",
        )]
    };
    let address =
        Url::parse(setting.get_ref()).map_err(|error| wrong(&format!("this is no address: {error}")))?;
    let bare = address.username().is_empty() && address.password().is_none() && address.path() == "/";
    if address.scheme() != "http" || address.host().is_none() || !bare {
        return Err(wrong("this is no address of a proxy"));
    }
    let mut through =
        reqwest::Proxy::all(address.clone()).map_err(|_| wrong("this is no address of a proxy"))?;
    match (&settings.proxy_user, &settings.proxy_password) {
        (None, None) => {}
        (Some(user), Some(password)) => {
            let password = source.secret(password).map_err(|fault| vec![fault])?;
            through = through.basic_auth(user.get_ref(), password.expose_secret());
        }
        (Some(user), None) => return Err(vec![places.fault_at(user, "proxy-password is missing")]),
        (None, Some(password)) => return Err(vec![places.fault_at(password, "proxy-user is missing")]),
    }
    Ok(Some(Proxy { address, through }))
}
