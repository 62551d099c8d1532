use std::time::Duration;

/// How much the store holds at a time. The defaults suit one machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreOptions {
    /// Stored contents above so many bytes become files of their own.
    pub inline_bytes: usize,
    /// A segment that has so many bytes is not appended to any more.
    pub segment_bytes: u64,
    /// At most so many works share one commit.
    pub group: usize,
    /// A group takes no further work once it carries so many bytes of content.
    pub group_bytes: usize,
    /// So long the writer waits for more after a group that several shared: each commit costs processor time that the
    /// others want. Whoever comes alone never waits.
    pub pause: Duration,
    /// So many works wait for the writer before callers do.
    pub queue: usize,
    /// Connections that read.
    pub readers: usize,
    /// Bytes of recently written (encrypted) content that are handed on from memory.
    pub recent_bytes: usize,
    /// Data keys that are kept open.
    pub open_keys: usize,
    /// Submissions that are handed on from memory, without their contents.
    pub fresh: usize,
    /// Deliveries of a tenant that are read ahead for a destination, more where more are wanted; at most twice as many are
    /// held in memory.
    pub ahead: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            inline_bytes: 256 << 10,
            segment_bytes: 256 << 20,
            group: 256,
            group_bytes: 8 << 20,
            pause: Duration::from_millis(1),
            queue: 1024,
            readers: 4,
            recent_bytes: 8 << 20,
            open_keys: 2048,
            fresh: 1024,
            ahead: 64,
        }
    }
}
