//! What a sender may hand in at most.

use std::time::Duration;

/// Limits of one submission.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// The structured data, in bytes. It is held in memory while it is checked.
    pub data_bytes: u64,
    /// One attachment, in bytes. It is streamed.
    pub attachment_bytes: u64,
    /// How many attachments.
    pub attachments: u32,
    /// How deep elements or JSON values may be nested.
    pub depth: u32,
    /// How long a sender may take to hand in one submission.
    pub receive: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            data_bytes: 16 << 20,
            attachment_bytes: 2 << 30,
            attachments: 100,
            depth: 256,
            receive: Duration::from_secs(600),
        }
    }
}
