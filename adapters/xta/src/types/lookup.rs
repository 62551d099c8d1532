//! Asking whether a reader offers a service, and how it is reached.

use super::check::boolean;
use super::report::{read_base64, write_base64};
use super::{Code, Party, text_of};
use crate::names::{META, XTA};
use crate::xml::{Element, Writer};

/// One reader and one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookupWish {
    /// The reader.
    pub reader: Party,
    /// The service's URI.
    pub service: String,
}

/// Asks for some of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookupRequest {
    /// What is asked for.
    pub wishes: Vec<LookupWish>,
}

/// Whether a service can be had.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Availability {
    /// It can.
    Available,
    /// It cannot.
    NotAvailable,
    /// Nobody knows.
    #[default]
    Unknown,
}

/// Something that is needed to reach a service, such as the reader's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServiceParameter {
    /// What it is.
    pub kind: Code,
    /// Its bytes.
    pub resource: Vec<u8>,
}

/// The answer to one wish.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookupResult {
    /// What was asked for.
    pub wish: LookupWish,
    /// Whether it can be had.
    pub availability: Availability,
    /// How it is reached.
    pub parameters: Vec<ServiceParameter>,
}

/// The answers, in the order of the wishes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LookupResponse {
    /// One for each wish.
    pub results: Vec<LookupResult>,
}

impl LookupWish {
    fn read(element: &Element) -> Self {
        Self {
            reader: element.child((META, "Reader")).map(Party::read).unwrap_or_default(),
            service: text_of(element, (XTA, "ServiceType")).unwrap_or_default(),
        }
    }

    fn write(&self, writer: &mut Writer) {
        self.reader.write((META, "Reader"), writer);
        writer.leaf((XTA, "ServiceType"), &self.service);
    }
}

impl LookupRequest {
    pub(crate) fn read(element: &Element) -> Self {
        let lists = element.all((XTA, "LookupServiceRequestList"));
        let wishes = lists.flat_map(|list| list.all((XTA, "LookupService"))).map(LookupWish::read);
        Self { wishes: wishes.collect() }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.open((XTA, "LookupServiceRequest"));
        for wish in &self.wishes {
            writer.open((XTA, "LookupServiceRequestList"));
            writer.open((XTA, "LookupService"));
            wish.write(writer);
            writer.close();
            writer.close();
        }
        writer.close();
    }
}

impl LookupResult {
    fn read(element: &Element) -> Self {
        let value = element.child((XTA, "IsServiceAvailableValue"));
        let availability = match value
            .and_then(|value| text_of(value, (XTA, "ServiceIsAvailable")))
            .as_deref()
            .and_then(boolean)
        {
            Some(true) => Availability::Available,
            Some(false) => Availability::NotAvailable,
            None => Availability::Unknown,
        };
        let parameter = |it: &Element| ServiceParameter {
            kind: it.child((XTA, "ParameterType")).map(Code::read).unwrap_or_default(),
            resource: read_base64(it.child((XTA, "Resource"))),
        };
        let parameters = element.all((XTA, "ServiceParameter")).map(parameter).collect();
        Self { wish: LookupWish::read(element), availability, parameters }
    }

    fn write(&self, writer: &mut Writer) {
        writer.open((XTA, "LookupServiceResult"));
        self.wish.write(writer);
        writer.open((XTA, "IsServiceAvailableValue"));
        match self.availability {
            Availability::Available => writer.leaf((XTA, "ServiceIsAvailable"), "true"),
            Availability::NotAvailable => writer.leaf((XTA, "ServiceIsAvailable"), "false"),
            Availability::Unknown => writer.leaf((XTA, "ServiceIsAvailableUnknown"), "true"),
        }
        writer.close();
        for parameter in &self.parameters {
            writer.open((XTA, "ServiceParameter"));
            parameter.kind.write_bare((XTA, "ParameterType"), writer);
            write_base64((XTA, "Resource"), &parameter.resource, writer);
            writer.close();
        }
        writer.close();
    }
}

impl LookupResponse {
    pub(crate) fn read(element: &Element) -> Self {
        let lists = element.all((XTA, "LookupServiceResultList"));
        Self {
            results: lists
                .flat_map(|list| list.all((XTA, "LookupServiceResult")))
                .map(LookupResult::read)
                .collect(),
        }
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.open((XTA, "LookupServiceResponse"));
        writer.open((XTA, "LookupServiceResultList"));
        self.results.iter().for_each(|result| result.write(writer));
        writer.close();
        writer.close();
    }
}
