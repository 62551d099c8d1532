//! Other names and tenants in a hand over, for a hub that calls things differently. A route's file keeps its comments: only
//! the texts themselves are replaced, and the result is read again to see that nothing else changed.

use super::content::{HandOver, Place};
use super::{CASES, ROUTES};
use crate::faults::Stop;
use rohrpost_model::version::MAPPINGS;
use rohrpost_model::{Fault, MappingName, RouteName, TenantName};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::str::FromStr;
use toml::de::{DeTable, DeValue};
use toml::{Table, Value};

/// What a name is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Route,
    Mapping,
    Seal,
    Destination,
}

const KINDS: [(&str, Kind); 4] = [
    ("route", Kind::Route),
    ("mapping", Kind::Mapping),
    ("seal", Kind::Seal),
    ("destination", Kind::Destination),
];

/// A new name: `OLD=NEW`, or with what it is of, `mapping:OLD=NEW`.
#[derive(Clone, Debug)]
pub struct Renaming {
    kind: Option<Kind>,
    old: String,
    new: String,
}

impl FromStr for Renaming {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (old, new) = text.split_once('=').ok_or("write OLD=NEW")?;
        if old.is_empty() || new.is_empty() {
            return Err("write OLD=NEW, both a name".into());
        }
        let Some((word, name)) = old.split_once(':') else {
            return Ok(Self { kind: None, old: old.into(), new: new.into() });
        };
        let kind = KINDS.iter().find(|(known, _)| *known == word).map(|(_, kind)| *kind);
        let kind = kind.ok_or("before the colon stands route, mapping, seal or destination")?;
        Ok(Self { kind: Some(kind), old: name.into(), new: new.into() })
    }
}

/// What is called differently here, and whose submissions the routes take.
pub struct Rewrite {
    names: BTreeMap<(Kind, String), String>,
    tenants: Vec<TenantName>,
}

impl Rewrite {
    /// Sorts out what each new name is of. Where a hand over has no such name, or several of different kinds, that is wrong use.
    pub fn new(renamings: &[Renaming], tenants: &[TenantName], package: &HandOver) -> Result<Self, Stop> {
        let known = names(package);
        let mut names = BTreeMap::new();
        for Renaming { kind, old, new } in renamings {
            let meant: Vec<_> = known
                .iter()
                .filter(|(is, name)| name == old && kind.is_none_or(|kind| kind == *is))
                .collect();
            let [(kind, _)] = meant.as_slice() else { return Err(unclear(old, &meant, &known)) };
            if names.insert((*kind, old.clone()), new.clone()).is_some() {
                return Err(Stop::Usage(format!("--rename {old}: two new names for one")));
            }
        }
        Ok(Self { names, tenants: tenants.to_vec() })
    }

    /// The hand over as it is called here.
    pub fn apply(&self, package: HandOver) -> Result<HandOver, Stop> {
        let templates = names(&package);
        let HandOver { mut manifest, members } = package;
        let mut renamed = BTreeMap::new();
        for (path, content) in members {
            let there = self.path(&path);
            let content = match Place::of(&path) {
                Some(Place::RouteCase(_)) if path.ends_with(OUTCOME) => {
                    self.outcome(&String::from_utf8_lossy(&content), &templates).into_bytes()
                }
                Some(Place::Route(_)) => self.text(&path, &String::from_utf8_lossy(&content))?.into_bytes(),
                _ => content,
            };
            if renamed.insert(there.clone(), content).is_some() {
                return Err(Stop::Usage(format!("--rename: two files would be called {there}")));
            }
        }
        manifest.routes = self.all(Kind::Route, &manifest.routes)?;
        manifest.mappings = self.all(Kind::Mapping, &manifest.mappings)?;
        for need in &mut manifest.needs.destinations {
            need.route = self.name(Kind::Route, &need.route);
            need.name = self.name(Kind::Destination, &need.name);
        }
        let seals = std::mem::take(&mut manifest.needs.seals).into_iter();
        manifest.needs.seals = seals.map(|(name, form)| (self.name(Kind::Seal, &name), form)).collect();
        Ok(HandOver { manifest, members: renamed })
    }

    fn all<N>(&self, kind: Kind, old: &BTreeSet<N>) -> Result<BTreeSet<N>, Stop>
    where
        N: FromStr<Err: std::fmt::Display> + ToString + Ord,
    {
        let parse = |name: &N| self.name(kind, &name.to_string()).parse();
        let new: Result<_, N::Err> = old.iter().map(parse).collect();
        new.map_err(|error| Stop::Usage(format!("--rename: {error}")))
    }

    fn name(&self, kind: Kind, old: &str) -> String {
        self.names.get(&(kind, old.to_owned())).cloned().unwrap_or_else(|| old.to_owned())
    }

    fn path(&self, path: &str) -> String {
        let rest = |below: String| path.strip_prefix(&below).unwrap_or_default().to_owned();
        match Place::of(path) {
            Some(Place::Route(name)) => format!("{ROUTES}/{}.toml", self.route(&name)),
            Some(Place::RouteCase(name)) => {
                let case = rest(format!("{ROUTES}/{name}/{CASES}/"));
                format!("{ROUTES}/{}/{CASES}/{case}", self.route(&name))
            }
            Some(Place::Mapping(name)) => {
                let file = rest(format!("{MAPPINGS}/{name}/"));
                format!("{MAPPINGS}/{}/{file}", self.mapping(&name))
            }
            None => path.to_owned(),
        }
    }

