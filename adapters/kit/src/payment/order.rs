//! What is to be paid: from the configuration, where it is the same for all, and from the message.

use crate::adapter::Faults;
use crate::settings::Places;
use crate::template::{Place, Template};
use rohrpost_model::payment::{AMOUNT, PURPOSE, purpose};
use rohrpost_model::ports::Parcel;
use rohrpost_model::{Digest, Failure, Fault, Reason, ReasonCode};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use toml::Spanned;
use url::Url;

/// The longest description (XBezahldienste 1.0.0, `description`).
const DESCRIPTION: usize = 250;
/// The longest address that a browser comes back to (XBezahldienste 1.0.0, `redirectUrl`).
const RETURN: usize = 2082;
/// The most items (XBezahldienste 1.0.0, `items`).
const ITEMS: usize = 99;

/// The table `order` of a payment destination.
#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct OrderSettings {
    /// A fee that is always the same, in cents. Without it the message says it.
    amount_cents: Option<Spanned<u64>>,
    /// What stands on the statement. Without it the message says it.
    purpose: Option<Spanned<String>>,
    /// What the citizen reads on the page where it is paid. Without it the message says it, or else it is the purpose.
    description: Option<Spanned<String>>,
    /// Where the browser comes back to.
    return_url: Spanned<String>,
    /// For the budget: key → text.
    #[serde(default)]
    booking_data: BTreeMap<String, Spanned<String>>,
}

/// How orders are made.
pub struct Orders {
    amount_cents: Option<u64>,
    purpose: Option<Template>,
    description: Option<Template>,
    return_url: Template,
    booking_data: Vec<(String, Template)>,
}

/// An order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// In cents, in all.
    pub amount_cents: u64,
    /// As it stands on the statement: see [`purpose`].
    pub purpose: String,
    /// What the citizen reads on the page where it is paid.
    pub description: String,
    /// Where the browser comes back to.
    pub return_url: Url,
    /// What it is made of; one at least.
    pub items: Vec<Item>,
}

/// An item of an order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Item {
    /// Its number in the order, or what the authority calls it.
    #[serde(default)]
    pub id: String,
    /// What it is, for the authority.
    #[serde(default)]
    pub reference: String,
    /// What it is, for the citizen.
    #[serde(default)]
    pub description: String,
    /// How many.
    #[serde(default = "one")]
    pub quantity: u64,
    /// Net, of one, in cents.
    pub net_cents: u64,
    /// Tax, of one, in cents.
    #[serde(default)]
    pub tax_cents: u64,
    /// In percent.
    #[serde(default)]
    pub tax_rate: u64,
    /// For the budget.
    #[serde(default)]
    pub booking_data: BTreeMap<String, String>,
}

const fn one() -> u64 {
    1
}

/// What the message says: an answer with a payment in it (a payment order), or the payment alone, as a mapping makes it.
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Answer { payment: Said },
    Alone(Said),
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Said {
    amount_cents: Option<u64>,
    purpose: Option<String>,
    description: Option<String>,
    #[serde(default)]
    items: Vec<Item>,
    #[serde(default)]
    booking_data: BTreeMap<String, String>,
}

impl OrderSettings {
    /// Checks how it is written.
    pub fn configured(&self, places: &Places<'_>) -> Result<Orders, Vec<Fault>> {
        let mut faults = Faults::default();
        let text = |written: &Spanned<String>, place| Template::configured(written, place, places);
        let purpose = self.purpose.as_ref().map(|it| text(it, Place::Plain)).transpose();
        let purpose = faults.note(purpose);
        for fault in self.faults(purpose.as_ref().and_then(Option::as_ref), places) {
            faults.push(fault);
        }
        let description = self.description.as_ref().map(|it| text(it, Place::Plain)).transpose();
        let description = faults.note(description);
        let return_url = faults.note(text(&self.return_url, Place::Url));
        let mut booking_data = Vec::new();
        for (key, written) in &self.booking_data {
            booking_data.extend(faults.note(text(written, Place::Plain)).map(|text| (key.clone(), text)));
        }
        let whole = purpose.zip(description).zip(return_url);
        faults.finish(whole.map(|((purpose, description), return_url)| Orders {
            amount_cents: self.amount_cents.as_ref().map(|amount| *amount.get_ref()),
            purpose,
            description,
            return_url,
            booking_data,
        }))
    }

    /// What can be seen before there is a submission.
    fn faults(&self, template: Option<&Template>, places: &Places<'_>) -> Vec<Fault> {
        let mut faults = Vec::new();
        if let Some(amount) = self.amount_cents.as_ref().filter(|it| !(1..=AMOUNT).contains(it.get_ref())) {
            faults.push(places.fault_at(amount, format!("an amount is 1 to {AMOUNT} cents")));
        }
        if let (Some(written), Some(template)) = (&self.purpose, template) {
            let fixed = template.fixed_start();
            if !fixed.trim().is_empty() && purpose(fixed).is_none() {
                let told = format!("a purpose has at most {PURPOSE} letters, digits, blanks and hyphens");
                faults.push(places.fault_at(written, told));
            }
        }
        let start = self.return_url.get_ref();
        if !start.starts_with("https://") && !start.starts_with("http://localhost") {
            faults.push(places.fault_at(&self.return_url, "the address begins with https://"));
        }
        faults
    }
}

