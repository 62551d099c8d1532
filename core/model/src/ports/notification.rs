use crate::DeliveryId;

/// What somebody outside says of a delivery, unasked: a payment provider tells how a payment ended, or a citizen's browser comes
/// back from it. It comes over the hub's API without a log-in.
#[derive(Clone, Copy, Debug)]
pub struct Notification<'a> {
    /// The query of the address, as it was sent.
    pub query: &'a str,
    /// The body, as it was sent: a form, or nothing.
    pub body: &'a [u8],
}

/// A notification that comes from whom it must come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Noticed {
    /// Which delivery it speaks of.
    pub delivery: DeliveryId,
    /// Where a browser goes on; `None` where no browser is waiting.
    pub then: Option<String>,
}

/// A notification that is not signed as it must be, or cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forged;
