#![allow(clippy::expect_used, reason = "helpers of tests")]

use bytes::Bytes;
use lopdf::{Dictionary, Document, Object, Stream, dictionary};
use std::fmt::Write as _;

/// A PDF for tests of what is printed.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Width and height in millimetres.
    pub size: (f64, f64),
    /// How many pages it has; text stands on the first.
    pub pages: usize,
    /// Millimetres from the left and from the top, and what stands there.
    pub lines: Vec<(f64, f64, String)>,
    /// Goes before the text, as content of the page.
    pub before: String,
    /// Further entries of every page.
    pub page: Dictionary,
}

impl Default for Letter {
    /// One page A4 without text.
    fn default() -> Self {
        Self { size: (210.0, 297.0), pages: 1, lines: vec![], before: String::new(), page: Dictionary::new() }
    }
}

impl Letter {
    /// A letter with an address in its place and this text.
    pub fn saying(text: &str) -> Self {
        let line = |left, top, text: &str| (left, top, text.to_owned());
        let address = [line(25.0, 60.0, "Erika Mustermann"), line(25.0, 65.0, "Musterweg 1")];
        Self { lines: address.into_iter().chain([line(25.0, 110.0, text)]).collect(), ..Self::default() }
    }

    /// Its bytes.
    pub fn bytes(&self) -> Bytes {
        let mut pdf = Document::with_version("1.5");
        self.write_into(&mut pdf);
        let mut bytes = Vec::new();
        pdf.save_to(&mut bytes).expect("memory");
        bytes.into()
    }

    /// The same as a document that can be changed.
    pub fn write_into(&self, pdf: &mut Document) {
        let (width, height) = (points(self.size.0), points(self.size.1));
        let tree = pdf.new_object_id();
        let font = pdf.add_object(dictionary! {
            "Type" => "Font", "Subtype" => "Type1", "BaseFont" => "Helvetica",
        });
        let mut kids: Vec<Object> = Vec::new();
        for number in 0..self.pages {
            let text = if number == 0 { self.content() } else { String::new() };
            let content = pdf.add_object(Stream::new(Dictionary::new(), text.into_bytes()));
            let mut page = dictionary! { "Type" => "Page", "Parent" => tree, "Contents" => content };
            page.extend(&self.page);
            kids.push(pdf.add_object(page).into());
        }
        let count = i64::try_from(kids.len()).expect("few");
        let pages = dictionary! {
            "Type" => "Pages", "Kids" => kids, "Count" => count,
            "MediaBox" => vec![0.into(), 0.into(), Object::Real(width as f32), Object::Real(height as f32)],
            "Resources" => dictionary! { "Font" => dictionary! { "F1" => font } },
        };
        pdf.objects.insert(tree, pages.into());
        let catalog = pdf.add_object(dictionary! { "Type" => "Catalog", "Pages" => tree });
        pdf.trailer.set("Root", catalog);
    }

    fn content(&self) -> String {
        let mut content = self.before.clone();
        for (left, top, text) in &self.lines {
            let (x, y) = (points(*left), points(self.size.1 - top));
            // Writing into a String cannot fail.
            let _ = writeln!(content, "BT /F1 11 Tf {x:.2} {y:.2} Td ({text}) Tj ET");
        }
        content
    }
}

fn points(millimetres: f64) -> f64 {
    millimetres * 72.0 / 25.4
}
