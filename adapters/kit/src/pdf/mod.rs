//! What is looked at in a PDF before it goes to a printer or a print service: that it is one, that it can be read by all,
//! how many pages it has and of what size, and whether the address zone of the first page holds text.
//!
//! A print service that finds such a fault answers days later, or prints it. Here it is found before anything is sent, and
//! will be found again, so it is [`Failure::Refused`]: another file has to be made.
//!
//! The file comes from a citizen or a Fachverfahren: it is read with limits on its size, on what its streams inflate to and
//! on the work that its pages make.

mod text;

use crate::parcel::{ContentFault, checked};
use crate::settings::ByteSize;
use bytes::{Bytes, BytesMut};
use futures::TryStreamExt as _;
use lopdf::{Dictionary, Document, LoadOptions, Object, ObjectId};
use rohrpost_model::ports::Attached;
use rohrpost_model::{Failure, Reason, ReasonCode};
use serde::Deserialize;

/// The most that one stream of a file may inflate to, in bytes.
const INFLATED_MAX: usize = 16 << 20;

/// How far a page may be away from A4 in each direction, in millimetres: what a printer's margins swallow.
const TOLERANCE: f64 = 2.0;

/// A4 (ISO 216), in millimetres.
const A4: (f64, f64) = (210.0, 297.0);

/// The most nodes between a page and the root of its tree.
const DEPTH_MAX: usize = 32;

/// What a PDF has to be: the table `pdf` in an adapter's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Rules {
    /// The size of every page.
    pub page_size: PageSize,
    /// Whether the address zone of the first page holds text.
    pub address_zone: AddressZone,
    /// The most pages.
    pub most_pages: u32,
    /// The largest file. It is held in memory while it is looked at and sent.
    pub largest: ByteSize,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            page_size: PageSize::A4,
            address_zone: AddressZone::Any,
            most_pages: 200,
            largest: ByteSize::from_bytes(20_000_000),
        }
    }
}

/// The size of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PageSize {
    /// A4, upright or across, but for 2 mm.
    A4,
    /// Whatever it is.
    Any,
}

/// What stands in the address zone of the first page: 20 to 105 mm from its left edge and 45 to 90 mm from its top edge,
/// after DIN 5008, form B.
///
/// It is told by where strings of text begin. Text that begins left of the zone and runs into it is not seen, nor is what
/// is no text: images (of scanned letters, too), outlines, form fields and comments.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AddressZone {
    /// It is not looked at.
    Any,
    /// Text: the address is printed by us.
    Filled,
    /// No text: the print service puts the address there.
    Empty,
}

/// What was found out of a PDF that keeps the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Paper {
    /// How many pages it has.
    pub pages: u32,
}

impl Rules {
    /// Reads an attachment, unless it is too large. `document` is what reasons call it.
    pub async fn read(&self, document: &str, attached: &Attached) -> Result<Bytes, Failure> {
        self.fits(document, attached.size)?;
        let damaged = |fault: ContentFault| fault.before_sending();
        let mut content = checked(attached).await.map_err(damaged)?;
        let mut bytes = BytesMut::new();
        while let Some(piece) = content.try_next().await.map_err(damaged)? {
            bytes.extend_from_slice(&piece);
        }
        Ok(bytes.freeze())
    }

    /// Looks at a file; the work is done beside the conversations of other destinations.
    pub async fn look_at(&self, document: &str, bytes: Bytes) -> Result<Paper, Failure> {
        let (rules, name) = (*self, document.to_owned());
        let looked = tokio::task::spawn_blocking(move || rules.judge(&name, &bytes)).await;
        // A reader that gives up on a file in an unforeseen way cannot read it either.
        looked.unwrap_or_else(|_| Err(Failure::Refused(unreadable(document))))
    }

    /// The same here and now.
    pub fn judge(&self, document: &str, bytes: &[u8]) -> Result<Paper, Failure> {
        self.fits(document, bytes.len() as u64)?;
        self.keeps(document, bytes).map_err(Failure::Refused)
    }

    fn fits(&self, document: &str, size: u64) -> Result<(), Failure> {
        let limit = self.largest.get();
        if size <= limit {
            return Ok(());
        }
        let reason = about(ReasonCode::PdfTooLarge, document).with("size", size).with("limit", limit);
        Err(Failure::Refused(reason))
    }

    fn keeps(&self, document: &str, bytes: &[u8]) -> Result<Paper, Reason> {
        let pdf = load(document, bytes)?;
        let pages: Vec<ObjectId> = pdf.page_iter().take(self.most_pages as usize + 1).collect();
        let counted = u32::try_from(pages.len()).unwrap_or(u32::MAX);
        let Some(first) = pages.first() else { return Err(unreadable(document)) };
        if counted > self.most_pages {
            return Err(about(ReasonCode::PdfTooManyPages, document).with("limit", self.most_pages));
        }
        for (number, page) in (1..).zip(&pages) {
            let sheet = Sheet::of(&pdf, *page).ok_or_else(|| unreadable(document))?;
            if self.page_size == PageSize::A4 && !sheet.is_a4() {
                let reason = about(ReasonCode::PdfPageSize, document).with("page", number);
                return Err(reason.with("shown", sheet));
            }
        }
        self.judge_address(document, &pdf, *first)?;
        Ok(Paper { pages: counted })
    }

