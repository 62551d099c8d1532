use super::StoreFault;
use crate::Digest;
use crate::version::VersionKind;
use async_trait::async_trait;

/// Keeps the versions that deliveries pin, content-addressed, for as long as a delivery pins them.
///
/// The configuration is activated in this order: keep every version, then accept under them. So a pinned version is
/// always there. The content carries no secret, and what is pinned no address either.
#[async_trait]
pub trait Versions: Send + Sync {
    /// Keeps `content` under its digest, durably; does nothing if it is kept already.
    async fn keep(&self, kind: VersionKind, content: &[u8]) -> Result<Digest, StoreFault>;

    /// The content under `digest`.
    async fn load(&self, kind: VersionKind, digest: &Digest) -> Result<Option<Vec<u8>>, StoreFault>;
}