impl Orders {
    /// The order that a parcel is. [`Failure::Refused`] where something is missing or wrong in it.
    pub fn order(&self, parcel: &Parcel<'_>) -> Result<Order, Failure> {
        let said = self.said(parcel)?;
        let amount_cents = self.amount_cents.or(said.amount_cents).ok_or_else(|| wrong("amountCents"))?;
        let fill = |template: &Option<Template>| template.as_ref().map(|it| it.fill(parcel)).transpose();
        let written = fill(&self.purpose)?.or(said.purpose).ok_or_else(|| wrong("purpose"))?;
        let purpose = purpose(&written).ok_or_else(|| wrong("purpose"))?;
        let description = fill(&self.description)?.or(said.description).unwrap_or_else(|| purpose.clone());
        let return_url = self.return_url.fill(parcel)?;
        let mut booking_data = said.booking_data;
        for (key, template) in &self.booking_data {
            booking_data.insert(key.clone(), template.fill(parcel)?);
        }
        let order = Order {
            amount_cents,
            items: items(said.items, amount_cents, &description, &booking_data),
            purpose,
            return_url: Url::parse(&return_url).map_err(|_| wrong("return-url"))?,
            description,
        };
        order.check()?;
        Ok(order)
    }

    /// What the message says; nothing where the configuration says it all.
    fn said(&self, parcel: &Parcel<'_>) -> Result<Said, Failure> {
        match serde_json::from_slice(&parcel.message) {
            Ok(Written::Answer { payment } | Written::Alone(payment)) => Ok(payment),
            Err(_) if self.amount_cents.is_some() && self.purpose.is_some() => Ok(Said::default()),
            Err(_) => Err(wrong("JSON")),
        }
    }
}

/// Without items of its own an order is one.
fn items(
    said: Vec<Item>,
    amount_cents: u64,
    description: &str,
    booking_data: &BTreeMap<String, String>,
) -> Vec<Item> {
    let whole = Item {
        id: String::new(),
        reference: String::new(),
        description: description.to_owned(),
        quantity: 1,
        net_cents: amount_cents,
        tax_cents: 0,
        tax_rate: 0,
        booking_data: BTreeMap::new(),
    };
    let items = if said.is_empty() { vec![whole] } else { said };
    let numbered = items.into_iter().enumerate().map(|(at, mut item)| {
        if item.id.is_empty() {
            item.id = (at + 1).to_string();
        }
        if item.reference.is_empty() {
            item.reference.clone_from(&item.id);
        }
        if item.description.is_empty() {
            description.clone_into(&mut item.description);
        }
        for (key, value) in booking_data {
            item.booking_data.entry(key.clone()).or_insert_with(|| value.clone());
        }
        item
    });
    numbered.collect()
}

impl Item {
    /// Net and tax of all of it, in cents; `None` where that is beyond all numbers.
    pub fn total(&self) -> Option<(u64, u64)> {
        Some((self.net_cents.checked_mul(self.quantity)?, self.tax_cents.checked_mul(self.quantity)?))
    }

    fn fits(&self) -> bool {
        let short = |text: &str, most| text.chars().count() <= most;
        short(&self.id, 36)
            && short(&self.reference, 36)
            && short(&self.description, DESCRIPTION)
            && (1..=999_999).contains(&self.quantity)
            && self.tax_rate <= 100
            && self.booking_data.values().all(|value| short(value, 250))
    }
}

impl Order {
    /// What none of the providers takes.
    fn check(&self) -> Result<(), Failure> {
        if !(1..=AMOUNT).contains(&self.amount_cents) {
            return Err(wrong("amountCents"));
        }
        if self.description.chars().count() > DESCRIPTION {
            return Err(wrong("description"));
        }
        if self.return_url.as_str().len() > RETURN {
            return Err(wrong("return-url"));
        }
        if !(1..=ITEMS).contains(&self.items.len()) || !self.items.iter().all(Item::fits) {
            return Err(wrong("items"));
        }
        let sum = self.items.iter().try_fold(0u64, |sum, item| {
            let (net, tax) = item.total()?;
            sum.checked_add(net)?.checked_add(tax)
        });
        if sum == Some(self.amount_cents) { Ok(()) } else { Err(wrong("items, amountCents")) }
    }

    /// Names what is to be paid. Where the browser comes back to does not belong to it.
    pub(super) fn digest(&self) -> String {
        let Self { amount_cents, purpose, description, items, .. } = self;
        let text = serde_json::to_vec(&(amount_cents, purpose, description, items)).unwrap_or_default();
        Digest::of(&text).to_string()
    }
}

/// The order is refused: `field` is a name, never a value.
pub fn wrong(field: &str) -> Failure {
    Failure::Refused(Reason::new(ReasonCode::PaymentOrder).with("field", field))
}