    fn judge_address(&self, document: &str, pdf: &Document, page: ObjectId) -> Result<(), Reason> {
        if self.address_zone == AddressZone::Any {
            return Ok(());
        }
        let sheet = Sheet::of(pdf, page).ok_or_else(|| unreadable(document))?;
        let places = text::places(pdf, page).ok_or_else(|| unreadable(document))?;
        let filled = places.into_iter().any(|place| is_in_address_zone(sheet.seen_at(place)));
        match (self.address_zone, filled) {
            (AddressZone::Filled, false) => Err(about(ReasonCode::PdfAddressMissing, document)),
            (AddressZone::Empty, true) => Err(about(ReasonCode::PdfAddressZoneTaken, document)),
            _ => Ok(()),
        }
    }
}

fn about(code: ReasonCode, document: &str) -> Reason {
    Reason::new(code).with("document", document)
}

fn unreadable(document: &str) -> Reason {
    about(ReasonCode::NotPdf, document)
}

fn load(document: &str, bytes: &[u8]) -> Result<Document, Reason> {
    if !bytes.starts_with(b"%PDF-") {
        return Err(unreadable(document));
    }
    let options = LoadOptions::with_max_decompressed_size(INFLATED_MAX);
    let encrypted = || about(ReasonCode::PdfEncrypted, document);
    match Document::load_mem_with_options(bytes, options) {
        // One that opens without a password may still forbid to be printed.
        Ok(pdf) if pdf.was_encrypted() || pdf.trailer.has(b"Encrypt") => Err(encrypted()),
        Ok(pdf) => Ok(pdf),
        Err(lopdf::Error::InvalidPassword | lopdf::Error::Decryption(_)) => Err(encrypted()),
        Err(_) => Err(unreadable(document)),
    }
}

/// Millimetres from the left and from the top.
type Place = (f64, f64);

fn is_in_address_zone((left, top): Place) -> bool {
    (20.0..=105.0).contains(&left) && (45.0..=90.0).contains(&top)
}

/// What is printed of a page, as it lies before the reader.
struct Sheet {
    /// In units of the page: left, bottom, right, top.
    bounds: [f64; 4],
    /// Clockwise, in quarters.
    turned: i64,
    /// Millimetres.
    unit: f64,
}

impl Sheet {
    fn of(pdf: &Document, page: ObjectId) -> Option<Self> {
        let bounds = inherited(pdf, page, b"CropBox").or_else(|| inherited(pdf, page, b"MediaBox"))?;
        let bounds = numbers(pdf, bounds.as_array().ok()?)?;
        let [a, b, c, d] = bounds.try_into().ok()?;
        let number = |key| inherited(pdf, page, key).and_then(|value| value.as_float().ok()).map(f64::from);
        // ISO 32000-1, 7.7.3.3: a multiple of 90 degrees.
        let turned = number(b"Rotate").map_or(0, |degrees| (degrees / 90.0).round() as i64).rem_euclid(4);
        let unit = number(b"UserUnit").unwrap_or(1.0) * 25.4 / 72.0;
        Some(Self { bounds: [a.min(c), b.min(d), a.max(c), b.max(d)], turned, unit })
    }

    /// Width and height in millimetres.
    fn size(&self) -> (f64, f64) {
        let [left, bottom, right, top] = self.bounds;
        let (width, height) = ((right - left) * self.unit, (top - bottom) * self.unit);
        if self.turned % 2 == 0 { (width, height) } else { (height, width) }
    }

    fn is_a4(&self) -> bool {
        let (width, height) = self.size();
        let near = |one: f64, other: f64| (one - other).abs() <= TOLERANCE;
        (near(width, A4.0) && near(height, A4.1)) || (near(width, A4.1) && near(height, A4.0))
    }

    /// Where a point of the page lies before the reader.
    fn seen_at(&self, (x, y): (f64, f64)) -> Place {
        let [left, bottom, right, top] = self.bounds;
        let (across, down) = match self.turned {
            0 => (x - left, top - y),
            1 => (y - bottom, x - left),
            2 => (right - x, y - bottom),
            _ => (top - y, right - x),
        };
        (across * self.unit, down * self.unit)
    }
}

impl std::fmt::Display for Sheet {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (width, height) = self.size();
        write!(f, "{width:.0} × {height:.0} mm")
    }
}

/// An entry of a page, or of what it lies under.
fn inherited<'d>(pdf: &'d Document, page: ObjectId, key: &[u8]) -> Option<&'d Object> {
    let mut node = pdf.get_dictionary(page).ok()?;
    for _ in 0..DEPTH_MAX {
        if let Some(value) = entry(pdf, node, key) {
            return Some(value);
        }
        node = entry(pdf, node, b"Parent")?.as_dict().ok()?;
    }
    None
}

fn entry<'d>(pdf: &'d Document, node: &'d Dictionary, key: &[u8]) -> Option<&'d Object> {
    node.get_deref(key, pdf).ok()
}

fn numbers(pdf: &Document, values: &[Object]) -> Option<Vec<f64>> {
    let number = |value: &Object| Some(f64::from(pdf.dereference(value).ok()?.1.as_float().ok()?));
    values.iter().map(number).collect()
}

#[cfg(test)]
mod tests;
