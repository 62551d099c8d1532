//! Parts that the envelope points to.

use super::Unread;
use super::incoming::Incoming;
use super::multipart::MultipartFault;
use crate::names::XOP;
use crate::xml::Element;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// The Content-ID that an `xop:Include` points to.
pub(super) fn cid_of(href: Option<&str>) -> Result<String, Unread> {
    let cid = href.map(str::trim).and_then(|href| href.strip_prefix("cid:"));
    let cid = cid.ok_or_else(|| Unread::MissingPart(short(href.unwrap_or_default())))?;
    Ok(percent_decoded(cid))
}

pub(super) fn short(cid: &str) -> String {
    cid.chars().take(100).collect()
}

fn percent_decoded(text: &str) -> String {
    let (bytes, mut decoded, mut at) = (text.as_bytes(), Vec::new(), 0);
    while let Some(byte) = bytes.get(at) {
        let escaped =
            text.get(at + 1..at + 3).filter(|_| *byte == b'%').and_then(|it| u8::from_str_radix(it, 16).ok());
        decoded.push(escaped.unwrap_or(*byte));
        at += if escaped.is_some() { 3 } else { 1 };
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

/// What waits for its part, each by the part's Content-ID.
pub(super) struct Waiting<T> {
    root: String,
    open: Vec<(String, T)>,
    came: Vec<String>,
}

impl<T> Waiting<T> {
    pub(super) const fn new(root: String) -> Self {
        Self { root, open: Vec::new(), came: Vec::new() }
    }

    pub(super) fn add(&mut self, cid: String, what: T) -> Result<(), Unread> {
        if self.open.iter().any(|(known, _)| *known == cid) {
            return Err(Unread::PartUsedTwice(short(&cid)));
        }
        self.open.push((cid, what));
        Ok(())
    }

    /// What waits for the next part; `None` at the end of all parts, when nothing may wait any more.
    pub(super) async fn next(&mut self, incoming: &mut Incoming<'_>) -> Result<Option<T>, Unread> {
        let part = if incoming.events.has_parts() { incoming.events.part().await? } else { None };
        let Some(headers) = part else {
            return self.open.first().map_or(Ok(None), |(cid, _)| Err(Unread::MissingPart(short(cid))));
        };
        let id = headers.content_id;
        if id == self.root || self.came.contains(&id) {
            return Err(MultipartFault::SameContentId(short(&id)).into());
        }
        // Some stacks escape the Content-ID as well.
        let plain = percent_decoded(&id);
        let found = self.open.iter().position(|(cid, _)| *cid == id || *cid == plain);
        let at = found.ok_or_else(|| Unread::UnusedPart(short(&id)))?;
        self.came.push(id);
        Ok(Some(self.open.remove(at).1))
    }
}

/// Puts the parts that a small body points to into it, as base64.
pub(super) async fn take_in(
    incoming: &mut Incoming<'_>,
    body: &mut Element,
    root: String,
) -> Result<(), Unread> {
    let mut waiting = Waiting::new(root);
    find(body, &mut Vec::new(), &mut waiting)?;
    let mut size = 0;
    while let Some(path) = waiting.next(incoming).await? {
        let mut bytes = Vec::new();
        while let Some(piece) = incoming.events.data().await? {
            size += piece.len() as u64;
            if size > incoming.limits.body {
                return Err(Unread::BodyTooLarge(incoming.limits.body));
            }
            bytes.extend_from_slice(&piece);
        }
        if let Some(element) =
            path.iter().try_fold(&mut *body, |element, at: &usize| element.children.get_mut(*at))
        {
            element.children.clear();
            element.text = STANDARD.encode(bytes);
        }
    }
    Ok(())
}

fn find(element: &Element, path: &mut Vec<usize>, waiting: &mut Waiting<Vec<usize>>) -> Result<(), Unread> {
    for (at, child) in element.children.iter().enumerate() {
        if child.is((XOP, "Include")) {
            waiting.add(cid_of(child.attribute("href"))?, path.clone())?;
        } else {
            path.push(at);
            find(child, path, waiting)?;
            path.pop();
        }
    }
    Ok(())
}
