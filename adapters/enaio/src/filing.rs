//! What a parcel becomes in enaio, worked out before the first call.

use crate::index::{Fields, Index, is_index};
use crate::object::{Content, File, Kind};
use bytes::Bytes;
use rohrpost_kit::http::misconfigured;
use rohrpost_kit::parcel::checked;
use rohrpost_kit::template::{Further, Template, attachment_name, extension};
use rohrpost_model::Failure;
use rohrpost_model::ports::{Attached, Content as Stored, ContentStream, Parcel, StoreFault};
use std::sync::Arc;

/// How a folder or a register is made and found again.
pub(crate) struct Level {
    pub(crate) kind: Kind,
    pub(crate) key: Template,
    pub(crate) fields: Vec<(String, Template)>,
}

/// How documents are made.
pub(crate) struct Paperwork {
    /// The name of the document that is index data.
    pub(crate) index: String,
    pub(crate) message: (Kind, Vec<(String, Template)>),
    pub(crate) file_name: Option<Template>,
    pub(crate) attachment: (Kind, Vec<(String, Template)>),
    pub(crate) attachment_name: Option<Template>,
}

/// A folder or register with its values.
pub(crate) struct Filled {
    pub(crate) mark: String,
    pub(crate) fields: Fields,
}

/// All that is made of one parcel.
pub(crate) struct Filing<'a> {
    pub(crate) folder: Filled,
    pub(crate) register: Option<Filled>,
    /// The message comes last, so that whoever sees it sees all that belongs to it.
    pub(crate) papers: Vec<Paper<'a>>,
}

/// One document.
pub(crate) struct Paper<'a> {
    /// What progress calls it.
    pub(crate) word: String,
    pub(crate) kind: &'a Kind,
    pub(crate) mark: String,
    pub(crate) fields: Fields,
    name: String,
    media_type: String,
    source: Source<'a>,
}

enum Source<'a> {
    Bytes(Bytes),
    Attached(&'a Attached),
}

impl Level {
    /// Fields of the configuration, those of the mapping over them, and the hub's mark over all.
    pub(crate) fn fill(&self, parcel: &Parcel<'_>, index: Fields) -> Result<Filled, Failure> {
        let mark = self.key.fill(parcel)?;
        // A mark with these would find what it does not name.
        if mark.trim().is_empty() || mark.contains(['*', '?', '%']) {
            return Err(misconfigured("key"));
        }
        let mut fields = filled(&self.fields, parcel, None)?;
        fields.extend(index);
        fields.insert(self.kind.key_field.clone(), mark.clone());
        Ok(Filled { mark, fields })
    }
}

