//! Placeholders in the texts of a route, which stand for something else for each tenant: `{tenant}` for its name,
//! `{value.NAME}` for what its file says under `[values]`.

use super::tenants::TenantDraft;
use rohrpost_model::DestinationName;
use rohrpost_model::route::RESPONSIBLE;

/// What is wrong with a text, and what would be right.
pub struct Unfilled {
    /// What is wrong.
    pub message: String,
    /// What would be right.
    pub hint: String,
}

/// The text with what each placeholder stands for. `{{` and `}}` stand for the braces themselves.
pub fn fill(text: &str, stands_for: impl Fn(&str) -> Result<String, Unfilled>) -> Result<String, Unfilled> {
    let mut filled = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        let (before, from) = rest.split_at(at);
        filled.push_str(before);
        if let Some(brace) = ["{{", "}}"].into_iter().find(|brace| from.starts_with(brace)) {
            filled.push_str(&brace[1..]);
            rest = &from[brace.len()..];
            continue;
        }
        let (name, after) =
            from.strip_prefix('{').and_then(|from| from.split_once('}')).ok_or_else(lone_brace)?;
        filled.push_str(&stands_for(name)?);
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

fn lone_brace() -> Unfilled {
    Unfilled {
        message: "a brace stands alone".to_owned(),
        hint: "a placeholder is written {tenant}; `{{` and `}}` stand for the braces themselves".to_owned(),
    }
}

/// A destination's name as it is pinned: `{tenant}` stays, so that tenants who differ in nothing else pin the same, and
/// `{responsible}`, which is known of a submission only.
pub fn pinned_destination(template: &str, tenant: &TenantDraft) -> Result<String, Unfilled> {
    fill(template, |name| match name {
        "tenant" | "responsible" => Ok(format!("{{{name}}}")),
        _ => stands_for(name, tenant),
    })
}

/// Whether a destination depends on the table of responsibilities.
pub fn asks_the_table(template: &str) -> bool {
    template.contains(RESPONSIBLE)
}

/// A destination's name for one tenant, and where it asks the table of responsibilities, for one line of it.
pub fn destination_for(
    template: &str,
    tenant: &TenantDraft,
    responsible: Option<&DestinationName>,
) -> Result<String, Unfilled> {
    fill(template, |name| match (name, responsible) {
        ("responsible", Some(responsible)) => Ok(responsible.to_string()),
        _ => stands_for(name, tenant),
    })
}

/// A text for one tenant.
pub fn for_tenant(text: &str, tenant: &TenantDraft) -> Result<String, Unfilled> {
    fill(text, |name| stands_for(name, tenant))
}

fn stands_for(name: &str, tenant: &TenantDraft) -> Result<String, Unfilled> {
    match name.strip_prefix("value.") {
        Some(key) => tenant.value(key).map(str::to_owned).ok_or_else(|| no_value(key, tenant)),
        None if name == "tenant" => Ok(tenant.name.to_string()),
        None => Err(Unfilled {
            message: format!("unknown placeholder `{{{name}}}`"),
            hint: "known: {tenant} for the tenant's name, {value.NAME} for what its file says under [values]; in destinations \
                   {responsible} for what responsibilities/*.csv names"
                .to_owned(),
        }),
    }
}

fn no_value(key: &str, tenant: &TenantDraft) -> Unfilled {
    Unfilled {
        message: format!("the tenant `{}` has no value `{key}`", *tenant.name),
        hint: format!("add `{key} = \"…\"` under [values] in {}", tenant.name.at.file()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(text: &str) -> Result<String, String> {
        fill(text, |name| match name {
            "a" => Ok("{b}".to_owned()),
            _ => Err(Unfilled { message: format!("unknown {name}"), hint: String::new() }),
        })
        .map_err(|unfilled| unfilled.message)
    }

    #[test]
    fn a_value_is_not_filled_again_and_braces_can_be_written() {
        assert_eq!(filled("x{a}-{a}y").unwrap(), "x{b}-{b}y");
        assert_eq!(filled("{{a}} {{{a}}}").unwrap(), "{a} {{b}}");
        assert_eq!(filled("{c}"), Err("unknown c".to_owned()));
        for text in ["{a", "a}", "{", "x}{a}"] {
            assert_eq!(filled(text), Err("a brace stands alone".to_owned()), "{text}");
        }
    }
}
