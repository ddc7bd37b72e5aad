//! A console of a target's own, on the demo's data, and a request to it.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    path::PathBuf,
    sync::{Arc, LazyLock},
    time::Duration,
};

use actix_web::web::Data;
use billing_console::{
    app::{Services, serve},
    clock::{Clock, StillClock},
    db::Database,
    demo,
    secrets::{SecretKey, to_hex},
    settings::{Gateway, Settings},
};
use chrono::{NaiveDate, NaiveDateTime, TimeDelta};

/// The console's, which stands still until the target moves it.
static CLOCK: LazyLock<Arc<StillClock>> = LazyLock::new(|| {
    let day = NaiveDate::from_ymd_opt(2026, 11, 24).expect("a day");
    Arc::new(StillClock::new(day.and_hms_opt(5, 2, 11).expect("a time")))
});

pub fn now() -> NaiveDateTime {
    CLOCK.now()
}

#[allow(dead_code, reason = "not every target moves it")]
pub fn let_an_hour_pass() {
    CLOCK.advance(TimeDelta::hours(1));
}

/// Starts a console that runs as long as the target and says where it listens.
pub fn start(gateway: Gateway) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let file = folder().join(format!("{}.db", address.port()));
    let db = Database::open(&format!("sqlite:{}", file.display()).parse().expect("a URL"));
    let db = db.expect("a database");
    db.migrate().expect("a schema");
    demo::fill(&mut db.connection().expect("a connection"), now()).expect("the demo's data");
    let settings = Settings {
        listen: address,
        base_url: format!("http://{address}"),
        trusted_proxies: vec!["127.0.0.1".parse().expect("an address")],
        secret_key: SecretKey::from_hex(&to_hex(&[1; 64])).expect("a key"),
        provider_name: "Northwind Cloud".into(),
        helpdesk_url: None,
        helpdesk_email: None,
        terms_dir: None,
        tax_service: None,
        sandbox_phone_code: Some("123456".into()),
        demo: matches!(gateway, Gateway::Sandbox),
        gateway,
    };
    let services = Services::new(settings, db, CLOCK.clone());
    let services = Data::new(services.expect("services"));
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(serve(services, listener, || {}))
    });
    address
}

/// Of this run; best in memory (`TMPDIR`), since every request that writes waits for the disk.
fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("billing-console-fuzz-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder");
    folder
}

/// What was answered.
#[allow(dead_code, reason = "not every target looks at all of it")]
pub struct Answer {
    pub status: u16,
    pub head: String,
    pub body: Vec<u8>,
}

#[allow(dead_code, reason = "not every target looks at all of it")]
impl Answer {
    /// The value of a header, the name in small letters.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.head
            .lines()
            .filter_map(|line| line.split_once(": "))
            .find(|(of, _)| of.eq_ignore_ascii_case(name))
            .map(|(_, value)| value)
    }
}

/// Sends one request on a connection of its own: `line` is method and target, each of `headers` a whole line.
pub fn ask(address: SocketAddr, line: &[u8], headers: &[Vec<u8>], body: &[u8]) -> Answer {
    let mut request = line.to_vec();
    request.extend_from_slice(b" HTTP/1.1\r\n");
    for header in headers {
        request.extend_from_slice(header);
        request.extend_from_slice(b"\r\n");
    }
    let rest = format!(
        "connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    request.extend_from_slice(rest.as_bytes());
    request.extend_from_slice(body);

    let mut stream = TcpStream::connect(address).expect("a connection");
    stream
        .set_read_timeout(Some(Duration::from_secs(8)))
        .expect("a timeout");
    // What is refused early may be answered before all is sent.
    let _ = stream.write_all(&request);
    let mut answer = Vec::new();
    let ended = stream.read_to_end(&mut answer);
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    let Some(end) = end else {
        panic!("no answer: {ended:?}");
    };
    let head = String::from_utf8(answer[..end].to_vec()).expect("a head");
    Answer {
        status: head
            .get(9..12)
            .and_then(|digits| digits.parse().ok())
            .expect("a status"),
        head,
        body: answer.split_off(end + 4),
    }
}
