//! Contents as streams: any split gives the same, and none stands whole in memory.

use super::*;
use proptest::prelude::*;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

fn any_contents() -> impl Strategy<Value = Vec<Vec<u8>>> {
    proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 1..5)
}

fn container<'a>(contents: &[Vec<u8>], length: usize) -> Container<'a> {
    let mut all = contents
        .iter()
        .map(|bytes| content(ContentOutline::of_type("application/octet-stream"), bytes, length));
    Container::Plain { message: all.next().unwrap(), attachments: all.collect() }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, ..ProptestConfig::default() })]

    #[test]
    fn any_contents_in_any_split_come_out_as_they_went_in(contents in any_contents(), out in 1usize..90, into in 1usize..90, mtom: bool) {
        let form = if mtom { Form::Mtom } else { Form::Inline };
        let written = outgoing(Operation::SendMessage, Direction::Request).container(container(&contents, out), form).unwrap();
        let content_type = written.content_type.clone();
        let bytes = bytes_of(written);
        let (_, received, collected) = block_on(read_all(&content_type, &bytes, Expect::Request, into)).unwrap();
        prop_assert!(received.violations.is_empty());
        prop_assert!(collected.sorted().into_iter().map(|(_, bytes)| bytes).eq(contents));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), mtom: bool, length in 1usize..20) {
        let content_type = if mtom { "multipart/related; boundary=\"a\"" } else { INLINE };
        prop_assert!(block_on(read_all(content_type, &bytes, Expect::Request, length)).is_err());
    }

    #[test]
    fn a_broken_envelope_is_an_error_or_read_alike_in_any_split(at in 0usize..2000, byte: u8, length in 1usize..30, mtom: bool) {
        let form = if mtom { Form::Mtom } else { Form::Inline };
        let contents = [b"<a/>".to_vec(), b"\r\n--rohrpost".to_vec()];
        let written = outgoing(Operation::SendMessage, Direction::Request).container(container(&contents, 9), form).unwrap();
        let content_type = written.content_type.clone();
        let mut bytes = bytes_of(written);
        let at = at % bytes.len();
        bytes[at] = byte;
        let all = |length| block_on(read_all(&content_type, &bytes, Expect::Request, length)).map(|(_, _, it)| it.sorted());
        match (all(length), all(usize::MAX >> 1)) {
            (Ok(one), Ok(other)) => prop_assert_eq!(one, other),
            (Err(_), Err(_)) => {}
            (one, other) => prop_assert!(false, "{:?} {:?}", one, other),
        }
    }
}

/// Counts what is allocated, by thread: other tests run beside.
struct Counting;

thread_local! {
    static LARGEST: Cell<usize> = const { Cell::new(0) };
    static ALIVE: Cell<isize> = const { Cell::new(0) };
    static PEAK: Cell<isize> = const { Cell::new(0) };
}

fn count(size: isize) {
    let _ = LARGEST.try_with(|it| it.set(it.get().max(usize::try_from(size).unwrap_or(0))));
    let alive = ALIVE.try_with(|it| it.replace(it.get() + size) + size).unwrap_or(0);
    let _ = PEAK.try_with(|it| it.set(it.get().max(alive)));
}

// SAFETY: it only counts; all is handed to the system's allocator.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size().cast_signed());
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-layout.size().cast_signed());
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

const LARGE: u64 = 250_000_000;
const CHUNK: usize = 64 << 10;

/// Counts what comes, and keeps nothing of it.
#[derive(Default)]
struct Counted {
    size: u64,
    sum: u64,
}

impl Counted {
    fn add(&mut self, bytes: &[u8]) {
        self.size += bytes.len() as u64;
        self.sum = self.sum.wrapping_mul(31).wrapping_add(u64::from(bytes.first().copied().unwrap_or(0)));
    }
}

#[async_trait::async_trait]
impl ContentSink for Counted {
    async fn begin(&mut self, _: &ContentFacts) -> Result<(), BoxError> {
        Ok(())
    }
    async fn piece(&mut self, bytes: Bytes) -> Result<(), BoxError> {
        self.add(&bytes);
        Ok(())
    }
    async fn end(&mut self, _: &ContentEnd) -> Result<(), BoxError> {
        Ok(())
    }
}

#[test]
fn two_hundred_and_fifty_megabytes_go_through_both_ways_in_small_buffers() {
    let chunk = Bytes::from((0..CHUNK).map(|at| u8::try_from(at % 251).unwrap()).collect::<Vec<_>>());
    for form in [Form::Inline, Form::Mtom] {
        let count = LARGE / CHUNK as u64;
        let last = chunk.slice(..usize::try_from(LARGE % CHUNK as u64).unwrap());
        let source = stream::iter((0..count).map({
            let chunk = chunk.clone();
            move |_| Ok(chunk.clone())
        }))
        .chain(stream::iter([Ok(last)]));
        let large =
            OutgoingContent { outline: ContentOutline::of_type("application/pdf"), bytes: source.boxed() };
        let container = Container::Plain { message: large, attachments: Vec::new() };
        let written =
            outgoing(Operation::SendMessage, Direction::Request).container(container, form).unwrap();
        let wire_type = written.content_type.clone();
        let before = ALIVE.get();
        LARGEST.set(0);
        PEAK.set(before);
        let counted = block_on(async {
            let wire = Wire { content_type: &wire_type, soap_action: None };
            let (_, contents) =
                read_head(wire, Expect::Request, written.body, Limits::default()).await.unwrap();
            let mut sink = Counted::default();
            contents.read(&mut sink).await.unwrap();
            sink
        });
        let (largest, peak) = (LARGEST.get(), PEAK.get() - before);
        assert_eq!(counted.size, LARGE);
        assert!(largest <= 1 << 20, "{form:?}: one buffer of {largest} bytes");
        assert!(peak <= 4 << 20, "{form:?}: {peak} bytes at once");
    }
}
