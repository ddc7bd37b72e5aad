//! The client for services of the outside: what it makes of each way to fail.

use std::{
    net::TcpListener,
    time::{Duration, Instant},
};

use billing_console::outside::{Answer, Client, NoAnswer, ServiceUrl};

use crate::peer::{Peer, Reply};

fn client(url: &str) -> Client {
    Client::new(ServiceUrl::parse(url).unwrap())
}

fn post(url: &str) -> Result<Answer, NoAnswer> {
    client(url).post_json("/path?serviceKey=canary-key", "{}")
}

#[test]
fn an_answer_is_an_answer_whatever_its_status_and_no_redirect_is_followed() {
    let peer = Peer::start(Reply::Answer(200, String::new()));
    let client = client(&peer.url());
    for status in [200, 204, 301, 307, 400, 401, 404, 429, 500, 502, 503] {
        let body = if status == 204 { "" } else { "{\"a\":1}" };
        peer.replies(Reply::Answer(status, body.into()));
        let answer = client.post_json("/path?q=1", "{\"b\":2}").ok().unwrap();
        assert_eq!(
            (answer.status, answer.body.as_slice()),
            (status, body.as_bytes())
        );
    }
    let asked = peer.asked();
    assert_eq!(asked.len(), 11, "each was asked once");
    assert_eq!(asked[0].line, "POST /path?q=1 HTTP/1.1");
    assert_eq!(asked[0].body, "{\"b\":2}");
    assert_eq!(peer.connections(), 1, "the connection is used again");
}

#[test]
fn what_could_not_be_connected_to_was_not_sent() {
    let plain = Peer::start(Reply::Answer(200, String::new()));
    let nobody = TcpListener::bind("127.0.0.1:0").unwrap().local_addr();
    // The kernel takes the connection; nobody answers the TLS greeting.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    for url in [
        format!("http://{}", nobody.unwrap()),
        format!("https://{}", plain.address),
        format!("https://{}", silent.local_addr().unwrap()),
        "https://nobody.invalid".to_owned(),
    ] {
        let began = Instant::now();
        let why = post(&url).err().unwrap();
        assert!(matches!(why, NoAnswer::NotSent(_)), "{url}: {why}");
        assert!(began.elapsed() < Duration::from_secs(7), "{url}");
        assert!(!format!("{why} {why:?}").contains("canary"));
    }
    assert!(plain.asked().is_empty());
}

#[test]
fn what_was_sent_without_a_whole_answer_is_unknown() {
    let huge = Reply::Answer(200, " ".repeat(1024 * 1024 + 1));
    for reply in [
        Reply::EndsUnread,
        Reply::EndsRead,
        Reply::EndsHalfway,
        Reply::NoHttp,
        huge,
    ] {
        let peer = Peer::start(reply);
        let why = post(&peer.url()).err().unwrap();
        assert!(matches!(why, NoAnswer::Unknown(_)), "{why}");
        assert!(!format!("{why} {why:?}").contains("canary"));
        assert!(peer.asked().len() <= 1, "nothing is sent twice");
    }
}

#[test]
fn a_call_ends_after_ten_seconds_and_with_32_of_them_the_next_is_not_sent() {
    let peer = Peer::start(Reply::Held(200, String::new()));
    let client = client(&peer.url());
    std::thread::scope(|scope| {
        let hanging: Vec<_> = (0..32)
            .map(|_| {
                scope.spawn(|| {
                    let began = Instant::now();
                    (client.post_json("/", "{}").err(), began.elapsed())
                })
            })
            .collect();
        peer.until_asked(32);
        let began = Instant::now();
        let why = client.post_json("/", "{}").err();
        assert!(matches!(why, Some(NoAnswer::NotSent(_))), "{why:?}");
        assert!(began.elapsed() < Duration::from_secs(4), "a short wait");
        for call in hanging {
            let (why, took) = call.join().unwrap();
            assert_eq!(why, Some(NoAnswer::Unknown("timed out")));
            assert!(took < Duration::from_secs(12), "{took:?}");
        }
    });
    assert_eq!(peer.asked().len(), 32);
    peer.replies(Reply::Answer(200, String::new()));
    assert!(client.post_json("/", "{}").is_ok(), "the places are free");
}
