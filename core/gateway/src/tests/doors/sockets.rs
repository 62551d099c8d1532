//! Bounds of a door: who gets in, how long a body may rest, what is replaced while it is served.

use super::{Served, answer, ask, beside, echoing, proxy, send, told};
use crate::{Door, Endpoint, ListenFault, Settings};
use axum::Router;
use axum::routing::get;
use std::time::Duration;

#[tokio::test]
async fn without_tls_another_machine_must_be_a_named_proxy() {
    let door = |proxies| Door::new(Endpoint::new(echoing(), proxies), None);
    let open = "0.0.0.0:0".parse().unwrap();
    assert!(matches!(door(Vec::new()).listen(open).await, Err(ListenFault::NotLoopback(_))));
    let behind = door(vec![proxy("127.0.0.1", "X-Client-Cert")]);
    let served = Served::at("0.0.0.0:0", behind, Settings::default()).await;
    let mut first = served.connect();
    let expected = Ok((200, told("127.0.0.1", None, false)));
    let (mut first, told) = beside(move || {
        let told = ask(&mut first, "/who", &[]);
        (first, told)
    })
    .await;
    assert_eq!(told, expected);
    // The next configuration names another proxy: what connects from then on is dropped, and nothing else.
    served.door.adopt(Endpoint::new(echoing(), vec![proxy("10.0.0.7", "X-Client-Cert")]), None);
    let mut stranger = served.connect();
    let (old, new) = beside(move || (ask(&mut first, "/who", &[]), ask(&mut stranger, "/who", &[]))).await;
    assert_eq!(old, expected, "a connection that is there stays");
    assert!(new.is_err(), "{new:?}");
    // One that names none lets nobody in: the socket stays as it was opened.
    served.door.adopt(Endpoint::new(echoing(), Vec::new()), None);
    let mut stranger = served.connect();
    assert!(beside(move || ask(&mut stranger, "/who", &[])).await.is_err());
}

#[tokio::test]
async fn other_routes_hold_from_the_next_request_on_and_no_connection_is_dropped() {
    let served = Served::plain(Vec::new()).await;
    let mut stream = served.connect();
    let door = std::sync::Arc::clone(&served.door);
    let (before, after, gone) = beside(move || {
        let before = ask(&mut stream, "/who", &[]).unwrap();
        let other = Router::new().route("/other", get(async || "other"));
        door.adopt(Endpoint::new(other, Vec::new()), None);
        (before, ask(&mut stream, "/other", &[]).unwrap(), ask(&mut stream, "/who", &[]).unwrap())
    })
    .await;
    assert_eq!((before.0, after, gone.0), (200, (200, "other".to_owned()), 404));
}

#[tokio::test]
async fn a_body_may_be_of_any_size_but_must_not_rest() {
    let door = Door::new(Endpoint::new(echoing(), Vec::new()), None);
    let settings = Settings { piece: Duration::from_millis(100), ..Settings::default() };
    let (impatient, served) =
        (Served::at("127.0.0.1:0", door, settings).await, Served::plain(Vec::new()).await);
    let (mut large, mut slow) = (served.connect(), impatient.connect());
    let size = 8 << 20;
    let taken = beside(move || {
        send(
            &mut large,
            format!("POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n").as_bytes(),
        )?;
        send(&mut large, &vec![b'x'; size])?;
        answer(&mut large)
    });
    assert_eq!(taken.await, Ok((200, size.to_string())));
    let stopped = beside(move || {
        send(&mut slow, b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nbegun")?;
        answer(&mut slow).map(|said| (said.0, ask(&mut slow, "/who", &[]).is_err()))
    });
    assert_eq!(stopped.await, Ok((408, true)), "the endpoint hears of it, and the connection ends");
}

#[tokio::test]
async fn a_sender_that_is_refused_while_it_sends_gets_the_answer() {
    let served = Served::plain(Vec::new()).await;
    let mut stream = served.connect();
    let size = 16 << 20;
    let refused = beside(move || {
        send(
            &mut stream,
            format!("POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: {size}\r\n\r\n").as_bytes(),
        )?;
        send(&mut stream, &vec![b'x'; size])?;
        answer(&mut stream)
    });
    assert_eq!(refused.await.map(|(status, _)| status), Ok(403));
}

#[tokio::test]
async fn connections_are_bounded_and_requests_end_before_the_door_closes() {
    let door = Door::new(Endpoint::new(echoing(), Vec::new()), None);
    let served = Served::at("127.0.0.1:0", door, Settings { connections: 1, ..Settings::default() }).await;
    let mut first = served.connect();
    let mut first = beside(move || {
        send(
            &mut first,
            b"POST /length HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n",
        )
        .unwrap();
        let mut word = [0; 25];
        std::io::Read::read_exact(&mut first, &mut word).unwrap();
        assert!(word.starts_with(b"HTTP/1.1 100"));
        first
    })
    .await;
    let mut second = served.connect();
    second.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let waits = beside(move || ask(&mut second, "/who", &[])).await;
    assert!(waits.is_err(), "there is one place, and it is taken: {waits:?}");
    served.stop.send(true).unwrap();
    let ended = beside(move || {
        send(&mut first, b"four")?;
        answer(&mut first)
    });
    assert_eq!(ended.await, Ok((200, "4".to_owned())));
    served.task.await.unwrap();
}
