//! The transport report: the only proof of delivery that a sender sees.

use super::{Code, DateTime, MessageMetaData, text_of};
use crate::names::{DS, META, Name, XTA};
use crate::xml::{Element, Writer};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The traffic light of a report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum TransportStatus {
    /// 0: still under way.
    #[default]
    Open,
    /// 1: done, nothing to complain of.
    Green,
    /// 2: done with warnings.
    Yellow,
    /// 3: failed.
    Red,
}

impl TransportStatus {
    /// The digit.
    pub const fn number(self) -> &'static str {
        match self {
            Self::Open => "0",
            Self::Green => "1",
            Self::Yellow => "2",
            Self::Red => "3",
        }
    }

    fn of_number(text: &str) -> Option<Self> {
        [Self::Open, Self::Green, Self::Yellow, Self::Red]
            .into_iter()
            .find(|status| status.number() == text.trim())
    }
}

/// One entry of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// When; `None` only for what a partner wrote wrongly.
    pub at: Option<DateTime>,
    /// What, by a list.
    pub code: Code,
    /// What, in words.
    pub reason: String,
}

/// How the transport went.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MessageStatus {
    /// The traffic light; `None` only for a number that the standard does not know.
    pub status: Option<TransportStatus>,
    /// What failed.
    pub errors: Vec<Record>,
    /// What to know.
    pub warnings: Vec<Record>,
    /// What happened.
    pub infos: Vec<Record>,
}

/// A report of another kind that goes along.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AdditionalReport {
    /// Of which kind.
    pub key: Code,
    /// Its bytes.
    pub data: Vec<u8>,
}

/// A transport report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TransportReport {
    /// The order that it tells of.
    pub metadata: MessageMetaData,
    /// When it was last written.
    pub time: Option<DateTime>,
    /// Who writes it.
    pub server: String,
    /// How it went.
    pub status: MessageStatus,
    /// What goes along.
    pub additional: Vec<AdditionalReport>,
    /// Whether it came with a signature. What was signed are the bytes as they came, see `Received::source`.
    pub signed: bool,
}

const LISTS: [(&str, &str); 3] = [("ErrorList", "Error"), ("WarnList", "Warning"), ("InfoList", "Info")];

impl TransportReport {
    pub(crate) fn read(element: &Element) -> Self {
        let metadata =
            element.child((META, "MessageMetaData")).map(MessageMetaData::read).unwrap_or_default();
        let reports = element.child((XTA, "AdditionalReports"));
        let additional = |it: &Element| AdditionalReport {
            key: it.child((XTA, "Key")).map(Code::read).unwrap_or_default(),
            data: read_base64(it.child((XTA, "Data"))),
        };
        Self {
            metadata,
            time: text_of(element, (XTA, "ReportTime")).and_then(|text| DateTime::read(&text)),
            server: text_of(element, (XTA, "XTAServerIdentity")).unwrap_or_default(),
            status: element.child((XTA, "MessageStatus")).map(MessageStatus::read).unwrap_or_default(),
            additional: reports
                .map(|it| it.all((XTA, "Report")).map(additional).collect())
                .unwrap_or_default(),
            signed: element.child((DS, "Signature")).is_some(),
        }
    }

    /// The report as a document of its own, to be signed; see [`crate::Body::SignedReport`].
    pub fn to_xml(&self) -> String {
        let mut writer = Writer::default();
        self.write(&mut writer);
        writer.finish()
    }

    pub(crate) fn write(&self, writer: &mut Writer) {
        writer.open((XTA, "TransportReport"));
        self.metadata.write(writer);
        writer.optional((XTA, "ReportTime"), self.time.map(|time| time.to_string()).as_deref());
        writer.leaf((XTA, "XTAServerIdentity"), &self.server);
        self.status.write(writer);
        if !self.additional.is_empty() {
            writer.open((XTA, "AdditionalReports"));
            for report in &self.additional {
                writer.open((XTA, "Report"));
                report.key.write_bare((XTA, "Key"), writer);
                write_base64((XTA, "Data"), &report.data, writer);
                writer.close();
            }
            writer.close();
        }
        writer.close();
    }
}

impl MessageStatus {
    fn read(element: &Element) -> Self {
        let records = |(list, name): (&'static str, &'static str)| {
            let list = element.child((XTA, list));
            list.map(|list| list.all((XTA, name)).map(Record::read).collect()).unwrap_or_default()
        };
        let [errors, warnings, infos] = LISTS.map(records);
        let status = text_of(element, (XTA, "Status")).and_then(|text| TransportStatus::of_number(&text));
        Self { status, errors, warnings, infos }
    }

    fn write(&self, writer: &mut Writer) {
        writer.open((XTA, "MessageStatus"));
        writer.optional((XTA, "Status"), self.status.map(TransportStatus::number));
        for ((list, name), records) in LISTS.into_iter().zip([&self.errors, &self.warnings, &self.infos]) {
            if !records.is_empty() {
                writer.open((XTA, list));
                records.iter().for_each(|record| record.write((XTA, name), writer));
                writer.close();
            }
        }
        writer.close();
    }
}

impl Record {
    fn read(element: &Element) -> Self {
        Self {
            at: text_of(element, (XTA, "Timestamp")).and_then(|text| DateTime::read(&text)),
            code: element.child((XTA, "Code")).map(Code::read).unwrap_or_default(),
            reason: text_of(element, (XTA, "Reason")).unwrap_or_default(),
        }
    }

    fn write(&self, name: Name, writer: &mut Writer) {
        writer.open(name);
        writer.optional((XTA, "Timestamp"), self.at.map(|at| at.to_string()).as_deref());
        self.code.write_bare((XTA, "Code"), writer);
        writer.leaf((XTA, "Reason"), &self.reason);
        writer.close();
    }
}

pub(super) fn read_base64(element: Option<&Element>) -> Vec<u8> {
    let text: String = element.map(|it| it.text.split_ascii_whitespace().collect()).unwrap_or_default();
    STANDARD.decode(text).unwrap_or_default()
}

pub(super) fn write_base64(name: Name, bytes: &[u8], writer: &mut Writer) {
    writer.leaf(name, &STANDARD.encode(bytes));
}
