//! Bank accounts.

use iban::{Iban, IbanLike as _, ParseIbanError};

/// The electronic form of an IBAN (ISO 13616), checked by the registry's structure of its country and its check digits.
pub(super) fn iban(given: &str) -> Result<String, String> {
    let bare: String = given.chars().filter(|c| !c.is_whitespace()).collect::<String>().to_ascii_uppercase();
    let read: Result<Iban, _> = bare.parse();
    read.map(|iban| iban.electronic_str().to_owned()).map_err(|fault| {
        let why = match fault {
            ParseIbanError::InvalidBaseIban { .. } => "its form, its length or its check digits are wrong",
            ParseIbanError::InvalidBban(_) => "its length or structure is not that of its country",
            ParseIbanError::UnknownCountry(_) => "its country is not in the IBAN registry",
        };
        format!("'{given}' is no IBAN: {why}")
    })
}