    fn route(&self, name: &RouteName) -> String {
        self.name(Kind::Route, name.as_str())
    }

    fn mapping(&self, name: &MappingName) -> String {
        self.name(Kind::Mapping, name.as_str())
    }

    /// A route's text with other names and tenants in it.
    fn text(&self, path: &str, text: &str) -> Result<String, Stop> {
        let mut edits = self.edits(text);
        edits.sort_by_key(|(range, _)| std::cmp::Reverse(range.start));
        let mut made = text.to_owned();
        edits.into_iter().for_each(|(range, new)| made.replace_range(range, &new));
        let wanted = text.parse::<Table>().map(|table| self.table(table)).ok();
        if wanted.is_some() && made.parse::<Table>().ok() == wanted {
            return Ok(made);
        }
        let message = "cannot be given other names and tenants without changing more than those";
        let hint = "write overrides as [[override]], or import it as it is and change it by hand";
        Err(Stop::Faults(vec![Fault::of_file(path, message).hint(hint)]))
    }

    /// What a route's case expects, for the names here. With several tenants nobody knows which one it is: the old one stays,
    /// and `rohrpost test` shows it.
    fn outcome(&self, text: &str, names: &BTreeSet<(Kind, String)>) -> String {
        let old = text.lines().find_map(|line| line.strip_prefix("tenant: ")).unwrap_or_default();
        let tenant = match self.tenants.as_slice() {
            [only] if old != "none" => only.as_str(),
            _ => old,
        };
        let templates = names.iter().filter(|(kind, _)| *kind == Kind::Destination);
        let leads = |name: &str| {
            let mut templates = templates.clone().map(|(_, template)| template);
            let meant = templates.find(|template| template.replace("{tenant}", old) == name)?;
            Some(self.name(Kind::Destination, meant).replace("{tenant}", tenant))
        };
        let line = |line: &str| match (line.split_once(": "), line.rsplit_once("sends to ")) {
            (Some(("tenant", _)), _) => format!("tenant: {tenant}"),
            (Some(("route", name)), _) => format!("route: {}", self.name(Kind::Route, name)),
            (_, Some((before, name))) => match leads(name) {
                Some(here) => format!("{before}sends to {here}"),
                None => line.to_owned(),
            },
            _ => line.to_owned(),
        };
        text.lines().map(|it| line(it) + "\n").collect()
    }

    /// The same as a tree: what the text has to say afterwards.
    fn table(&self, mut table: Table) -> Table {
        self.replace(&mut table, "name", Kind::Route);
        if !self.tenants.is_empty() {
            let tenants = self.tenants.iter().map(|tenant| Value::from(tenant.as_str()));
            table.insert("tenants".into(), tenants.collect::<Vec<_>>().into());
        }
        for key in ["step", "override"] {
            let Some(Value::Array(items)) = table.get_mut(key) else { continue };
            for item in items.iter_mut().filter_map(Value::as_table_mut) {
                FIELDS.iter().for_each(|(key, kind)| self.replace(item, key, *kind));
                if let Some(tenants) = item.get("tenants").and_then(|tenants| self.kept(tenants)) {
                    item.insert("tenants".into(), tenants.into());
                }
            }
            if key == "override" {
                items.retain(|item| {
                    item.get("tenants").and_then(Value::as_array).is_none_or(|it| !it.is_empty())
                });
            }
            if items.is_empty() {
                table.remove(key);
            }
        }
        table
    }

    fn replace(&self, table: &mut Table, key: &str, kind: Kind) {
        if let Some(Value::String(name)) = table.get_mut(key) {
            *name = self.reference(kind, name);
        }
    }

    /// A name as a route writes it: of a mapping one of its documents may be meant, `NAME#DOCUMENT`.
    fn reference(&self, kind: Kind, written: &str) -> String {
        let name = bare(kind, written);
        self.name(kind, name) + written.strip_prefix(name).unwrap_or_default()
    }

    /// The tenants of an override that the routes serve here, as a list; `None` where it stays as it is.
    fn kept(&self, tenants: &Value) -> Option<Vec<Value>> {
        let listed: Vec<_> = tenants.as_array().cloned().unwrap_or_else(|| vec![tenants.clone()]);
        let serves = |it: &Value| self.tenants.iter().any(|tenant| it.as_str() == Some(tenant.as_str()));
        let kept: Vec<_> = listed.iter().filter(|it| serves(it)).cloned().collect();
        (!self.tenants.is_empty() && kept != listed).then_some(kept)
    }

