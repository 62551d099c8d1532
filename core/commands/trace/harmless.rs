//! Content that somebody handed in, shown where it could do harm: in a terminal, in a browser.

/// What a terminal would act on, or what shows text in another order than it has, becomes visible.
pub fn harmless(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => shown.push(character),
            '\r' => {}
            hidden if hidden.is_control() || reorders(hidden) => {
                shown.push_str(&format!("⟨U+{:04X}⟩", u32::from(hidden)));
            }
            other => shown.push(other),
        }
    }
    shown
}

/// Controls of the bidirectional algorithm (UAX #9), and characters without any width.
fn reorders(character: char) -> bool {
    matches!(character, '\u{061C}' | '\u{200B}'..='\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}' | '\u{FEFF}')
}

#[cfg(test)]
mod tests {
    use super::harmless;

    #[test]
    fn what_a_terminal_would_act_on_is_shown_and_all_else_stays() {
        assert_eq!(harmless("Süd\u{1b}[2J\u{202e}x\r\n\tß"), "Süd⟨U+001B⟩[2J⟨U+202E⟩x\n\tß");
    }
}