impl Paperwork {
    /// The documents of a parcel.
    pub(crate) fn papers<'a>(
        &'a self,
        parcel: &'a Parcel<'_>,
        index: Fields,
    ) -> Result<Vec<Paper<'a>>, Failure> {
        let mut papers = Vec::new();
        for attached in &parcel.attachments {
            let word = format!("document-a{}", attached.number);
            papers.push(self.beside(parcel, word, attached, Source::Attached(attached))?);
        }
        for one in parcel.enclosed.iter().filter(|one| !is_index(one, &self.index)) {
            let name = format!("{}.{}", one.name, extension(&one.media_type));
            let shown = shown(papers.len(), name, &one.media_type);
            let source = Source::Bytes(one.content.clone());
            papers.push(self.beside(parcel, format!("document-{}", one.name), &shown, source)?);
        }
        if let Some(signature) = &parcel.signature {
            let shown = shown(papers.len(), "signatur.p7s".into(), "application/pkcs7-signature");
            let source = Source::Bytes(signature.clone());
            papers.push(self.beside(parcel, "document-signature.p7s".into(), &shown, source)?);
        }
        papers.push(self.message(parcel, index)?);
        Ok(papers)
    }

    /// What goes along with the message.
    fn beside<'a>(
        &'a self,
        parcel: &Parcel<'_>,
        word: String,
        attached: &Attached,
        source: Source<'a>,
    ) -> Result<Paper<'a>, Failure> {
        let (kind, fields) = &self.attachment;
        let further = Further { attached: Some(attached), ..Further::default() };
        let name = match &self.attachment_name {
            Some(name) => name.fill_with(parcel, further)?,
            None => attachment_name(attached),
        };
        let which = word.strip_prefix("document-").unwrap_or(&word);
        let mark = format!("{}/{which}", parcel.key);
        let mut fields = filled(fields, parcel, Some(attached))?;
        fields.insert(kind.key_field.clone(), mark.clone());
        Ok(Paper { word, kind, mark, fields, name, media_type: attached.media_type.clone(), source })
    }

    fn message<'a>(&'a self, parcel: &Parcel<'_>, index: Fields) -> Result<Paper<'a>, Failure> {
        let (kind, fields) = &self.message;
        let name = match &self.file_name {
            Some(name) => name.fill(parcel)?,
            None => format!("{}.{}", parcel.key, extension(parcel.media_type)),
        };
        let mark = parcel.key.to_string();
        let mut fields = filled(fields, parcel, None)?;
        fields.extend(index);
        fields.insert(kind.key_field.clone(), mark.clone());
        let (media_type, source) = (parcel.media_type.to_owned(), Source::Bytes(parcel.message.clone()));
        Ok(Paper { word: crate::DOCUMENT.to_owned(), kind, mark, fields, name, media_type, source })
    }
}

impl Filing<'_> {
    pub(crate) fn message(&self) -> Option<&Paper<'_>> {
        self.papers.last()
    }
}

impl Paper<'_> {
    /// Its file. What cannot be opened is found out before the first byte leaves.
    pub(crate) async fn file(&self) -> Result<File<'_>, Failure> {
        let content = match &self.source {
            Source::Bytes(bytes) => Content::Bytes(bytes.clone()),
            Source::Attached(attached) => {
                let stream = checked(attached).await.map_err(|fault| fault.before_sending())?;
                Content::Attached(attached, stream)
            }
        };
        Ok(File { name: &self.name, media_type: &self.media_type, content })
    }
}

/// What the mapping says of each object, and the parcel's facts.
pub(crate) fn filing<'a>(
    (folder, register): (&Level, Option<&Level>),
    paperwork: &'a Paperwork,
    parcel: &'a Parcel<'_>,
) -> Result<Filing<'a>, Failure> {
    let index = Index::of(parcel, &paperwork.index)?;
    if register.is_none() && !index.register.is_empty() {
        return Err(misconfigured("register"));
    }
    let register = register.map(|level| level.fill(parcel, index.register)).transpose()?;
    let folder = folder.fill(parcel, index.folder)?;
    Ok(Filing { folder, register, papers: paperwork.papers(parcel, index.document)? })
}

fn filled(
    fields: &[(String, Template)],
    parcel: &Parcel<'_>,
    attached: Option<&Attached>,
) -> Result<Fields, Failure> {
    let further = Further { attached, ..Further::default() };
    fields.iter().map(|(name, text)| Ok((name.clone(), text.fill_with(parcel, further)?))).collect()
}

/// How templates of attachments see what is none.
fn shown(before: usize, name: String, media_type: &str) -> Attached {
    Attached {
        number: u32::try_from(before).unwrap_or(u32::MAX).saturating_add(1),
        name: Some(name),
        id: None,
        file_name: None,
        media_type: media_type.to_owned(),
        size: 0,
        sha256: rohrpost_model::Digest::of(b""),
        content: Arc::new(Nothing),
    }
}

struct Nothing;

#[async_trait::async_trait]
impl Stored for Nothing {
    async fn open(&self) -> Result<ContentStream, StoreFault> {
        Err(StoreFault::Erased)
    }
}
