use rohrpost_kit::http::header::{CONTENT_TYPE, HeaderValue};
use rohrpost_kit::http::{self, Multipart, Request, misconfigured};
use rohrpost_kit::parcel::checked;
use rohrpost_kit::template::{Further, Template};
use rohrpost_model::Failure;
use rohrpost_model::document::Enclosed;
use rohrpost_model::ports::{Attached, Parcel};

/// How a parcel becomes a body.
pub(crate) enum Body {
    /// The message is the body.
    Raw,
    /// A form of several parts.
    Multipart(Vec<Part>),
}

/// One part of a form.
pub(crate) struct Part {
    pub(crate) name: Template,
    pub(crate) content: Content,
    pub(crate) file_name: Option<Template>,
    pub(crate) content_type: Option<String>,
}

/// What stands in a part.
pub(crate) enum Content {
    Message,
    Signature,
    /// The documents that go along, a part for each.
    Documents,
    Attachments,
    Text(Template),
}

impl Body {
    pub(crate) async fn put_into(&self, request: &mut Request, parcel: &Parcel<'_>) -> Result<(), Failure> {
        self.has_places(parcel)?;
        let value = |text: &str| HeaderValue::try_from(text).map_err(|_| misconfigured("content-type"));
        match self {
            Self::Raw => {
                // The configured headers may know the media type better.
                request.headers.entry(CONTENT_TYPE).or_insert(value(parcel.media_type)?);
                request.body = http::Body::Bytes(parcel.message.clone());
            }
            Self::Multipart(parts) => {
                let mut form = Multipart::new(parcel.key);
                for part in parts {
                    part.add(&mut form, parcel).await?;
                }
                request.headers.insert(CONTENT_TYPE, value(&form.content_type())?);
                request.body = form.finish();
            }
        }
        Ok(())
    }

    /// Nothing that belongs to the delivery is left out in silence.
    fn has_places(&self, parcel: &Parcel<'_>) -> Result<(), Failure> {
        if parcel.signature.is_some() && !self.has(|content| matches!(content, Content::Signature)) {
            return Err(misconfigured("signature"));
        }
        if !parcel.enclosed.is_empty() && !self.takes_enclosed() {
            return Err(misconfigured("documents"));
        }
        if !parcel.attachments.is_empty() && !self.has(|content| matches!(content, Content::Attachments)) {
            return Err(misconfigured("attachments"));
        }
        Ok(())
    }

    fn has(&self, wanted: fn(&Content) -> bool) -> bool {
        match self {
            Self::Raw => false,
            Self::Multipart(parts) => parts.iter().any(|part| wanted(&part.content)),
        }
    }

    /// Whether documents that go along have a place.
    pub(crate) fn takes_enclosed(&self) -> bool {
        self.has(|content| matches!(content, Content::Documents))
    }
}

impl Part {
    async fn add(&self, form: &mut Multipart, parcel: &Parcel<'_>) -> Result<(), Failure> {
        match &self.content {
            Content::Message => self.bytes(form, parcel, Some(parcel.media_type), parcel.message.clone()),
            Content::Documents => parcel.enclosed.iter().try_for_each(|one| self.document(form, parcel, one)),
            Content::Signature => match &parcel.signature {
                Some(signature) => {
                    self.bytes(form, parcel, Some("application/pkcs7-signature"), signature.clone())
                }
                None => Ok(()),
            },
            Content::Text(text) => self.bytes(form, parcel, None, text.fill(parcel)?.into()),
            Content::Attachments => {
                for attached in &parcel.attachments {
                    self.attachment(form, parcel, attached).await?;
                }
                Ok(())
            }
        }
    }

    fn bytes(
        &self,
        form: &mut Multipart,
        parcel: &Parcel<'_>,
        media_type: Option<&str>,
        content: bytes::Bytes,
    ) -> Result<(), Failure> {
        let name = self.name.fill(parcel)?;
        let file_name = self.file_name.as_ref().map(|template| template.fill(parcel)).transpose()?;
        let content_type = self.content_type.as_deref().or(media_type);
        let head =
            http::Part { name: &name, file_name: file_name.as_deref(), content_type, content_id: None };
        form.bytes(&head, content);
        Ok(())
    }

    fn document(
        &self,
        form: &mut Multipart,
        parcel: &Parcel<'_>,
        enclosed: &Enclosed,
    ) -> Result<(), Failure> {
        let further = Further { document: Some(&enclosed.name), ..Further::default() };
        let fill = |template: &Template| template.fill_with(parcel, further);
        let name = fill(&self.name)?;
        let file_name = self.file_name.as_ref().map(fill).transpose()?;
        let content_type = Some(self.content_type.as_deref().unwrap_or(&enclosed.media_type));
        let head =
            http::Part { name: &name, file_name: file_name.as_deref(), content_type, content_id: None };
        form.bytes(&head, enclosed.content.clone());
        Ok(())
    }

    async fn attachment(
        &self,
        form: &mut Multipart,
        parcel: &Parcel<'_>,
        attached: &Attached,
    ) -> Result<(), Failure> {
        let further = Further { attached: Some(attached), ..Further::default() };
        let name = self.name.fill_with(parcel, further)?;
        let file_name =
            self.file_name.as_ref().map(|template| template.fill_with(parcel, further)).transpose()?;
        let content_type = Some(self.content_type.as_deref().unwrap_or(&attached.media_type));
        let head =
            http::Part { name: &name, file_name: file_name.as_deref(), content_type, content_id: None };
        // What cannot be opened is found out before the first byte leaves.
        let content = checked(attached).await.map_err(|fault| fault.before_sending())?;
        form.attachment(&head, attached, content);
        Ok(())
    }
}
