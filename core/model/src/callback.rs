use serde::{Deserialize, Serialize};
use std::fmt;
use std::str::FromStr;
use url::Url;

const LONGEST: usize = 2048;

/// Where a portal wants to be called back: an `https` address that holds no credentials. Content: it may point at one
/// person's application.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CallbackUrl(Url);

/// The text is no address for callbacks; the message says what would be, and quotes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadCallback {
    /// Too long.
    #[error("the address of a callback has at most 2048 characters")]
    TooLong,
    /// Umlauts, spaces, control characters.
    #[error(
        "the address of a callback has visible ASCII characters only: a host with umlauts in Punycode (xn--…), \
         all else percent-encoded"
    )]
    NotAscii,
    /// Not an address at all.
    #[error("the address of a callback is written like https://portal.example.org/rueckruf ({0})")]
    NoAddress(url::ParseError),
    /// Another scheme.
    #[error("the address of a callback begins with https://")]
    NotHttps,
    /// User or password.
    #[error("the address of a callback holds no user and no password: the hub's signature shows who calls")]
    Credentials,
    /// A fragment, which no request carries.
    #[error("the address of a callback ends before its #: what follows is never sent")]
    Fragment,
}

impl CallbackUrl {
    /// The address.
    pub const fn url(&self) -> &Url {
        &self.0
    }
}

impl FromStr for CallbackUrl {
    type Err = BadCallback;

    fn from_str(text: &str) -> Result<Self, BadCallback> {
        if text.len() > LONGEST {
            return Err(BadCallback::TooLong);
        }
        // Parsers of addresses skip line ends and tabs: what is read would not be what is written.
        if !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(BadCallback::NotAscii);
        }
        let url = Url::parse(text).map_err(BadCallback::NoAddress)?;
        if url.scheme() != "https" {
            return Err(BadCallback::NotHttps);
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(BadCallback::Credentials);
        }
        if url.fragment().is_some() { Err(BadCallback::Fragment) } else { Ok(Self(url)) }
    }
}

impl TryFrom<String> for CallbackUrl {
    type Error = BadCallback;

    fn try_from(text: String) -> Result<Self, BadCallback> {
        text.parse()
    }
}

impl From<CallbackUrl> for String {
    fn from(callback: CallbackUrl) -> Self {
        callback.0.into()
    }
}

impl fmt::Debug for CallbackUrl {
    /// The host only: the rest may point at a person.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "https://{}/…", self.0.host_str().unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::submission::ReplyChannel;

    #[test]
    fn an_address_comes_back_as_it_was_read() {
        for text in [
            "https://portal.example.org/",
            "https://portal.example.org:8443/a?b=%C3%BC",
            "https://[2001:db8::1]/",
        ] {
            assert_eq!(String::from(text.parse::<CallbackUrl>().unwrap()), text);
        }
        let written = r#"{"callback":{"url":"https://portal.example.org/r"}}"#;
        let channel: ReplyChannel = serde_json::from_str(written).unwrap();
        assert_eq!(serde_json::to_string(&channel).unwrap(), written);
    }

    #[test]
    fn what_is_no_address_for_callbacks_is_told_what_would_be() {
        let long = format!("https://portal.example.org/{}", "a".repeat(2048));
        for (text, expected) in [
            (long.as_str(), "at most 2048 characters"),
            ("https://bürger.example.org/", "xn--"),
            ("https://portal.example.org/a\tb", "visible ASCII"),
            (" https://portal.example.org/", "visible ASCII"),
            ("portal.example.org/r", "is written like https://"),
            ("https://", "is written like https://"),
            ("http://portal.example.org/", "begins with https://"),
            ("file:///etc/passwd", "begins with https://"),
            ("https://u@portal.example.org/", "no user and no password"),
            ("https://:p@portal.example.org/", "no user and no password"),
            ("https://portal.example.org/#a", "ends before its #"),
        ] {
            let told = text.parse::<CallbackUrl>().unwrap_err().to_string();
            assert!(told.contains(expected), "{text}: {told}");
        }
    }

    #[test]
    fn h10_the_path_is_not_printed() {
        let callback: CallbackUrl = "https://portal.example.org/erika?t=1".parse().unwrap();
        assert_eq!(format!("{callback:?}"), "https://portal.example.org/…");
    }
}
