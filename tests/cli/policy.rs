//! How a destination is treated: what may be written, and what is told of what may not.

use super::{Workshop, rohrpost_with};

/// A destination whose policy begins on line 5.
fn destination(name: &str, policy: &str) -> String {
    format!(
        "name = \"{name}\"\ntenants = [\"lk-beispiel\"]\nadapter = \"folder\"\n\n{policy}\n\n[folder]\npath = \"eingang\"\n"
    )
}

/// Everything that a policy can say, in both languages of the days.
const WHOLE: &str = r#"
rate = "100/1m"
unknown = "retry"

[retry]
first = "30s"
cap = "1h"
age = "never"

[breaker]
failures = 5
rest = "30s"
cap = "10m"

[ramp]
first = "1/s"
over = "1m"

[awaiting]
first = "1m"
cap = "6h"
deadline = "30d"

[hours]
zone = "Europe/Berlin"
open = ["Mo-Fr 07:00-19:00", "Sa,So 08:00-12:00", "Tue,thu 20:00-24:00", "Fr-Mo 22:00-04:00"]
holidays = ["2026-12-25", "2026-12-26"]

[[maintenance]]
from = "2026-12-01 22:00"
until = "2026-12-02 04:00"

[[maintenance]]
every = "So 02:00-05:00"
"#;

