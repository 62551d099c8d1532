//! The content of a mapping folder, and the form in which it is kept as a pinned version.

use crate::standard::RESERVED;
use rohrpost_model::{Digest, MappingName};
use std::collections::BTreeMap;

/// The content of a mapping folder, without its `cases/`, and what it takes of installed standards. It is all that a mapping
/// depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// The mapping's name: that of its folder.
    pub name: MappingName,
    /// Files by path relative to the folder, with `/` between the parts.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// The bytes are not a kept bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a kept mapping: {0}")]
pub struct BadBundle(&'static str);

/// Stored format 1. Numbers are big-endian; a text or content is its length and its bytes.
///
/// ```text
/// "rohrpost-mapping" | u32 version | text name | u32 count | count × (text path | content), sorted by path
/// text    = u32 length | UTF-8
/// content = u64 length | bytes
/// ```
const MAGIC: &[u8] = b"rohrpost-mapping";
const VERSION: u32 = 1;

impl Bundle {
    /// The SHA-256 of [`Bundle::to_bytes`]: what a delivery pins.
    pub fn digest(&self) -> Digest {
        Digest::of(&self.to_bytes())
    }

    /// Without what it took of installed standards: what lies in the mapping's folder.
    pub fn without_standards(&self) -> Self {
        let own = self.files.iter().filter(|(path, _)| !path.starts_with(RESERVED));
        let files = own.map(|(path, content)| (path.clone(), content.clone())).collect();
        Self { name: self.name.clone(), files }
    }

    /// The stored form. The same content gives the same bytes for ever.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(VERSION.to_be_bytes());
        put_text(&mut bytes, self.name.as_str());
        bytes.extend(length32(self.files.len()).to_be_bytes());
        for (path, content) in &self.files {
            put_text(&mut bytes, path);
            bytes.extend((content.len() as u64).to_be_bytes());
            bytes.extend(content);
        }
        bytes
    }

    /// Reads the stored form of any version written so far.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadBundle> {
        let mut rest = bytes.strip_prefix(MAGIC).ok_or(BadBundle("it begins otherwise"))?;
        if take32(&mut rest)? != VERSION {
            return Err(BadBundle("its version is unknown"));
        }
        let name = take_text(&mut rest)?.parse().map_err(|_| BadBundle("its name is none"))?;
        let mut files = BTreeMap::new();
        for _ in 0..take32(&mut rest)? {
            let path = take_text(&mut rest)?.to_owned();
            let length = u64::from_be_bytes(take(&mut rest)?);
            let content = take_slice(&mut rest, length)?.to_vec();
            files.insert(path, content);
        }
        if !rest.is_empty() {
            return Err(BadBundle("something follows its end"));
        }
        Ok(Self { name, files })
    }
}

/// A folder has far fewer files, and a path far fewer bytes, than fit.
fn length32(length: usize) -> u32 {
    u32::try_from(length).unwrap_or(u32::MAX)
}

fn put_text(bytes: &mut Vec<u8>, text: &str) {
    bytes.extend(length32(text.len()).to_be_bytes());
    bytes.extend(text.as_bytes());
}

const SHORT: BadBundle = BadBundle("it ends too early");

fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], BadBundle> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(SHORT)?;
    *rest = tail;
    Ok(*head)
}

fn take32(rest: &mut &[u8]) -> Result<u32, BadBundle> {
    take(rest).map(u32::from_be_bytes)
}

fn take_slice<'b>(rest: &mut &'b [u8], length: u64) -> Result<&'b [u8], BadBundle> {
    let length = usize::try_from(length).map_err(|_| SHORT)?;
    let (head, tail) = rest.split_at_checked(length).ok_or(SHORT)?;
    *rest = tail;
    Ok(head)
}

fn take_text<'b>(rest: &mut &'b [u8]) -> Result<&'b str, BadBundle> {
    let length = take32(rest)?;
    std::str::from_utf8(take_slice(rest, length.into())?).map_err(|_| BadBundle("a name in it is no text"))
}
