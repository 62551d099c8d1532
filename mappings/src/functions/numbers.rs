//! Decimal numbers, digit by digit: nothing is lost as it would be in binary fractions.

use std::fmt;

/// So many digits a number may have.
const DIGITS: usize = 100;

/// A decimal number without leading and trailing zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    whole: String,
    fraction: String,
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let point = if self.fraction.is_empty() { "" } else { "." };
        write!(f, "{}{}{point}{}", if self.negative { "-" } else { "" }, self.whole, self.fraction)
    }
}

/// Reads German notation (`1.234,50`, `-3,5`) or `xs:decimal`. A single point without a comma is a decimal point.
pub(super) fn decimal(given: &str) -> Result<Decimal, String> {
    read(given.trim()).ok_or_else(|| format!("'{given}' is no number like 1.234,50 or 1234.5"))
}

fn read(bare: &str) -> Option<Decimal> {
    let (negative, unsigned) = match bare.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, bare.strip_prefix('+').unwrap_or(bare)),
    };
    let (whole, fraction) = match unsigned.split_once(',') {
        Some((whole, fraction)) => (ungrouped(whole)?, fraction.to_owned()),
        None if unsigned.matches('.').count() > 1 => (ungrouped(unsigned)?, String::new()),
        None => {
            let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
            (whole.to_owned(), fraction.to_owned())
        }
    };
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let length = whole.len() + fraction.len();
    (digits(&whole) && digits(&fraction) && (1..=DIGITS).contains(&length))
        .then(|| plain(negative, &whole, &fraction))
}

/// Points between groups of three digits go; points elsewhere are a fault.
fn ungrouped(whole: &str) -> Option<String> {
    let mut groups = whole.split('.');
    let first = groups.next()?;
    let others: Vec<_> = groups.collect();
    let sound = others.is_empty() || ((1..=3).contains(&first.len()) && others.iter().all(|g| g.len() == 3));
    sound.then(|| whole.replace('.', ""))
}

fn plain(negative: bool, whole: &str, fraction: &str) -> Decimal {
    let whole = match whole.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let fraction = fraction.trim_end_matches('0');
    let zero = whole == "0" && fraction.is_empty();
    Decimal { negative: negative && !zero, whole: whole.to_owned(), fraction: fraction.to_owned() }
}

/// German notation with so many digits after the comma; half is rounded away from zero (DIN 1333).
pub(super) fn german(given: &str, digits: &str) -> Result<String, String> {
    let number = decimal(given)?;
    let digits: usize = digits.parse().ok().filter(|digits| *digits <= 20).ok_or_else(|| {
        format!("'{digits}' is no number of digits after the comma: a whole number from 0 to 20 is")
    })?;
    let Decimal { negative, whole, fraction } = rounded(&number, digits);
    let zero = whole == "0" && fraction.bytes().all(|byte| byte == b'0');
    let sign = if negative && !zero { "-" } else { "" };
    let comma = if digits == 0 { "" } else { "," };
    Ok(format!("{sign}{}{comma}{fraction}", grouped(&whole)))
}

/// The same number with exactly so many digits of a fraction.
fn rounded(number: &Decimal, digits: usize) -> Decimal {
    let up = number.fraction.as_bytes().get(digits).is_some_and(|digit| *digit >= b'5');
    let kept = number.fraction.get(..digits).unwrap_or(&number.fraction);
    let mut all = format!("0{}{kept:0<digits$}", number.whole).into_bytes();
    if up {
        for digit in all.iter_mut().rev() {
            if *digit < b'9' {
                *digit += 1;
                break;
            }
            *digit = b'0';
        }
    }
    let all: String = all.into_iter().map(char::from).collect();
    let (whole, fraction) = all.split_at(all.len() - digits);
    let whole = plain(false, whole, "").whole;
    Decimal { negative: number.negative, whole, fraction: fraction.to_owned() }
}

fn grouped(whole: &str) -> String {
    let mut text = String::new();
    for (index, digit) in whole.chars().enumerate() {
        if index > 0 && (whole.len() - index).is_multiple_of(3) {
            text.push('.');
        }
        text.push(digit);
    }
    text
}
