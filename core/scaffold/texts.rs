//! The texts, with the values in them.

use super::{Sheets, filled, listed, quoted};
use rohrpost_kit::{Adapter, InboundAdapter, SourceAdapter};
use rohrpost_model::{
    Area, AreaPattern, ClientName, DestinationName, Kind, ListenerName, MappingName, RouteName, ServiceKey,
    SourceName, TenantName,
};

macro_rules! text {
    ($name:literal) => {
        include_str!(concat!("texts/", $name))
    };
}

/// The files of a fresh configuration, its `hub.toml` last: with it the folder is one.
pub fn fresh(tenant: &TenantName, title: &str, area: &AreaPattern) -> Sheets {
    let (title, area) = (quoted(title), area.to_string());
    let values = [("tenant", tenant.as_str()), ("title", title.as_str()), ("area", area.as_str())];
    let of_tenant = format!("tenants/{tenant}.toml");
    let files = [
        (".gitignore", text!("ignored")),
        (of_tenant.as_str(), text!("tenant.toml")),
        ("clients/portal.toml", text!("portal.toml")),
        ("clients/operator.toml", text!("operator.toml")),
        ("seals/quittung.toml", text!("quittung.toml")),
        ("seals/siegel.toml", text!("siegel.toml")),
        ("hub.toml", text!("hub.toml")),
    ];
    files.map(|(name, text)| (name.to_owned(), filled(text, &values))).into()
}

/// The file of a destination that an adapter serves.
pub fn destination(name: &DestinationName, adapter: &dyn Adapter, tenants: &[TenantName]) -> Sheets {
    let table = filled(adapter.example().trim_end(), &[("name", name.as_str())]);
    let tenants = listed(tenants);
    let values = [
        ("name", name.as_str()),
        ("tenants", tenants.as_str()),
        ("adapter", adapter.kind()),
        ("table", table.as_str()),
    ];
    vec![(format!("destinations/{name}.toml"), filled(text!("destination.toml"), &values))]
}

/// The secrets that are made together with it.
pub fn secrets(name: &DestinationName, adapter: &dyn Adapter) -> Vec<String> {
    adapter.secrets().iter().map(|secret| filled(secret, &[("name", name.as_str())])).collect()
}

/// The file of a listener on this machine that an adapter answers on.
pub fn listener(name: &ListenerName, adapter: &dyn InboundAdapter) -> Sheets {
    let table = filled(adapter.example().trim_end(), &[("name", name.as_str())]);
    let values = [("name", name.as_str()), ("adapter", adapter.kind()), ("table", table.as_str())];
    vec![(format!("listeners/{name}.toml"), filled(text!("listener.toml"), &values))]
}

/// The file of a source that an adapter fetches from.
pub fn source(name: &SourceName, adapter: &dyn SourceAdapter, client: &ClientName) -> Sheets {
    let table = filled(adapter.example().trim_end(), &[("name", name.as_str())]);
    let values = [
        ("name", name.as_str()),
        ("adapter", adapter.kind()),
        ("client", client.as_str()),
        ("table", table.as_str()),
    ];
    vec![(format!("sources/{name}.toml"), filled(text!("source.toml"), &values))]
}

/// What a new route takes, and where it goes.
pub struct NewRoute<'a> {
    /// Its name.
    pub name: &'a RouteName,
    /// Whose submissions it takes.
    pub tenants: &'a [TenantName],
    /// Of which kind.
    pub kind: &'a Kind,
    /// Of which service.
    pub service: &'a ServiceKey,
    /// From where; from everywhere if not said.
    pub area: Option<&'a AreaPattern>,
    /// Where to.
    pub destination: &'a str,
    /// Mapped by.
    pub mapping: Option<&'a MappingName>,
    /// A submission for its first case.
    pub example: Option<Example>,
}

/// A submission for a first case.
pub struct Example {
    /// From where it is.
    pub area: Area,
    /// `xml` or `json`.
    pub form: &'static str,
    /// The data.
    pub data: String,
}

/// The files of a route with one step, and of a case of it; what must come out is written by `test --accept`.
pub fn route(new: &NewRoute<'_>) -> Sheets {
    let line = |key: &str, value: Option<String>| {
        value.map_or(String::new(), |value| format!("{key} = \"{value}\"\n"))
    };
    let (tenants, kind, service) = (listed(new.tenants), new.kind.to_string(), new.service.to_string());
    let area = line("area", new.area.map(ToString::to_string));
    let mapping = line("mapping", new.mapping.map(ToString::to_string));
    let values = [
        ("name", new.name.as_str()),
        ("tenants", tenants.as_str()),
        ("kind", kind.as_str()),
        ("service", service.as_str()),
        ("area", area.as_str()),
        ("destination", new.destination),
        ("mapping", mapping.as_str()),
    ];
    let mut sheets = vec![(format!("routes/{}.toml", new.name), filled(text!("route.toml"), &values))];
    if let Some(Example { area, form, data }) = &new.example {
        let folder = format!("routes/{}/cases/01", new.name);
        let case = format!("service = \"{service}\"\narea = \"{area}\"\nkind = \"{kind}\"\n");
        sheets.push((format!("{folder}/data.{form}"), data.clone()));
        sheets.push((format!("{folder}/case.toml"), case));
    }
    sheets
}

/// The folder of a mapping, with two cases that it passes. `schemas` is where the schemas of the configuration lie, seen from
/// there.
pub fn mapping(name: &MappingName, schemas: Option<&str>) -> Sheets {
    let schema = schemas.map_or(String::new(), |schemas| format!("#:schema {schemas}/mapping.json\n"));

    let files = [
        ("mapping.toml", text!("mapping/mapping.toml")),
        ("transform.xsl", text!("mapping/transform.xsl")),
        ("source.xsd", text!("mapping/source.xsd")),
        ("target.xsd", text!("mapping/target.xsd")),
        ("cases/01.in.xml", text!("mapping/cases/01.in.xml")),
        ("cases/01.out.xml", text!("mapping/cases/01.out.xml")),
        ("cases/02.in.xml", text!("mapping/cases/02.in.xml")),
        ("cases/02.out.xml", text!("mapping/cases/02.out.xml")),
    ];
    let sheet = |(file, text)| {
        (format!("{name}/{file}"), filled(text, &[("name", name.as_str()), ("schema", &schema)]))
    };
    files.map(sheet).into()
}
