use crate::request::RequestHead;
use rohrpost_kit::answer::{Extract, at_pointer};
use rohrpost_kit::http::{Answer, Request};
use rohrpost_model::Failure;
use rohrpost_model::ports::Parcel;

/// How the target is asked whether it has a delivery.
pub(crate) struct Inquirer {
    pub(crate) head: RequestHead,
    pub(crate) found: Vec<u16>,
    pub(crate) absent: Vec<u16>,
    /// A JSON pointer, and the value there that means: not there.
    pub(crate) absent_when: Option<(String, String)>,
    pub(crate) reference: Option<Extract>,
}

/// What the answer says.
pub(crate) enum Word {
    Found(Option<String>),
    Absent,
    None,
}

impl Inquirer {
    /// The question; `None` if it asks by a reference and there is none.
    pub(crate) fn request(
        &self,
        parcel: &Parcel<'_>,
        reference: Option<&str>,
    ) -> Result<Option<Request>, Failure> {
        if self.head.url.names("reference") && reference.is_none() {
            return Ok(None);
        }
        self.head.request(parcel, reference).map(Some)
    }

    /// What the answer says. In doubt, nothing.
    pub(crate) fn judge(&self, answer: &Answer) -> Word {
        if self.absent.contains(&answer.status) {
            return Word::Absent;
        }
        if !self.found.contains(&answer.status) {
            return Word::None;
        }
        if let Some((pointer, value)) = &self.absent_when {
            let body = answer.body.as_deref().unwrap_or_default();
            match at_pointer(body, pointer) {
                Some(found) if found == *value => return Word::Absent,
                Some(_) => {}
                None => return Word::None,
            }
        }
        match &self.reference {
            None => Word::Found(None),
            Some(extract) => extract.read(answer).map_or(Word::None, Word::Found),
        }
    }
}
