//! What envelopes carry, as values. Each type is read from a tree and written in the order of the schema. Reading never
//! refuses: [`check`] says what breaks the schema, and what cannot be understood is left out of the value.

mod check;
mod code;
mod content;
mod lookup;
mod metadata;
mod msgbox;
mod party;
mod report;
mod rules;
mod time;

pub use check::{Broken, Violation};
pub(crate) use check::{check, check_attributes};
pub use code::Code;
pub(crate) use content::settle_ids;
pub use content::{ContentKind, ContentOutline};
pub use lookup::{Availability, LookupRequest, LookupResponse, LookupResult, LookupWish, ServiceParameter};
pub use metadata::{
    BusinessScenario, DeliveryAttributes, MessageMetaData, MessageType, ProcessReference, Property, Qualifier,
};
pub use msgbox::{
    Iteration, ListForm, MsgAttributes, MsgBoxResponse, MsgBoxState, MsgPart, MsgSelector, MsgStatusList,
    Related, StatusListRequest,
};
pub use party::{Identifier, Party};
pub use report::{AdditionalReport, MessageStatus, Record, TransportReport, TransportStatus};
pub(crate) use rules::rule_of;
pub use time::{Date, DateTime};

use crate::xml::Element;

/// The text of a child, where there is one with a text.
fn text_of(element: &Element, name: (&str, &str)) -> Option<String> {
    element.child(name).map(Element::trimmed).filter(|text| !text.is_empty()).map(str::to_owned)
}

/// The texts of all children of a name.
fn texts_of(element: &Element, name: (&str, &str)) -> Vec<String> {
    element.all((name.0, name.1)).map(|child| child.trimmed().to_owned()).collect()
}

fn attribute_of(element: &Element, name: &str) -> Option<String> {
    element.attribute(name).map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned)
}
