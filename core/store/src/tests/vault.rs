//! A vault for tests: not secure, but it hides plain text, and it notices damage, other keys and other places.

use rohrpost_model::ports::{
    CHUNK, ContentKey, Issued, StreamOpener, StreamSealer, Vault, VaultFault, WrappedKey,
};
use rohrpost_model::{Digest, TenantName, Timestamp};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

static SERIAL: AtomicU64 = AtomicU64::new(1);
const NONCE: usize = 8;
const TAG: usize = 32;
const MASK: [u8; 32] = [0x5a; 32];

pub(crate) struct TestVault;

impl Vault for TestVault {
    fn issue(&self, tenant: &TenantName, _: Timestamp) -> Result<Issued, VaultFault> {
        let serial = SERIAL.fetch_add(1, Ordering::Relaxed);
        let secret = *Digest::of(format!("{tenant} {serial}").as_bytes()).as_bytes();
        let wrapped = WrappedKey { epoch: format!("{tenant}/2026-W48"), bytes: mask(secret).to_vec() };
        Ok(Issued { key: Arc::new(TestKey(secret)), wrapped })
    }

    fn open(&self, wrapped: &WrappedKey) -> Result<Arc<dyn ContentKey>, VaultFault> {
        let bytes = <[u8; 32]>::try_from(wrapped.bytes.as_slice());
        let secret = bytes.map_err(|_| VaultFault::Damaged("key".into()))?;
        Ok(Arc::new(TestKey(mask(secret))))
    }

    fn blind(&self, purpose: &str, value: &[u8]) -> Digest {
        Digest::of(&[purpose.as_bytes(), b"\0", value].concat())
    }
}

fn mask(mut secret: [u8; 32]) -> [u8; 32] {
    secret.iter_mut().zip(MASK).for_each(|(byte, mask)| *byte ^= mask);
    secret
}

struct TestKey([u8; 32]);

impl ContentKey for TestKey {
    fn sealer(&self, context: &[u8]) -> Box<dyn StreamSealer> {
        let nonce = SERIAL.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        Box::new(Sealer {
            stream: Stream::new(self.0, nonce, context),
            nonce: Some(nonce),
            waiting: Vec::new(),
        })
    }

    fn opener(&self, context: &[u8]) -> Box<dyn StreamOpener> {
        Box::new(Opener { secret: self.0, context: context.to_vec(), stream: None, waiting: Vec::new() })
    }
}

struct Stream {
    base: Vec<u8>,
    context: Vec<u8>,
    index: u64,
}

impl Stream {
    fn new(secret: [u8; 32], nonce: [u8; NONCE], context: &[u8]) -> Self {
        Self { base: [secret.as_slice(), &nonce].concat(), context: context.to_vec(), index: 0 }
    }

    /// A keystream that is quick rather than good: one digest per chunk, stretched by its position.
    fn xor(&self, bytes: &mut [u8]) {
        let pad = Digest::of(&[self.base.as_slice(), &self.index.to_be_bytes()].concat());
        for (block, part) in bytes.chunks_mut(32).enumerate() {
            let turn = (block as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).to_be_bytes();
            for (at, byte) in part.iter_mut().enumerate() {
                *byte ^= pad.as_bytes()[at] ^ turn[at % 8];
            }
        }
    }

    fn tag(&self, sealed: &[u8], last: bool) -> Digest {
        let index = self.index.to_be_bytes();
        let context = Digest::of(&self.context);
        Digest::of(&[&self.base, context.as_bytes().as_slice(), &index, &[u8::from(last)], sealed].concat())
    }
}

struct Sealer {
    stream: Stream,
    nonce: Option<[u8; NONCE]>,
    waiting: Vec<u8>,
}

impl Sealer {
    fn chunk(&mut self, mut chunk: Vec<u8>, last: bool, out: &mut Vec<u8>) {
        out.extend(self.nonce.take().into_iter().flatten());
        self.stream.xor(&mut chunk);
        out.extend_from_slice(&chunk);
        out.extend_from_slice(self.stream.tag(&chunk, last).as_bytes());
        self.stream.index += 1;
    }
}

impl StreamSealer for Sealer {
    fn push(&mut self, plain: &[u8], out: &mut Vec<u8>) -> Result<(), VaultFault> {
        self.waiting.extend_from_slice(plain);
        while self.waiting.len() > CHUNK {
            let rest = self.waiting.split_off(CHUNK);
            let chunk = std::mem::replace(&mut self.waiting, rest);
            self.chunk(chunk, false, out);
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, out: &mut Vec<u8>) -> Result<(), VaultFault> {
        let chunk = std::mem::take(&mut self.waiting);
        self.chunk(chunk, true, out);
        Ok(())
    }
}

struct Opener {
    secret: [u8; 32],
    context: Vec<u8>,
    stream: Option<Stream>,
    waiting: Vec<u8>,
}

impl Opener {
    fn chunk(&mut self, mut chunk: Vec<u8>, last: bool, out: &mut Vec<u8>) -> Result<(), VaultFault> {
        let damaged = || VaultFault::Damaged("chunk".into());
        let stream = self.stream.as_mut().ok_or_else(damaged)?;
        let tag = chunk.split_off(chunk.len().checked_sub(TAG).ok_or_else(damaged)?);
        if stream.tag(&chunk, last).as_bytes().as_slice() != tag {
            return Err(damaged());
        }
        stream.xor(&mut chunk);
        stream.index += 1;
        out.extend_from_slice(&chunk);
        Ok(())
    }
}

impl StreamOpener for Opener {
    fn push(&mut self, sealed: &[u8], out: &mut Vec<u8>) -> Result<(), VaultFault> {
        self.waiting.extend_from_slice(sealed);
        if self.stream.is_none() && self.waiting.len() >= NONCE {
            let rest = self.waiting.split_off(NONCE);
            let nonce = std::mem::replace(&mut self.waiting, rest);
            let nonce = nonce.try_into().map_err(|_| VaultFault::Damaged("nonce".into()))?;
            self.stream = Some(Stream::new(self.secret, nonce, &self.context));
        }
        while self.waiting.len() > CHUNK + TAG {
            let rest = self.waiting.split_off(CHUNK + TAG);
            let chunk = std::mem::replace(&mut self.waiting, rest);
            self.chunk(chunk, false, out)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>, out: &mut Vec<u8>) -> Result<(), VaultFault> {
        let chunk = std::mem::take(&mut self.waiting);
        self.chunk(chunk, true, out)
    }
}
