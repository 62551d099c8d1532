//! The filter by which everything is seen (H7): the one place that builds it.

use rohrpost_model::TenantName;
use rohrpost_model::ports::Scope;

/// True for rows of the tenants in `?1` (a JSON list; null for everything) and for those that the client `?2` handed
/// in. Every query of records and commands begins its condition with it.
macro_rules! visible {
    ($table:literal) => {
        concat!(
            "(?1 IS NULL OR ",
            $table,
            ".tenant IN (SELECT value FROM json_each(?1)) OR ",
            $table,
            ".client = ?2)"
        )
    };
}

/// The filter over `deliveries d`.
pub(crate) const VISIBLE: &str = visible!("d");

/// The filter over `submissions s`.
pub(crate) const VISIBLE_SUBMISSION: &str = visible!("s");

/// `?1` and `?2` of the filter.
#[derive(Clone)]
pub(crate) struct ScopeParams {
    tenants: Option<String>,
    client: Option<String>,
}

impl ScopeParams {
    pub(crate) fn as_sql(&self) -> (Option<&str>, Option<&str>) {
        (self.tenants.as_deref(), self.client.as_deref())
    }
}

impl From<&Scope> for ScopeParams {
    fn from(scope: &Scope) -> Self {
        match scope {
            Scope::Hub => Self { tenants: None, client: None },
            Scope::Of { tenants, client } => {
                let names: Vec<&str> = tenants.iter().map(TenantName::as_str).collect();
                let list = serde_json::Value::from(names).to_string();
                Self { tenants: Some(list), client: client.as_ref().map(|client| client.as_str().to_owned()) }
            }
        }
    }
}
