//! What stands in the place of a signature in the cases of routes: a real one is another one each time, and needs a key.

use rohrpost_model::ports::{Seal, SealFault, SealForm, Sealed};

/// A seal that signs nothing.
pub(super) struct Placeholder(pub(super) SealForm);

const ENVELOPED: &str = "<ds:Signature xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\"/>";
const DETACHED: &[u8] = b"signature";

impl Seal for Placeholder {
    fn form(&self) -> SealForm {
        self.0
    }

    fn seal(&self, message: &[u8]) -> Result<Sealed, SealFault> {
        match self.0 {
            SealForm::Cms => Ok(Sealed::Detached(DETACHED.to_vec())),
            SealForm::XmlDsig => {
                let text = std::str::from_utf8(message).map_err(|_| fault())?;
                enveloped(text).map(|sealed| Sealed::Enveloped(sealed.into_bytes())).ok_or_else(fault)
            }
        }
    }
}

fn fault() -> SealFault {
    SealFault("the document is no XML in UTF-8".into())
}

/// The document with an empty signature as last child of its root.
fn enveloped(text: &str) -> Option<String> {
    let root = without_trailer(text);
    let trailer = text.get(root.len()..)?;
    if let Some(open) = root.strip_suffix("/>")
        && let Some(tag) = open.rfind('<').and_then(|at| open.get(at + 1..))
        && root.rfind("</").is_none()
    {
        let name = tag.split(|c: char| c.is_ascii_whitespace()).next()?;
        return Some(format!("{open}>{ENVELOPED}</{name}>{trailer}"));
    }
    let (before, end) = root.split_at_checked(root.rfind("</")?)?;
    Some(format!("{before}{ENVELOPED}{end}{trailer}"))
}

/// What stands before comments, processing instructions and white space at the end.
fn without_trailer(text: &str) -> &str {
    let trimmed = text.trim_end();
    for (begin, end) in [("<!--", "-->"), ("<?", "?>")] {
        if trimmed.ends_with(end)
            && let Some(at) = trimmed.rfind(begin)
        {
            return without_trailer(trimmed.get(..at).unwrap_or_default());
        }
    }
    trimmed
}

#[cfg(test)]
mod tests {
    use super::{ENVELOPED, enveloped};

    #[test]
    fn it_is_the_last_child_of_the_root() {
        let sealed = |text: &str| enveloped(text).unwrap().replace(ENVELOPED, "[S]");
        assert_eq!(sealed("<?xml version='1.0'?>\n<a><b/></a>\n"), "<?xml version='1.0'?>\n<a><b/>[S]</a>\n");
        assert_eq!(sealed("<a:b x='1'/>"), "<a:b x='1'>[S]</a:b>");
        assert_eq!(sealed("<a></a><!-- </b> --><?c </d>?>"), "<a>[S]</a><!-- </b> --><?c </d>?>");
        assert_eq!(enveloped("no document"), None);
    }
}
