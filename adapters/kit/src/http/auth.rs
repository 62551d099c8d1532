use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use reqwest::header::HeaderValue;
use secrecy::{ExposeSecret, SecretString};

/// How the hub shows who it is.
pub enum Auth {
    /// User and password.
    Basic {
        /// The user's name, without a colon.
        user: String,
        /// The password.
        password: SecretString,
    },
    /// A token.
    Bearer {
        /// The token.
        token: SecretString,
    },
}

impl Auth {
    /// The value of the header `Authorization` (RFC 7617, RFC 6750), marked so that nobody prints it.
    pub fn header(&self) -> Result<HeaderValue, String> {
        let text = match self {
            Self::Basic { user, password } => {
                let pair = format!("{user}:{}", password.expose_secret());
                format!("Basic {}", BASE64_STANDARD.encode(pair))
            }
            Self::Bearer { token } => format!("Bearer {}", token.expose_secret()),
        };
        let mut value = HeaderValue::try_from(text).map_err(|_| "the secret cannot stand in a header")?;
        value.set_sensitive(true);
        Ok(value)
    }
}
