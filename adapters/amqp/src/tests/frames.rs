//! The frames of AMQP (0.9.1, 2.3.5), for the proxy that cuts.

use rohrpost_kit::conformance::{Kind, Speech, Unit};

/// What a connection begins with: `AMQP` and the version.
const HEADER: usize = 8;
/// Type, channel and size before a frame's payload, and one byte after it.
const AROUND: usize = 7 + 1;
/// The type of a frame that holds a method. Others hold content, which belongs to the method before, or are heartbeats.
const METHOD: u8 = 1;
/// Class and method (1.8): `basic.publish`.
const PUBLISH: [u8; 4] = [0, 60, 0, 40];

#[derive(Default)]
pub(super) struct Frames {
    greeted: bool,
}

impl Frames {
    pub(super) fn speech() -> Box<dyn Speech> {
        Box::new(Self::default())
    }
}

impl Speech for Frames {
    fn request(&mut self, bytes: &[u8]) -> Option<Unit> {
        if self.greeted {
            return frame(bytes);
        }
        self.greeted = bytes.len() >= HEADER;
        self.greeted.then_some(Unit { length: HEADER, kind: Kind::Aside })
    }

    fn answer(&mut self, bytes: &[u8]) -> Option<Unit> {
        frame(bytes)
    }
}

fn frame(bytes: &[u8]) -> Option<Unit> {
    let size = u32::from_be_bytes(bytes.get(3..7)?.try_into().ok()?) as usize;
    let length = size + AROUND;
    let whole = bytes.get(..length)?;
    let kind = match whole[0] {
        METHOD if whole.get(7..11) == Some(&PUBLISH) => Kind::Decides,
        METHOD => Kind::Counts,
        _ => Kind::Aside,
    };
    Some(Unit { length, kind })
}
