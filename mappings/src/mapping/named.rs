//! What a mapping calls the attachments of a submission.

use super::{Mapping, MappingFault};
use crate::attachments::NamedAttachment;
use crate::envelope;
use crate::facts::Facts;
use crate::manifest::MANIFEST;
use crate::xml::Xml;
use rohrpost_model::Fault;
use std::borrow::Cow;

impl Mapping {
    /// Whether it has a rule for ids or names of attachments.
    pub fn names_attachments(&self) -> bool {
        self.manifest.attachments.is_some()
    }

    /// What its rule calls the attachments; none without a rule. A fault where two would be called alike.
    pub fn attachment_names(&self, facts: &Facts) -> Result<Vec<NamedAttachment>, MappingFault> {
        let Some(rule) = &self.manifest.attachments else { return Ok(Vec::new()) };
        let Facts { submission_id, case, attachments, .. } = facts;
        rule.names(submission_id, case, attachments).map_err(|message| self.at_the_rule(message))
    }

    fn at_the_rule(&self, message: String) -> MappingFault {
        let (line, column) = self.manifest.attachments.as_ref().map_or((0, 0), |rule| rule.place);
        MappingFault::Transform(vec![Fault::at(MANIFEST, line, column, message)])
    }

    /// The facts with the names that the rule gives.
    pub(super) fn with_names<'f>(&self, facts: &'f Facts) -> Result<Cow<'f, Facts>, MappingFault> {
        let names = self.attachment_names(facts)?;
        if names.is_empty() {
            return Ok(Cow::Borrowed(facts));
        }
        let mut facts = facts.clone();
        for (attachment, named) in facts.attachments.iter_mut().zip(names) {
            (attachment.id, attachment.file_name) = (named.id, named.file_name);
        }
        Ok(Cow::Owned(facts))
    }

    /// An envelope of a case with the names that the rule gives; `None` without a rule.
    pub(super) fn called_by_rule(&self, envelope: &Xml, facts: &Facts) -> Result<Option<Xml>, MappingFault> {
        let names = self.attachment_names(facts)?;
        if names.is_empty() {
            return Ok(None);
        }
        envelope::called_by_rule(envelope, &names).map_err(|message| self.at_the_rule(message))
    }
}
