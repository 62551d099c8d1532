//! Lists that come page by page: how many, and from where on.

use crate::fields::{Params, wrong_value};
use crate::problem::Problem;
use rohrpost_model::ports::Cursor;

/// How many there are on a page if nobody says, and at most.
const PAGE: usize = 100;
const LONGEST_PAGE: usize = 500;

/// How many are asked for.
pub(crate) fn limit(params: &Params) -> Result<usize, Problem> {
    let Some(text) = params.text("limit") else {
        return Ok(PAGE);
    };
    let parsed = text.parse().ok().filter(|limit| (1..=LONGEST_PAGE).contains(limit));
    parsed.ok_or_else(|| wrong_value("limit", &format!("it is a number from 1 to {LONGEST_PAGE}")))
}

/// Where the page before ended.
pub(crate) fn cursor(params: &Params) -> Result<Option<Cursor>, Problem> {
    let Some(text) = params.text("cursor") else {
        return Ok(None);
    };
    let parsed = u64::from_str_radix(text, 16).ok().filter(|_| text.len() == 16);
    parsed
        .map(|place| Some(Cursor(place)))
        .ok_or_else(|| wrong_value("cursor", "it is `next` of the page before"))
}

/// A page of `limit`, and the cursor of the next one. Where one more was found than asked for there is one.
pub(crate) fn cut<T>(mut found: Vec<(Cursor, T)>, limit: usize) -> (Vec<T>, Option<String>) {
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|(cursor, _)| written(*cursor));
    (found.into_iter().map(|(_, one)| one).collect(), next)
}

/// Hexadecimal, so that nobody is tempted to count with it.
fn written(cursor: Cursor) -> String {
    format!("{:016x}", cursor.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::Uri;

    fn params(query: &str) -> Params {
        let uri: Uri = format!("/v1/deliveries?{query}").parse().unwrap();
        Params::of(&uri, &["cursor", "limit"]).unwrap()
    }

    #[test]
    fn a_cursor_comes_back_as_it_was_given() {
        let query = format!("cursor={}", written(Cursor(0x1234_5678)));
        assert_eq!(cursor(&params(&query)).unwrap(), Some(Cursor(0x1234_5678)));
        assert!(cursor(&params("cursor=12")).is_err());
        assert!(cursor(&params("cursor=zzzzzzzzzzzzzzzz")).is_err());
    }

    #[test]
    fn a_page_is_bounded() {
        assert_eq!(limit(&params("")).unwrap(), PAGE);
        assert_eq!(limit(&params("limit=500")).unwrap(), 500);
        for wrong in ["limit=0", "limit=501", "limit=x", "limit=-1"] {
            assert!(limit(&params(wrong)).is_err(), "{wrong}");
        }
    }

    #[test]
    fn only_where_there_is_more_a_next_page_is_named() {
        let found = |count: u64| (1..=count).map(|place| (Cursor(place), place)).collect();
        assert_eq!(cut(found(2), 2), (vec![1, 2], None));
        assert_eq!(cut(found(3), 2), (vec![1, 2], Some(written(Cursor(2)))));
    }
}