    /// What is to be replaced in a text, and by what.
    fn edits(&self, text: &str) -> Vec<Edit> {
        let (tree, _) = DeTable::parse_recoverable(text);
        let root = tree.get_ref();
        let mut edits = Vec::new();
        edits.extend(self.edit(root, "name", Kind::Route));
        if let Some(tenants) = root.get("tenants").filter(|_| !self.tenants.is_empty()) {
            edits.push((tenants.span(), list(self.tenants.iter().map(TenantName::as_str))));
        }
        for key in ["step", "override"] {
            let items = root.get(key).and_then(|items| items.get_ref().as_array());
            for item in items.into_iter().flatten() {
                let Some(table) = item.get_ref().as_table() else { continue };
                match self.tenants_edit(table) {
                    Some((_, none)) if none == "[]" => {
                        edits.push((block(text, item.span().start), String::new()))
                    }
                    edit => {
                        edits.extend(edit);
                        edits.extend(FIELDS.iter().filter_map(|(key, kind)| self.edit(table, key, *kind)));
                    }
                }
            }
        }
        edits
    }

    fn edit(&self, table: &DeTable<'_>, key: &str, kind: Kind) -> Option<Edit> {
        let value = table.get(key)?;
        let (old, span) = (value.get_ref().as_str()?, value.span());
        let new = self.reference(kind, old);
        (new != old).then(|| (span, quoted(&new)))
    }

    fn tenants_edit(&self, table: &DeTable<'_>) -> Option<Edit> {
        let tenants = table.get("tenants")?;
        let text = |item: &toml::Spanned<DeValue<'_>>| item.get_ref().as_str().map(Value::from);
        let listed: Vec<_> = match tenants.get_ref().as_array() {
            Some(items) => items.iter().filter_map(text).collect(),
            None => text(tenants).into_iter().collect(),
        };
        let kept = self.kept(&Value::from(listed))?;
        Some((tenants.span(), list(kept.iter().filter_map(Value::as_str))))
    }
}

/// What a route's case expects of the route as a whole.
const OUTCOME: &str = "/expected/outcome.txt";

/// A place in a text, and what stands there instead.
type Edit = (Range<usize>, String);

/// Names in a step or an override.
const FIELDS: [(&str, Kind); 4] = [
    ("mapping", Kind::Mapping),
    ("seal", Kind::Seal),
    ("destination", Kind::Destination),
    ("test-destination", Kind::Destination),
];

/// The name in a reference.
fn bare(kind: Kind, written: &str) -> &str {
    match kind {
        Kind::Mapping => written.split_once('#').map_or(written, |(name, _)| name),
        _ => written,
    }
}

fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn list<'t>(items: impl Iterator<Item = &'t str>) -> String {
    format!("[{}]", items.map(quoted).collect::<Vec<_>>().join(", "))
}

/// The lines of the `[[…]]` that begins at `start`: its own tables and the comment before it are of it, and the comment
/// before what follows is not.
fn block(text: &str, start: usize) -> Range<usize> {
    let begin = text[..start].rfind('\n').map_or(0, |at| at + 1);
    let header = text[begin..].lines().next().unwrap_or_default();
    let own = header.trim().trim_matches(['[', ']']).trim().to_owned() + ".";
    let ends = |line: &str| {
        let line = line.trim_start();
        line.starts_with('[') && !line.trim_start_matches('[').trim_start().starts_with(&own)
    };
    let mut end = begin + header.len();
    let mut at = end;
    for line in text[end..].split_inclusive('\n') {
        if ends(line) {
            break;
        }
        at += line.len();
        if !aside(line) {
            end = at;
        }
    }
    // Nothing follows: what trails is of it.
    let end = if at == text.len() { at } else { end };
    let before =
        text[..begin].split_inclusive('\n').rev().take_while(|line| line.trim_start().starts_with('#'));
    begin - before.map(str::len).sum::<usize>()..end
}

fn aside(line: &str) -> bool {
    line.trim().is_empty() || line.trim_start().starts_with('#')
}

/// Every name in a hand over, with what it is of.
fn names(package: &HandOver) -> BTreeSet<(Kind, String)> {
    let mut names: BTreeSet<_> =
        package.manifest.routes.iter().map(|name| (Kind::Route, name.to_string())).collect();
    for (_, text) in package.routes() {
        let table = text.parse::<Table>().unwrap_or_default();
        let items = ["step", "override"].iter().filter_map(|key| table.get(*key)?.as_array()).flatten();
        for item in items {
            let named = FIELDS
                .iter()
                .filter_map(|(key, kind)| Some((*kind, bare(*kind, item.get(*key)?.as_str()?).to_owned())));
            names.extend(named);
        }
    }
    names
}

fn unclear(old: &str, meant: &[&(Kind, String)], known: &BTreeSet<(Kind, String)>) -> Stop {
    let word = |kind: Kind| KINDS.iter().find(|(_, is)| *is == kind).map_or("", |(word, _)| *word);
    let listed = |names: &mut dyn Iterator<Item = &(Kind, String)>| {
        names.map(|(kind, name)| format!("{}:{name}", word(*kind))).collect::<Vec<_>>().join(", ")
    };
    Stop::Usage(match meant {
        [] => format!("--rename {old}: nothing in it is called so; known: {}", listed(&mut known.iter())),
        _ => format!("--rename {old}: say which one: {}", listed(&mut meant.iter().copied())),
    })
}

#[cfg(test)]
mod tests;
