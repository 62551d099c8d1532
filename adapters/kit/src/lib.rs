//! What every adapter shares.
//!
//! | To find | Look in |
//! |---|---|
//! | how configuration is read, with all its faults at once | [`settings`] |

pub mod settings;
