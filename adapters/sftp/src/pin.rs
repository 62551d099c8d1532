//! The host keys that are believed.

use russh::keys::ssh_key::{Algorithm, Fingerprint, HashAlg, PublicKey};

/// One host key, as it is configured.
#[derive(Clone, Debug)]
pub(crate) enum Pin {
    /// `SHA256:…`, as `ssh-keygen -lf` prints it.
    Fingerprint(Fingerprint),
    /// The key itself: a line of `known_hosts` or of a public key's file.
    Key(Box<PublicKey>),
}

impl Pin {
    /// Reads it; the error says what would be right.
    pub(crate) fn parse(text: &str) -> Result<Self, (String, String)> {
        const FORM: &str =
            "write a fingerprint as `ssh-keygen -lf` prints it (SHA256:…), or a line of known_hosts";
        let wrong = || ("this is no host key".to_owned(), FORM.to_owned());
        if text.starts_with("SHA256:") {
            return text.parse().map(Self::Fingerprint).map_err(|_| wrong());
        }
        // A line of known_hosts has a host's name before the key; it says nothing that `host` does not say.
        let words: Vec<&str> = text.split_whitespace().collect();
        let at = words.iter().position(|word| word.starts_with("ssh-") || word.starts_with("ecdsa-"));
        let line = at.and_then(|at| words.get(at..at + 2)).map(|key| key.join(" ")).ok_or_else(wrong)?;
        let key = PublicKey::from_openssh(&line).map_err(|_| wrong())?;
        if !ALGORITHMS.contains(&key.algorithm()) {
            let told = format!("host keys of the kind {} are not known here", key.algorithm());
            return Err((told, "take the server's ssh-ed25519 or ecdsa-sha2-nistp… key".to_owned()));
        }
        Ok(Self::Key(Box::new(key)))
    }

    fn is(&self, shown: &PublicKey) -> bool {
        match self {
            Self::Fingerprint(fingerprint) => shown.fingerprint(HashAlg::Sha256) == *fingerprint,
            Self::Key(key) => key.key_data() == shown.key_data(),
        }
    }
}

/// The kinds of host keys that are believed, the best first. RSA is not among them: see the handbook.
pub(crate) const ALGORITHMS: [Algorithm; 4] = {
    use russh::keys::ssh_key::EcdsaCurve::{NistP256, NistP384, NistP521};
    [
        Algorithm::Ed25519,
        Algorithm::Ecdsa { curve: NistP256 },
        Algorithm::Ecdsa { curve: NistP384 },
        Algorithm::Ecdsa { curve: NistP521 },
    ]
};

/// Whether one of `pins` is the key that the server showed.
pub(crate) fn believes(pins: &[Pin], shown: &PublicKey) -> bool {
    pins.iter().any(|pin| pin.is(shown))
}

/// The kinds of keys that the server is asked for: where every key is configured itself, only theirs.
pub(crate) fn asked_for(pins: &[Pin]) -> Vec<Algorithm> {
    let known = |algorithm: &Algorithm| {
        pins.iter().any(|pin| match pin {
            Pin::Fingerprint(_) => true,
            Pin::Key(key) => key.algorithm() == *algorithm,
        })
    };
    ALGORITHMS.into_iter().filter(known).collect()
}
