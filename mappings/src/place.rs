//! Lines and columns.

/// Line and column of a byte offset, both from 1, the column in characters. An offset past the end means the end.
pub(crate) fn of(text: &str, offset: usize) -> (u32, u32) {
    Cursor::new(text).forward_to(offset)
}

/// A place in a text that moves forward only, so that many places cost one way through the text.
pub(crate) struct Cursor<'t> {
    text: &'t str,
    offset: usize,
    line: u32,
    column: u32,
}

impl<'t> Cursor<'t> {
    /// At the begin of `text`.
    pub(crate) fn new(text: &'t str) -> Self {
        Self { text, offset: 0, line: 1, column: 1 }
    }

    /// Moves to `offset` and says line and column there. Stays where it is if that lies behind it.
    pub(crate) fn forward_to(&mut self, offset: usize) -> (u32, u32) {
        let mut end = offset.min(self.text.len());
        while !self.text.is_char_boundary(end) {
            end -= 1;
        }
        let between = self.text.get(self.offset..end).unwrap_or_default();
        let line_ends = between.bytes().filter(|byte| *byte == b'\n').count();
        let last_line = between.rsplit('\n').next().unwrap_or_default();
        let begin = if line_ends == 0 { self.column } else { 1 };
        self.line = self.line.saturating_add(number(line_ends));
        self.column = begin.saturating_add(number(last_line.chars().count()));
        self.offset = self.offset.max(end);
        (self.line, self.column)
    }
}

/// Documents are far smaller than 4 GB; a larger number is cut.
pub(crate) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