#[test]
fn a_whole_policy_has_no_fault_and_neither_has_one_that_switches_everything_off() {
    let shop = Workshop::new();
    shop.write("config/destinations/alles.toml", destination("alles", WHOLE));
    let off = "[breaker]\nfailures = 0\n\n[ramp]\nover = \"0s\"\n\n[hours]\nholidays = []";
    shop.write("config/destinations/nichts.toml", destination("nichts", off));
    shop.write("config/destinations/tag.toml", destination("tag", "[hours]\nopen = \"Mo-So 00:00-24:00\""));
    let ran = shop.run(&["check"]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
}

/// The zones are in the program: it needs no tzdata. (Where the system has some, that is used, because it is kept up to
/// date with the law; a folder without zones stands for a system that has none.)
#[test]
fn time_zones_need_nothing_of_the_system() {
    let shop = Workshop::new();
    shop.write("config/destinations/alles.toml", destination("alles", WHOLE));
    shop.write("keine-zonen/leer", "");
    let ran = rohrpost_with(shop.path(), &["check"], &[("TZDIR", "keine-zonen")]);
    assert_eq!((ran.code, ran.errors.as_str()), (0, ""));
}

/// Each with the one fault that is told of it: place, what is wrong, what would be right.
const WRONG: [(&str, &str); 39] = [
    (
        "rate = \"100\"",
        "5:8: a rate is a number and a time: `100/1m` is a hundred in any minute, `5/s` five in any second",
    ),
    ("rate = \"viele/1m\"", "5:8: a rate is a number and a time"),
    ("rate = \"5/Minute\"", "5:8: a rate is a number and a time"),
    (
        "rate = \"0/1m\"",
        "5:8: the rate counts 0; it may count from 1 to 10000, so write a faster one for a shorter time",
    ),
    ("rate = \"60000/1m\"", "5:8: the rate counts 60000; it may count"),
    ("rate = \"5/0s\"", "5:8: the rate's time must be longer than nothing"),
    ("rate = 5", "5:8: this is a whole number; it must be a text in quotes"),
    ("rates = \"5/s\"", "5:1: unknown key `rates`; did you mean `rate`? Known keys: name, tenants, "),
    (
        "[retry]\nage = \"nie\"",
        "6:7: a duration is a whole number with a unit: `250ms`, `30s`, `15m`, `2h` or `7d`, or `never`",
    ),
    (
        "[retry]\nage = \"0s\"",
        "6:7: `age` must be longer than nothing; write \"never\" where it is to be tried for ever",
    ),
    ("[retry]\nfirst = \"0s\"", "6:9: `first` must be longer than nothing"),
    (
        "[retry]\ncap = \"1s\"",
        "6:1: `cap` is shorter than `first`; make it at least as long as `first`, which it limits",
    ),
    ("[retry]\nafter = \"1s\"", "6:1: unknown key `after`; known keys: first, cap, age"),
    ("retry = \"30s\"", "5:9: this is a text; it must be a table"),
    ("[breaker]\nfailures = 1001", "6:12: the number is 1001; it lies from 0 to 1000"),
    ("[breaker]\nfailures = \"fünf\"", "6:12: this is a text; it must be a whole number"),
    (
        "[breaker]\nrest = \"20m\"\ncap = \"10m\"",
        "7:1: `cap` is shorter than `rest`; make it at least as long",
    ),
    ("[breaker]\nrest = \"0s\"", "6:8: `rest` must be longer than nothing"),
    ("[ramp]\nfirst = \"1\"", "6:9: a rate is a number and a time"),
    (
        "[ramp]\nfirst = \"1001/s\"",
        "6:9: a ramp begins with 1000 at most; it doubles five times; begin with fewer",
    ),
    ("[ramp]\nover = \"eine Minute\"", "6:8: a duration is a whole number with a unit"),
    ("[awaiting]\ndeadline = \"0d\"", "6:12: `deadline` must be longer than nothing"),
    ("[awaiting]\nfirst = \"7h\"\ncap = \"6h\"", "7:1: `cap` is shorter than `first`; "),
    (
        "[awaiting]\ncap = \"2d\"",
        "6:1: `cap` is longer than a day; make it at most 1d: everything is looked at once a day",
    ),
    (
        "[hours]\nzone = \"Europe/Berln\"",
        "6:8: unknown time zone `Europe/Berln`; did you mean `Europe/Berlin`?",
    ),
    (
        "[hours]\nzone = \"MESZ nach Gefühl\"",
        "6:8: unknown time zone `MESZ nach Gefühl`; a zone is written like `Europe/Berlin`",
    ),
    (
        "[hours]\nopen = []",
        "6:1: the list is empty, so the destination would never be open; name its hours, or leave `open` out",
    ),
    (
        "[hours]\nopen = [\"07:00-19:00\"]",
        "6:9: hours are written like `Mo-Fr 07:00-19:00`, `Sa 08:00-12:00` or ",
    ),
    (
        "[hours]\nopen = [\"Mo-Fr 07:00-19:00\", \"Sb 08:00-12:00\"]",
        "6:30: `Sb` is no day of the week; known: Mo Di Mi Do Fr Sa So, or Mo Tu We Th Fr Sa Su",
    ),
    (
        "[hours]\nopen = \"Mo 7-19\"",
        "6:8: `7` is no time of day; it is written like `07:30`, up to `23:59`, and `24:00` only as an end",
    ),
    ("[hours]\nopen = \"Mo 24:00-08:00\"", "6:8: `24:00` is no time of day"),
    (
        "[hours]\nopen = \"Mo 07:00-07:00\"",
        "6:8: the hours begin and end at 07:00; a whole day is written `00:00-24:00`",
    ),
    (
        "[hours]\nholidays = [\"25.12.2026\"]",
        "6:13: `25.12.2026` is no day of the calendar; it is written like `2026-12-25`",
    ),
    ("[hours]\nholidays = [2026-12-25]", "6:13: this is a date; it must be a text in quotes"),
    ("[[maintenance]]\nfrom = \"2026-12-01 22:00\"", "5:1: the key `until` is missing"),
    (
        "[[maintenance]]\nfrom = \"2026-12-01 22:00\"\nuntil = \"2026-12-01 04:00\"",
        "7:9: the maintenance ends before it begins; `until` must be later than `from`",
    ),
    (
        "[[maintenance]]\nevery = \"So 02:00-05:00\"\nfrom = \"2026-12-01 22:00\"\nuntil = \"2026-12-02 04:00\"",
        "5:1: a maintenance is either once, with `from` and `until`, or comes `every` week; write either `from",
    ),
    ("[[maintenance]]", "5:1: a maintenance is either once, "),
    (
        "[[maintenance]]\nfrom = \"2026-12-01T22:00+01\"\nuntil = \"2026-12-02 04:00\"",
        "6:8: `2026-12-01T22:00+01` is no local time; it is written like `2026-12-01 22:00`, without a zone",
    ),
];

#[test]
fn each_fault_of_a_policy_is_told_with_its_place_and_what_would_be_right() {
    let shop = Workshop::new();
    for (number, (policy, _)) in WRONG.iter().enumerate() {
        let name = format!("ziel-{number:02}");
        shop.write(&format!("config/destinations/{name}.toml"), destination(&name, policy));
    }
    let ran = shop.run(&["check"]);
    let mut found = ran.errors.lines();
    for (number, (policy, expected)) in WRONG.iter().enumerate() {
        let expected = format!("destinations/ziel-{number:02}.toml:{expected}");
        let found = found.next().unwrap_or_default();
        assert!(found.starts_with(&expected), "\n{policy}\nfound    {found}\nexpected {expected}");
    }
    assert_eq!((found.next(), ran.code), (None, 1));
}
