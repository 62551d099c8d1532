//! What a mapping makes beside its message, and what it calls attachments.

use super::{DOCUMENT, DocumentTable, Entry, OUTPUT, Reader, Table};
use crate::attachments::{NamingRule, Template};
use crate::place;
use crate::standard::document_slots;
use rohrpost_model::DocumentName;
use rohrpost_model::document::MESSAGE;
use std::collections::BTreeMap;
use toml::de::DeValue;

impl Reader<'_> {
    /// `[document.NAME]`, each with the keys of `[target]`.
    pub(super) fn documents(&mut self, root: &Table<'_>) -> BTreeMap<DocumentName, DocumentTable> {
        let Some(entry) = root.get(DOCUMENT) else { return BTreeMap::new() };
        let DeValue::Table(tables) = entry.get_ref() else {
            self.fault(entry.span(), "`document` holds tables").hint = "write [document.index]".into();
            return BTreeMap::new();
        };
        let mut documents = BTreeMap::new();
        for (key, entry) in tables {
            let (span, written) = (key.span(), key.get_ref().to_string());
            match written.parse::<DocumentName>() {
                Err(error) => drop(self.fault(span, &error.to_string())),
                Ok(name) if name.as_str() == MESSAGE => {
                    self.fault(span, "the message is what [target] is about").hint =
                        "move its keys to [target], or give the document another name".into();
                }
                Ok(name) => {
                    let made = self.document(tables, name.as_str(), entry);
                    documents.extend(made.map(|made| (name, made)));
                }
            }
        }
        documents
    }

    fn document(&mut self, tables: &Table<'_>, name: &str, entry: &Entry<'_>) -> Option<DocumentTable> {
        if entry.get_ref().as_table().is_none() {
            self.fault(entry.span(), &format!("`{name}` is a table")).hint =
                format!("write [document.{name}]");
            return None;
        }
        let table = self.table(tables, name, &OUTPUT)?;
        let [schema, rules] = document_slots(name);
        let gives_json = self.is_json(table);
        let usual = super::usual_media_type(gives_json);
        Some(DocumentTable {
            schema: self.schema(table, &schema),
            rules: self.rules(table, &rules),
            gives_json,
            media_type: self.media_type(table, usual),
        })
    }

    /// `[attachments]`: the rules for ids and names.
    pub(super) fn attachments(&mut self, root: &Table<'_>) -> Option<NamingRule> {
        let (key, entry) = root.get_key_value("attachments")?;
        let table = self.table(root, "attachments", &["id", "name"])?;
        let rule = NamingRule {
            id: self.template(table, "id", Template::of_ids),
            name: self.template(table, "name", Template::of_names),
            place: place::of(self.text, key.span().start),
        };
        if table.is_empty() {
            self.fault(entry.span(), "[attachments] has no rule").hint =
                "write id = \"urn_uuid_{uuid}\" or name = \"{number:03}_{name}\"".into();
        }
        Some(rule)
    }

    fn template(
        &mut self,
        table: &Table<'_>,
        key: &str,
        parse: impl Fn(&str) -> Result<Template, (String, String)>,
    ) -> Option<Template> {
        let (text, span) = self.string(table, key)?;
        match parse(&text) {
            Ok(template) => Some(template),
            Err((message, hint)) => {
                self.fault(span, &message).hint = hint;
                None
            }
        }
    }
}
