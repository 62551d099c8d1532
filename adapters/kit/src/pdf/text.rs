//! Where the text of a page begins: the operators of its content are followed as far as they move text (ISO 32000-1, 8 and 9).

use super::{INFLATED_MAX, entry, inherited, numbers};
use lopdf::content::{Content, Operation};
use lopdf::{Dictionary, Document, Object, ObjectId};

/// The most operators that are followed on a page, those of forms in it included.
const OPERATIONS_MAX: usize = 2_000_000;

/// How deep forms may lie in each other.
const FORMS_MAX: usize = 12;

/// How deep states may be saved.
const SAVED_MAX: usize = 1000;

/// Text that is neither filled nor stroked: of the reading of a scan, for searching.
const INVISIBLE: i64 = 3;

/// Where each visible string begins that is more than blanks, in units of the page. `None` if the content cannot be read.
pub(super) fn places(pdf: &Document, page: ObjectId) -> Option<Vec<(f64, f64)>> {
    let content = pdf.get_page_content_with_limit(page, INFLATED_MAX).ok()?;
    let resources = inherited(pdf, page, b"Resources").and_then(|found| found.as_dict().ok());
    let mut walk = Walk { pdf, places: Vec::new(), operations: 0 };
    walk.follow(&content, resources, State::default(), 0)?;
    Some(walk.places)
}

struct Walk<'d> {
    pdf: &'d Document,
    places: Vec<(f64, f64)>,
    operations: usize,
}

/// What operators change and what `q` and `Q` save and restore.
#[derive(Clone, Copy)]
struct State {
    page: Matrix,
    leading: f64,
    mode: i64,
}

impl Default for State {
    fn default() -> Self {
        Self { page: Matrix::SAME, leading: 0.0, mode: 0 }
    }
}

/// Where text goes on.
struct Pen {
    line: Matrix,
}

impl Walk<'_> {
    fn follow(
        &mut self,
        content: &[u8],
        resources: Option<&Dictionary>,
        mut state: State,
        depth: usize,
    ) -> Option<()> {
        let (mut saved, mut pen) = (Vec::new(), Pen { line: Matrix::SAME });
        for operation in Content::decode(content).ok()?.operations {
            self.operations += 1;
            if self.operations > OPERATIONS_MAX || saved.len() > SAVED_MAX {
                return None;
            }
            match operation.operator.as_str() {
                "q" => saved.push(state),
                "Q" => state = saved.pop().unwrap_or(state),
                "Do" => self.form(&operation, resources, state, depth)?,
                _ => self.one(&operation, &mut state, &mut pen),
            }
        }
        Some(())
    }

    fn one(&mut self, operation: &Operation, state: &mut State, pen: &mut Pen) {
        let numbers = numbers(self.pdf, &operation.operands).unwrap_or_default();
        match (operation.operator.as_str(), numbers.as_slice()) {
            ("cm", values) => state.page = Matrix::of(values).map_or(state.page, |it| it.then(state.page)),
            ("BT", _) => pen.line = Matrix::SAME,
            ("Tm", values) => pen.line = Matrix::of(values).unwrap_or(pen.line),
            ("TL", [leading]) => state.leading = *leading,
            ("Tr", [mode]) => state.mode = *mode as i64,
            ("Td", [x, y]) => pen.go(*x, *y),
            ("TD", [x, y]) => {
                state.leading = -y;
                pen.go(*x, *y);
            }
            ("T*", _) => pen.go(0.0, -state.leading),
            ("'" | "\"", _) => {
                pen.go(0.0, -state.leading);
                self.show(operation, *state, pen);
            }
            ("Tj" | "TJ", _) => self.show(operation, *state, pen),
            _ => {}
        }
    }

    /// How wide letters are is not known here, so a string is where its line began or was last moved to.
    fn show(&mut self, operation: &Operation, state: State, pen: &Pen) {
        if state.mode != INVISIBLE && operation.operands.iter().any(is_seen) {
            self.places.push(pen.line.then(state.page).origin());
        }
    }

    /// A form has its own content and perhaps its own resources; an image is not looked into.
    fn form(
        &mut self,
        operation: &Operation,
        resources: Option<&Dictionary>,
        state: State,
        depth: usize,
    ) -> Option<()> {
        let Some(form) = self.named(operation, resources) else { return Some(()) };
        if !form.dict.get(b"Subtype").is_ok_and(|kind| kind.as_name().is_ok_and(|name| name == b"Form")) {
            return Some(());
        }
        if depth >= FORMS_MAX {
            return None;
        }
        let content = form.get_plain_content_with_limit(INFLATED_MAX).ok()?;
        let matrix = entry(self.pdf, &form.dict, b"Matrix").and_then(|matrix| matrix.as_array().ok());
        let matrix =
            matrix.and_then(|values| Matrix::of(&numbers(self.pdf, values)?)).unwrap_or(Matrix::SAME);
        let own = entry(self.pdf, &form.dict, b"Resources").and_then(|found| found.as_dict().ok());
        let inside = State { page: matrix.then(state.page), ..state };
        self.follow(&content, own.or(resources), inside, depth + 1)
    }
}

impl<'d> Walk<'d> {
    fn named(&self, operation: &Operation, resources: Option<&'d Dictionary>) -> Option<&'d lopdf::Stream>
    where
        Self: 'd,
    {
        let name = operation.operands.first()?.as_name().ok()?;
        let pdf: &'d Document = self.pdf;
        let forms = entry(pdf, resources?, b"XObject")?.as_dict().ok()?;
        entry(pdf, forms, name)?.as_stream().ok()
    }
}

impl Pen {
    fn go(&mut self, x: f64, y: f64) {
        self.line = Matrix([1.0, 0.0, 0.0, 1.0, x, y]).then(self.line);
    }
}

/// Whether a string, or one of several, holds more than blanks.
fn is_seen(operand: &Object) -> bool {
    match operand {
        Object::String(bytes, _) => bytes.iter().any(|byte| !matches!(byte, 0 | 9 | 10 | 13 | b' ')),
        Object::Array(pieces) => {
            pieces.iter().any(|piece| matches!(piece, Object::String(..)) && is_seen(piece))
        }
        _ => false,
    }
}

/// A transformation of the plane: `[a b c d e f]`.
#[derive(Clone, Copy)]
struct Matrix([f64; 6]);

impl Matrix {
    const SAME: Self = Self([1.0, 0.0, 0.0, 1.0, 0.0, 0.0]);

    fn of(values: &[f64]) -> Option<Self> {
        values.try_into().ok().map(Self)
    }

    /// This one, and then the other.
    fn then(self, Self(n): Self) -> Self {
        let Self(m) = self;
        Self([
            m[0] * n[0] + m[1] * n[2],
            m[0] * n[1] + m[1] * n[3],
            m[2] * n[0] + m[3] * n[2],
            m[2] * n[1] + m[3] * n[3],
            m[4] * n[0] + m[5] * n[2] + n[4],
            m[4] * n[1] + m[5] * n[3] + n[5],
        ])
    }

    fn origin(self) -> (f64, f64) {
        (self.0[4], self.0[5])
    }
}
