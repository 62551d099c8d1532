//! Content under one submission's data key.
//!
//! Format, version 1: the version (1 byte), a random nonce prefix (7 bytes), then chunks. A chunk is the AES-256-GCM
//! encryption of [`CHUNK`] plain bytes, or of what is left for the last one, with its tag of 16 bytes. Its nonce is the
//! prefix, the chunk's number (32 bit, big endian) and 1 for the last chunk, else 0: the STREAM construction of Hoang,
//! Reyhanitabar, Rogaway and Vizár (2015) as `StreamBE32` writes it. So no chunk opens at another place, and a stream
//! that ends early has no last chunk. The context is authenticated with every chunk.

use super::wrap::{cipher, random};
use aws_lc_rs::aead::{Aad, LessSafeKey, NONCE_LEN, Nonce};
use rohrpost_model::ports::{CHUNK, ContentKey, StreamOpener, StreamSealer, VaultFault};
use std::sync::Arc;

const VERSION: u8 = 1;
const PREFIX_LEN: usize = 7;
const HEADER_LEN: usize = 1 + PREFIX_LEN;
const TAG_LEN: usize = 16;
const SEALED_CHUNK: usize = CHUNK + TAG_LEN;

/// A submission's data key.
pub(crate) struct DataKey(Arc<LessSafeKey>);

impl DataKey {
    pub(crate) fn new(bytes: &[u8; 32]) -> Result<Self, VaultFault> {
        Ok(Self(Arc::new(cipher(bytes)?)))
    }

    /// A sealer with this nonce prefix; a prefix must never come twice under one key.
    pub(crate) fn sealer_from(&self, prefix: [u8; PREFIX_LEN], context: &[u8]) -> Sealer {
        Sealer { chunks: self.chunks(prefix, context), begun: false, pending: Vec::new() }
    }

    fn chunks(&self, prefix: [u8; PREFIX_LEN], context: &[u8]) -> Chunks {
        Chunks { key: Arc::clone(&self.0), context: context.to_vec(), prefix, number: 0 }
    }
}

impl ContentKey for DataKey {
    fn sealer(&self, context: &[u8]) -> Box<dyn StreamSealer> {
        match random::<PREFIX_LEN>() {
            Ok(prefix) => Box::new(self.sealer_from(*prefix, context)),
            Err(_) => Box::new(NoRandomness),
        }
    }

    fn opener(&self, context: &[u8]) -> Box<dyn StreamOpener> {
        let chunks = self.chunks([0; PREFIX_LEN], context);
        Box::new(Opener {
            chunks,
            header: Vec::with_capacity(HEADER_LEN),
            pending: Vec::new(),
            broken: false,
        })
    }
}

/// The chunks of one stream, in their order.
struct Chunks {
    key: Arc<LessSafeKey>,
    context: Vec<u8>,
    prefix: [u8; PREFIX_LEN],
    number: u32,
}

impl Chunks {
    fn nonce(&self, last: bool) -> Nonce {
        let mut nonce = [0; NONCE_LEN];
        nonce[..PREFIX_LEN].copy_from_slice(&self.prefix);
        nonce[PREFIX_LEN..NONCE_LEN - 1].copy_from_slice(&self.number.to_be_bytes());
        nonce[NONCE_LEN - 1] = u8::from(last);
        Nonce::assume_unique_for_key(nonce)
    }

    /// Steps to the next chunk. After 2³² of them (256 TiB) there is none.
    fn advance(&mut self) -> Result<(), VaultFault> {
        let next = self.number.checked_add(1);
        self.number =
            next.ok_or_else(|| VaultFault::Unavailable("the content is too long for one stream".to_owned()))?;
        Ok(())
    }

    fn seal(&mut self, plain: &[u8], last: bool, out: &mut Vec<u8>) -> Result<(), VaultFault> {
        let start = out.len();
        out.extend_from_slice(plain);
        let chunk = out.get_mut(start..).unwrap_or_default();
        let tag = self
            .key
            .seal_in_place_separate_tag(self.nonce(last), Aad::from(&self.context), chunk)
            .map_err(|_| VaultFault::Unavailable("a chunk cannot be encrypted".to_owned()))?;
        out.extend_from_slice(tag.as_ref());
        if last { Ok(()) } else { self.advance() }
    }

    fn open(&mut self, sealed: &[u8], last: bool, out: &mut Vec<u8>) -> Result<(), VaultFault> {
        let start = out.len();
        out.extend_from_slice(sealed);
        let chunk = out.get_mut(start..).unwrap_or_default();
        let opened = self.key.open_in_place(self.nonce(last), Aad::from(&self.context), chunk);
        let Ok(length) = opened.map(|plain| plain.len()) else {
            out.truncate(start);
            return Err(VaultFault::Damaged(format!(
                "chunk {} is not the one written at its place",
                self.number
            )));
        };
        out.truncate(start + length);
        if last { Ok(()) } else { self.advance() }
    }
}

