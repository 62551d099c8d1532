//! Which functions there are.

use super::{Function, accounts, characters, dates, names, numbers, text, truth};

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        name: "code",
        arguments: &["liste", "schluessel", "spalte"],
        required: 2,
        says: "Der Wert zu einem Schlüssel einer Codeliste, aus der genannten Spalte oder der voreingestellten. Ein unbekannter \
               Schlüssel beendet die Abbildung mit Fehler.",
        example: ("code('anrede', '2')", "Herr"),
        call: |lists, given| {
            let list = lists.get(given[0])?;
            text(list.value(given[1], given.get(2).copied())?)
        },
    },
    Function {
        name: "date",
        arguments: &["datum"],
        required: 1,
        says: "Ein Datum als `JJJJ-MM-TT`. Nimmt `TT.MM.JJJJ`, `JJJJ-MM-TT` und Zeitpunkte (deren Datum in deutscher Zeit).",
        example: ("date('3.2.2026')", "2026-02-03"),
        call: |_, given| text(dates::date(given[0])?.to_string()),
    },
    Function {
        name: "date-de",
        arguments: &["datum"],
        required: 1,
        says: "Ein Datum als `TT.MM.JJJJ`. Nimmt, was `date` nimmt.",
        example: ("date-de('2026-02-03')", "03.02.2026"),
        call: |_, given| text(dates::german(dates::date(given[0])?)),
    },
    Function {
        name: "date-time-de",
        arguments: &["zeitpunkt"],
        required: 1,
        says: "Ein Zeitpunkt mit Zeitzone als `TT.MM.JJJJ HH:MM` in deutscher Zeit.",
        example: ("date-time-de('2026-07-01T10:30:00Z')", "01.07.2026 12:30"),
        call: |_, given| text(dates::german_time(given[0])?),
    },
    Function {
        name: "din-91379",
        arguments: &["text", "datentyp"],
        required: 2,
        says: "Der Text selbst, wenn er nur Zeichen des Datentyps `A` bis `E` der DIN 91379 (2022-08) enthält; sonst Fehler mit \
               dem Zeichen.",
        example: ("din-91379('Łukasz', 'A')", "Łukasz"),
        call: |_, given| text(characters::within(given[0], given[1])?),
    },
    Function {
        name: "file-name",
        arguments: &["name", "zeichen"],
        required: 1,
        says: "Ein Dateiname, den jedes System annimmt: Buchstaben, Ziffern, `.`, `-`, `_`; umgeschrieben wie `transliterate`, \
               höchstens so viele Zeichen (sonst 100), die Endung bleibt.",
        example: ("file-name('Grüner Plan (2).pdf')", "Gruener_Plan_2.pdf"),
        call: |_, given| text(names::file_name(given[0], given.get(1).copied())?),
    },
    Function {
        name: "has-code",
        arguments: &["liste", "schluessel"],
        required: 2,
        says: "Ob eine Codeliste den Schlüssel kennt.",
        example: ("has-code('anrede', '9')", "false"),
        call: |lists, given| truth(lists.get(given[0])?.value(given[1], None)),
    },
    Function {
        name: "iban",
        arguments: &["iban"],
        required: 1,
        says: "Eine IBAN ohne Leerzeichen in Großbuchstaben; Länge, Aufbau und Prüfziffer sind geprüft, sonst Fehler.",
        example: ("iban('de02 1203 0000 0000 2020 51')", "DE02120300000000202051"),
        call: |_, given| text(accounts::iban(given[0])?),
    },
    Function {
        name: "is-date",
        arguments: &["datum"],
        required: 1,
        says: "Ob `date` es nimmt.",
        example: ("is-date('30.02.2026')", "false"),
        call: |_, given| truth(dates::date(given[0])),
    },
    Function {
        name: "is-din-91379",
        arguments: &["text", "datentyp"],
        required: 2,
        says: "Ob der Text nur Zeichen des Datentyps enthält.",
        example: ("is-din-91379('Αθήνα', 'C')", "false"),
        call: |_, given| {
            characters::datatype(given[1])?;
            truth(characters::within(given[0], given[1]))
        },
    },
    Function {
        name: "is-iban",
        arguments: &["iban"],
        required: 1,
        says: "Ob `iban` sie nimmt.",
        example: ("is-iban('DE03120300000000202051')", "false"),
        call: |_, given| truth(accounts::iban(given[0])),
    },
    Function {
        name: "is-number",
        arguments: &["zahl"],
        required: 1,
        says: "Ob `number` sie nimmt.",
        example: ("is-number('1,2,3')", "false"),
        call: |_, given| truth(numbers::decimal(given[0])),
    },
    Function {
        name: "number",
        arguments: &["zahl"],
        required: 1,
        says: "Eine Zahl als `xs:decimal`, ohne Rundung. Nimmt deutsche Schreibweise (`1.234,50`) und `xs:decimal`; ein einzelner \
               Punkt ist ein Dezimalpunkt, außer wenn ein Komma folgt.",
        example: ("number('1.234,50')", "1234.5"),
        call: |_, given| text(numbers::decimal(given[0])?.to_string()),
    },
    Function {
        name: "number-de",
        arguments: &["zahl", "stellen"],
        required: 2,
        says: "Eine Zahl in deutscher Schreibweise mit so vielen Nachkommastellen, kaufmännisch gerundet.",
        example: ("number-de('1234.565', 2)", "1.234,57"),
        call: |_, given| text(numbers::german(given[0], given[1])?),
    },
    Function {
        name: "transliterate",
        arguments: &["text"],
        required: 1,
        says: "Der Text in ASCII: Umlaute und Sonderbuchstaben nach der Tabelle in ICAO Doc 9303-3 (`ä` → `ae`, `ø` → `oe`, `þ` → \
               `th`), sonst der Grundbuchstabe. Was keinen hat, beendet die Abbildung mit Fehler.",
        example: ("transliterate('Jürgen Strauß')", "Juergen Strauss"),
        call: |_, given| text(characters::transliterated(given[0])?),
    },
    Function {
        name: "uuid",
        arguments: &["namensraum", "name"],
        required: 2,
        says: "Eine UUID der Version 5 (RFC 9562): dieselben Angaben ergeben immer dieselbe. Der Namensraum ist eine UUID, zum \
               Beispiel die Kennung der Sendung. Kennungen von Anlagen macht besser `[attachments]` in mapping.toml.",
        example: (
            "uuid('00000000-0000-7000-8000-000000000001', 'anlage-1')",
            "4f9f6860-b486-5752-ac5c-1920d2c2b6eb",
        ),
        call: |_, given| text(names::uuid(given[0], given[1])?),
    },
];
