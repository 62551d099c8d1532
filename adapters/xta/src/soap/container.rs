//! The GenericContentContainer: its contents go into the sink while they are read.

use super::encrypted::{self, Hole};
use super::incoming::Incoming;
use super::parts::{Waiting, cid_of};
use super::sink::{Item, Taker};
use super::{ContentFacts, Form, Unread};
use crate::names::{XENC, XOP, XTA};
use crate::types::{Broken, ContentKind, ContentOutline, Violation, check_attributes, rule_of};
use crate::xml::{Element, Position, Tag, Token};

/// What waits for a part.
pub(super) enum Wanted {
    Content(ContentFacts),
    Encrypted(Box<Hole>),
}

/// Reads a container whose start tag has just come, and the parts behind the envelope.
pub(super) struct ContainerReader<'r, 'a, 's> {
    pub(super) incoming: &'r mut Incoming<'a>,
    pub(super) taker: Taker<'s>,
    pub(super) waiting: Waiting<Wanted>,
    pub(super) violations: Vec<Violation>,
    messages: usize,
    attachments: usize,
}

impl<'r, 'a, 's> ContainerReader<'r, 'a, 's> {
    pub(super) const fn new(incoming: &'r mut Incoming<'a>, taker: Taker<'s>, root: String) -> Self {
        Self {
            incoming,
            taker,
            waiting: Waiting::new(root),
            violations: Vec::new(),
            messages: 0,
            attachments: 0,
        }
    }

    /// Reads up to the end of the container.
    pub(super) async fn container(&mut self) -> Result<(), Unread> {
        let mut seen = 0;
        while let Some((tag, position)) = self.incoming.child().await? {
            let place = format!("GenericContentContainer/{}", tag.local);
            if tag.is((XTA, "ContentContainer")) && seen == 0 {
                seen += 1;
                self.contents().await?;
            } else if tag.is((XENC, "EncryptedData")) && seen == 0 {
                seen += 1;
                if let Some(hole) = encrypted::read(self.incoming, &mut self.taker, tag).await? {
                    self.waiting.add(hole.cid.clone(), Wanted::Encrypted(Box::new(hole)))?;
                }
            } else if tag.is((XTA, "ContentContainer")) || tag.is((XENC, "EncryptedData")) {
                return Err(Unread::structure(
                    position,
                    "a GenericContentContainer holds one container only",
                ));
            } else {
                self.pass_over(&place, position).await?;
            }
        }
        if seen == 0 {
            self.note(
                "GenericContentContainer",
                Broken::MissingElement,
                "Hier muss EncryptedData oder ContentContainer stehen.",
            );
        }
        Ok(())
    }

    async fn contents(&mut self) -> Result<(), Unread> {
        const PLACE: &str = "GenericContentContainer/ContentContainer";
        while let Some((tag, position)) = self.incoming.child().await? {
            if tag.is((XTA, "Message")) {
                self.messages += 1;
                if self.messages > 1 {
                    return Err(Unread::structure(position, "a ContentContainer holds one Message only"));
                }
                if self.attachments > 0 {
                    self.note(PLACE, Broken::Order, "Die Reihenfolge muss sein: Message, Attachment.");
                }
                self.content(tag, position, ContentKind::Message).await?;
            } else if tag.is((XTA, "Attachment")) {
                self.attachments += 1;
                self.content(tag, position, ContentKind::Attachment(self.attachments - 1)).await?;
            } else {
                let place = format!("{PLACE}/{}", tag.local);
                self.pass_over(&place, position).await?;
            }
        }
        if self.messages == 0 {
            self.note(PLACE, Broken::MissingElement, "Das Element Message muss angegeben werden.");
        }
        Ok(())
    }

    async fn content(&mut self, tag: Tag, position: Position, kind: ContentKind) -> Result<(), Unread> {
        let element = Element::of(tag, position);
        let place = match kind {
            ContentKind::Attachment(number) => format!("ContentContainer/Attachment[{}]", number + 1),
            _ => "ContentContainer/Message".to_owned(),
        };
        if let Some(rule) = rule_of((XTA, "Message")) {
            check_attributes(&element, rule, &place, &mut self.violations);
        }
        let mut facts = ContentFacts { kind, outline: ContentOutline::read(&element), form: Form::Inline };
        let mut item: Option<Item> = None;
        let mut included = false;
        loop {
            match self.incoming.token().await? {
                Some((Token::Text(text), _))
                    if item.is_none() && text.iter().all(u8::is_ascii_whitespace) => {}
                Some((Token::Text(_) | Token::Start(_), position)) if included => {
                    return Err(Unread::structure(
                        position,
                        "a content holds text or one xop:Include, not both",
                    ));
                }
                Some((Token::Text(text), position)) => {
                    let mut open = match item.take() {
                        Some(open) => open,
                        None => self.taker.begin(facts.clone()).await?,
                    };
                    self.taker.encoded(&mut open, &text, position).await?;
                    item = Some(open);
                }
                Some((Token::Start(tag), position)) => {
                    if !tag.is((XOP, "Include")) || item.is_some() {
                        return Err(Unread::structure(
                            position,
                            "a content holds text or one xop:Include, nothing else",
                        ));
                    }
                    included = true;
                    facts.form = Form::Mtom;
                    self.waiting.add(cid_of(tag.attribute("href"))?, Wanted::Content(facts.clone()))?;
                    self.incoming.skip().await?;
                }
                Some((Token::End, _)) | None => break,
            }
        }
        if included {
            return Ok(());
        }
        let item = match item {
            Some(item) => item,
            None => self.taker.begin(facts).await?,
        };
        self.taker.end(item, self.incoming.position()).await
    }

    /// Reads the parts behind the envelope.
    pub(super) async fn parts(&mut self) -> Result<(), Unread> {
        while let Some(wanted) = self.waiting.next(self.incoming).await? {
            let position = self.incoming.position();
            match wanted {
                Wanted::Content(facts) => {
                    let mut item = self.taker.begin(facts).await?;
                    while let Some(piece) = self.incoming.events.data().await? {
                        self.taker.raw(&mut item, piece).await?;
                    }
                    self.taker.end(item, position).await?;
                }
                Wanted::Encrypted(hole) => hole.fill(self.incoming, &mut self.taker).await?,
            }
        }
        Ok(())
    }

    async fn pass_over(&mut self, place: &str, position: Position) -> Result<(), Unread> {
        let right = "Dieses Element ist hier nicht vorgesehen und wurde nicht übernommen.".to_owned();
        let place = place.chars().take(120).collect();
        self.violations.push(Violation { place, position, broken: Broken::UnknownElement, right });
        self.incoming.skip().await
    }

    fn note(&mut self, place: &str, broken: Broken, right: &str) {
        let position = self.incoming.position();
        self.violations.push(Violation {
            place: place.to_owned(),
            position,
            broken,
            right: right.to_owned(),
        });
    }
}
