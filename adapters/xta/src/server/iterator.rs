//! Fetch iterators: a `MsgBoxRequestID` says itself where it stands, so the server keeps none and they never run out.

use crate::{DateTime, ListForm, MsgSelector};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::tz::TimeZone;
use rohrpost_model::Timestamp;
use rohrpost_model::ports::{Asked, Cursor};
use serde::{Deserialize, Serialize};

const PREFIX: &str = "urn:rohrpost:msgbox:";

/// Where a fetch stands. It tells nobody anything that its reader may not see: what it names is looked up again, through
/// the reader's own scope.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Fetch {
    /// The last place that was handed out.
    after: Option<u64>,
    /// How many at once.
    pub(super) most: usize,
    /// With all metadata.
    pub(super) whole: bool,
    unfetched: bool,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl Fetch {
    pub(super) fn begin(selector: Option<&MsgSelector>, most: usize, form: Option<ListForm>) -> Self {
        let time = |time: Option<&DateTime>| time.and_then(|time| time.instant(&TimeZone::UTC));
        Self {
            after: None,
            most,
            whole: form == Some(ListForm::MessageMetaData),
            unfetched: selector.is_some_and(|selector| selector.new_entry == Some(true)),
            from: time(selector.and_then(|selector| selector.from.as_ref())),
            until: time(selector.and_then(|selector| selector.to.as_ref())),
        }
    }

    pub(super) fn asked(&self, limit: usize) -> Asked {
        Asked {
            after: self.after.map(Cursor),
            limit,
            unfetched: self.unfetched,
            from: self.from,
            until: self.until,
            ..Asked::default()
        }
    }

    pub(super) fn past(self, cursor: Option<Cursor>) -> Self {
        Self { after: cursor.map(|cursor| cursor.0).or(self.after), ..self }
    }

    /// The id that a client goes on with.
    pub(super) fn id(&self) -> String {
        let text = serde_json::to_vec(self).unwrap_or_default();
        format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode(text))
    }

    /// Where an id stands; `None` for one that is not the server's.
    pub(super) fn of_id(id: &str) -> Option<Self> {
        let text = URL_SAFE_NO_PAD.decode(id.trim().strip_prefix(PREFIX)?).ok()?;
        let fetch: Self = serde_json::from_slice(&text).ok()?;
        Some(Self { most: fetch.most.clamp(1, super::msgbox::MOST), ..fetch })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_iterator_comes_back_as_it_was_handed_out_and_nothing_else_is_one() {
        let fetch = Fetch { most: 7, unfetched: true, ..Fetch::default() }.past(Some(Cursor(42)));
        assert_eq!(Fetch::of_id(&fetch.id()), Some(fetch));
        for foreign in ["1", "", "urn:rohrpost:msgbox:", "urn:rohrpost:msgbox:bm9uc2Vuc2U"] {
            assert_eq!(Fetch::of_id(foreign), None, "{foreign}");
        }
    }
}
