use rohrpost_kit::http::Url;

/// The port of `https`.
const HTTPS: u16 = 443;

/// Hosts that submissions may name.
pub(crate) struct Hosts(Vec<Pattern>);

/// `portal.example.org`, or `*.example.org` for all below it but not itself; with a port if it is another than 443.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    below: bool,
    host: String,
    port: u16,
}

impl Hosts {
    pub(crate) const fn new(patterns: Vec<Pattern>) -> Self {
        Self(patterns)
    }

    /// Whether the address is at one of them.
    pub(crate) fn hold(&self, url: &Url) -> bool {
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default());
        self.0.iter().any(|pattern| port == Some(pattern.port) && pattern.holds(host))
    }
}

impl Pattern {
    /// Reads it; `None` if it is none. It is read as a part of an address, so that both mean the same by the same text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (below, rest) = text.strip_prefix("*.").map_or((false, text), |rest| (true, rest));
        let url = Url::parse(&format!("https://{rest}/")).ok()?;
        // What is more than host and port would be lost in silence.
        let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
        let whole = |host: &&str| !host.contains('*') && format!("{host}{port}") == rest.to_ascii_lowercase();
        let host = url.host_str().filter(whole)?;
        Some(Self { below, host: host.to_owned(), port: url.port().unwrap_or(HTTPS) })
    }

    fn holds(&self, host: &str) -> bool {
        if !self.below {
            return host == self.host;
        }
        host.strip_suffix(self.host.as_str())
            .and_then(|rest| rest.strip_suffix('.'))
            .is_some_and(|it| !it.is_empty())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(pattern: &str, url: &str) -> bool {
        Hosts::new(vec![Pattern::parse(pattern).unwrap()]).hold(&Url::parse(url).unwrap())
    }

    #[test]
    fn a_host_is_itself_and_a_star_is_all_below() {
        for (pattern, url, expected) in [
            ("portal.example.org", "https://portal.example.org/r", true),
            ("Portal.Example.org", "https://PORTAL.example.ORG/r", true),
            ("portal.example.org", "https://portal.example.org:443/r", true),
            ("portal.example.org", "https://portal.example.org:8443/r", false),
            ("portal.example.org:8443", "https://portal.example.org:8443/r", true),
            ("portal.example.org:8443", "https://portal.example.org/r", false),
            ("portal.example.org", "https://a.portal.example.org/", false),
            ("portal.example.org", "https://portal.example.org.evil.example/", false),
            ("portal.example.org", "https://evil.example/portal.example.org", false),
            ("portal.example.org", "https://portal.example.org./", false),
            ("*.example.org", "https://a.example.org/", true),
            ("*.example.org", "https://b.a.example.org/", true),
            ("*.example.org", "https://example.org/", false),
            ("*.example.org", "https://.example.org/", false),
            ("*.example.org", "https://evilexample.org/", false),
            ("*.example.org:8443", "https://a.example.org/", false),
            ("127.0.0.1:8443", "https://127.0.0.1:8443/", true),
            ("127.0.0.1:8443", "https://0x7f.1:8443/", true),
            ("[::1]", "https://[0::1]/", true),
        ] {
            assert_eq!(holds(pattern, url), expected, "{pattern} {url}");
        }
    }

    #[test]
    fn what_is_no_host_is_no_pattern() {
        for text in [
            "",
            "*",
            "*.",
            "*.*.example.org",
            "a.*.example.org",
            "https://a.example",
            "a.example/",
            "u@a.example",
            "a b",
            "a.example?x",
            "a.example#x",
            "bürger.example",
            "a.example:0x",
            "a.example:443",
            "0x7f.1",
        ] {
            assert_eq!(Pattern::parse(text), None, "{text}");
        }
    }
}