/// Encrypts; see the module for the format. A full chunk is held back until more comes, because it may be the last.
pub(crate) struct Sealer {
    chunks: Chunks,
    begun: bool,
    pending: Vec<u8>,
}

impl Sealer {
    fn begin(&mut self, out: &mut Vec<u8>) {
        if !self.begun {
            out.push(VERSION);
            out.extend_from_slice(&self.chunks.prefix);
            self.begun = true;
        }
    }
}

impl StreamSealer for Sealer {
    fn push(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), VaultFault> {
        self.begin(out);
        let chunks = &mut self.chunks;
        in_chunks(&mut self.pending, plain, CHUNK, |chunk| chunks.seal(chunk, false, out))
    }

    fn finish(mut self: Box<Self>, out: &mut Vec<u8>) -> Result<(), VaultFault> {
        self.begin(out);
        self.chunks.seal(&self.pending, true, out)
    }
}

/// Decrypts; see the module for the format.
struct Opener {
    chunks: Chunks,
    header: Vec<u8>,
    pending: Vec<u8>,
    /// Once a chunk was refused, so is everything after it.
    broken: bool,
}

impl Opener {
    /// Takes what belongs to the header and returns the rest.
    fn read_header<'a>(&mut self, sealed: &'a [u8]) -> Result<&'a [u8], VaultFault> {
        if self.header.len() == HEADER_LEN {
            return Ok(sealed);
        }
        let (header, rest) = sealed.split_at(sealed.len().min(HEADER_LEN - self.header.len()));
        self.header.extend_from_slice(header);
        match self.header.split_first() {
            Some((&version, _)) if version != VERSION => Err(VaultFault::Damaged(format!(
                "content has the format {version}, which this version does not know"
            ))),
            Some((_, prefix)) => {
                self.chunks.prefix = prefix.try_into().unwrap_or(self.chunks.prefix);
                Ok(rest)
            }
            None => Ok(rest),
        }
    }

    fn try_push(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), VaultFault> {
        let sealed = self.read_header(sealed)?;
        let chunks = &mut self.chunks;
        in_chunks(&mut self.pending, sealed, SEALED_CHUNK, |chunk| chunks.open(chunk, false, out))
    }

    fn refused() -> VaultFault {
        VaultFault::Damaged("an earlier chunk was refused".to_owned())
    }
}

impl StreamOpener for Opener {
    fn push(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), VaultFault> {
        if self.broken {
            return Err(Self::refused());
        }
        let result = self.try_push(sealed, out);
        self.broken = result.is_err();
        result
    }

    fn finish(mut self: Box<Self>, out: &mut Vec<u8>) -> Result<(), VaultFault> {
        if self.broken {
            return Err(Self::refused());
        }
        if self.header.len() < HEADER_LEN {
            return Err(VaultFault::Damaged("content was cut off in its header".to_owned()));
        }
        let pending = std::mem::take(&mut self.pending);
        self.chunks.open(&pending, true, out)
    }
}

/// Hands full chunks to `each`, except one that nothing follows yet: it stays in `pending`, because it may be the last.
fn in_chunks(
    pending: &mut Vec<u8>,
    mut bytes: &[u8],
    size: usize,
    mut each: impl FnMut(&[u8]) -> Result<(), VaultFault>,
) -> Result<(), VaultFault> {
    while !bytes.is_empty() {
        if pending.len() == size {
            each(pending)?;
            pending.clear();
        }
        if pending.is_empty() && bytes.len() > size {
            let (chunk, rest) = bytes.split_at(size);
            each(chunk)?;
            bytes = rest;
            continue;
        }
        let (piece, rest) = bytes.split_at(bytes.len().min(size - pending.len()));
        pending.extend_from_slice(piece);
        bytes = rest;
    }
    Ok(())
}

/// Without random numbers nothing is encrypted.
struct NoRandomness;

impl NoRandomness {
    fn fault() -> VaultFault {
        VaultFault::Unavailable("the machine gives no random numbers".to_owned())
    }
}

impl StreamSealer for NoRandomness {
    fn push(&mut self, _plain: &[u8], _out: &mut Vec<u8>) -> Result<(), VaultFault> {
        Err(Self::fault())
    }

    fn finish(self: Box<Self>, _out: &mut Vec<u8>) -> Result<(), VaultFault> {
        Err(Self::fault())
    }
}
