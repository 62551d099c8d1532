//! Who asks, and what that client may see and do.

use crate::Gateway;
use crate::problem::{Kind, Problem};
use aws_lc_rs::constant_time::verify_slices_are_equal;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, header};
use rohrpost_engine::catalog::Catalog;
use rohrpost_model::client::Role;
use rohrpost_model::ports::Scope;
use rohrpost_model::{Client, ClientName, Digest, TenantName};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The client behind a request, proven by a bearer token (RFC 6750).
pub(crate) struct Caller {
    /// The client as the active configuration has it.
    pub(crate) client: Client,
}

impl FromRequestParts<Arc<Gateway>> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Problem> {
        let token = bearer(&parts.headers).ok_or_else(log_in_needed)?;
        let catalog = gateway.engine.catalog();
        let client = holder(&catalog, token).ok_or_else(log_in_needed)?;
        Ok(Self { client: client.clone() })
    }
}

impl Caller {
    /// The client's name.
    pub(crate) fn name(&self) -> &ClientName {
        &self.client.name
    }

    /// Whether it has `role` for `tenant`.
    pub(crate) fn may(&self, role: Role, tenant: &TenantName) -> bool {
        self.client.grants.iter().any(|grant| grant.roles.contains(&role) && grant.tenants.contains(tenant))
    }

    /// Refuses a client that has `role` for no tenant at all.
    pub(crate) fn must_have(&self, role: Role) -> Result<(), Problem> {
        if self.client.tenants_as(role).is_empty() { Err(missing(role)) } else { Ok(()) }
    }

    /// Refuses a client that lacks `role` for one of the tenants that something belongs to. Of the tenants for which it is
    /// missing it is told those that it may know.
    pub(crate) fn must_have_for_all(
        &self,
        role: Role,
        tenants: &BTreeSet<TenantName>,
    ) -> Result<(), Problem> {
        let lacking: BTreeSet<_> = tenants.difference(&self.client.tenants_as(role)).cloned().collect();
        if lacking.is_empty() {
            return Ok(());
        }
        let known = self.tenants();
        let named: Vec<_> = lacking.intersection(&known).map(TenantName::as_str).collect();
        Err(missing_for(role, &named, named.len() < lacking.len()))
    }

    /// The tenants that it has anything to do with.
    pub(crate) fn tenants(&self) -> BTreeSet<TenantName> {
        self.client.grants.iter().flat_map(|grant| grant.tenants.iter().cloned()).collect()
    }

    /// What it may follow: what belongs to tenants that it may view, and its own submissions if it may hand in.
    pub(crate) fn follows(&self) -> Scope {
        let submits = !self.client.tenants_as(Role::Submit).is_empty();
        Scope::Of {
            tenants: self.client.tenants_as(Role::View),
            client: submits.then(|| self.client.name.clone()),
        }
    }

    /// What belongs to tenants for which it has `role`.
    pub(crate) fn holds(&self, role: Role) -> Scope {
        Scope::Of { tenants: self.client.tenants_as(role), client: None }
    }

    /// What it may know to exist: everything of the tenants that it has anything to do with, and its own submissions.
    /// What lies outside is 404; what lies inside, but needs a role that the client lacks, is 403.
    pub(crate) fn knows(&self) -> Scope {
        Scope::Of { tenants: self.tenants(), client: Some(self.client.name.clone()) }
    }
}

/// The answer to a client that may know of something, but may not do this with it.
pub(crate) fn missing(role: Role) -> Problem {
    let role = word(role);
    Problem::new(
        Kind::Forbidden,
        format!("This needs the role `{role}`."),
        format!("Dafür ist die Rolle `{role}` nötig."),
    )
    .with("role", role)
}

const fn word(role: Role) -> &'static str {
    match role {
        Role::Submit => "submit",
        Role::Fetch => "fetch",
        Role::View => "view",
        Role::Operate => "operate",
        Role::Configure => "configure",
        Role::Audit => "audit",
    }
}

/// The same where something belongs to several tenants: `named` are those that the client may know.
fn missing_for(role: Role, named: &[&str], more: bool) -> Problem {
    let (role, listed) = (word(role), named.join(", "));
    let (mut english, mut german) = (
        format!("This needs the role `{role}` for every tenant that it concerns."),
        format!("Dafür ist die Rolle `{role}` für jeden betroffenen Mandanten nötig."),
    );
    if !named.is_empty() {
        english.push_str(&format!(" It is missing for: {listed}."));
        german.push_str(&format!(" Sie fehlt für: {listed}."));
    }
    if more {
        english.push_str(" It concerns tenants that this client does not know.");
        german.push_str(" Betroffen sind Mandanten, die dieser Client nicht kennt.");
    }
    Problem::new(Kind::Forbidden, english, german).with("role", role).with("tenants", named.to_vec())
}

fn log_in_needed() -> Problem {
    Problem::new(
        Kind::Unauthorized,
        "Send `Authorization: Bearer <token>` with a token that the hub knows.",
        "Bitte `Authorization: Bearer <Token>` mit einem gültigen Token senden.",
    )
    .header(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"rohrpost\""))
}

/// The token of `Authorization: Bearer`; the scheme's case does not matter (RFC 9110, section 11.1).
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let (value, None) = (values.next()?.to_str().ok()?, values.next()) else {
        return None;
    };
    let (scheme, token) = value.split_once(' ')?;
    let token = token.trim();
    (scheme.eq_ignore_ascii_case("bearer") && !token.is_empty()).then_some(token)
}

/// The client that holds `token`. Every digest is compared, each in constant time, so that the time taken says nothing
/// about how near a guess was.
fn holder<'a>(catalog: &'a Catalog, token: &str) -> Option<&'a Client> {
    let given = Digest::of(token.as_bytes());
    let mut found = None;
    for client in catalog.clients.values() {
        for kept in &client.tokens {
            if verify_slices_are_equal(kept.as_bytes(), given.as_bytes()).is_ok() {
                found = Some(client);
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(values: &[&str]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap());
        }
        headers
    }

    #[test]
    fn a_bearer_token_is_read_and_nothing_else() {
        assert_eq!(bearer(&headers(&["Bearer abc"])), Some("abc"));
        assert_eq!(bearer(&headers(&["bEARER  abc "])), Some("abc"));
        for wrong in [&["Basic abc"][..], &["Bearer"], &["Bearer "], &["abc"], &[], &["Bearer a", "Bearer b"]]
        {
            assert_eq!(bearer(&headers(wrong)), None, "{wrong:?}");
        }
    }
}
