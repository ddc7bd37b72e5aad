//! A service of the outside on this machine: what it answers is set by the test, what it was asked is kept.

use std::{
    collections::VecDeque,
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    time::{Duration, Instant},
};

/// How it treats a request.
#[derive(Debug, Clone)]
pub enum Reply {
    /// A whole answer.
    Answer(u16, String),
    /// The connection ends before the request is read.
    EndsUnread,
    /// The connection ends when the request is read.
    EndsRead,
    /// The answer ends before its length.
    EndsHalfway,
    /// Something that is not HTTP.
    NoHttp,
    /// This answer once [`Peer::release`] is called.
    Held(u16, String),
}

/// One request: its first line, its `Authorization` and its body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub line: String,
    pub authorization: String,
    pub body: String,
}

struct Shared {
    /// The last one stays for all that come after.
    replies: Mutex<VecDeque<Reply>>,
    asked: Mutex<Vec<Asked>>,
    connections: Mutex<usize>,
    is_released: Mutex<bool>,
    released: Condvar,
}

pub struct Peer {
    pub address: SocketAddr,
    shared: Arc<Shared>,
}

impl Peer {
    pub fn start(reply: Reply) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            replies: Mutex::new([reply].into()),
            asked: Mutex::default(),
            connections: Mutex::default(),
            is_released: Mutex::default(),
            released: Condvar::new(),
        });
        let kept = shared.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = kept.clone();
                *shared.connections.lock().unwrap() += 1;
                // A client that goes away ends the thread.
                std::thread::spawn(move || shared.serve(stream.unwrap()));
            }
        });
        Self { address, shared }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub fn replies(&self, reply: Reply) {
        *self.shared.replies.lock().unwrap() = [reply].into();
    }

    /// One after another, for what is asked from now on.
    pub fn replies_in_turn(&self, replies: Vec<Reply>) {
        *self.shared.replies.lock().unwrap() = replies.into();
        self.shared.asked.lock().unwrap().clear();
    }

    pub fn release(&self) {
        *self.shared.is_released.lock().unwrap() = true;
        self.shared.released.notify_all();
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.shared.asked.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        *self.shared.connections.lock().unwrap()
    }

    /// Waits until it was asked so often.
    pub fn until_asked(&self, times: usize) {
        let began = Instant::now();
        while self.asked().len() < times {
            assert!(began.elapsed() < Duration::from_secs(30), "nobody asked");
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Shared {
    fn serve(&self, stream: TcpStream) -> Option<()> {
        let mut reader = BufReader::new(stream.try_clone().ok()?);
        let mut out = stream;
        loop {
            if matches!(self.replies.lock().unwrap()[0], Reply::EndsUnread) {
                return None;
            }
            let asked = read(&mut reader)?;
            self.asked.lock().unwrap().push(asked);
            match self.next_reply() {
                Reply::EndsUnread | Reply::EndsRead => return None,
                Reply::EndsHalfway => {
                    write!(out, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{{\"st").ok()?;
                    return None;
                }
                Reply::NoHttp => {
                    write!(out, "220 ready\r\n").ok()?;
                    return None;
                }
                Reply::Answer(status, body) => answer(&mut out, status, &body)?,
                Reply::Held(status, body) => {
                    let is_released = self.is_released.lock().unwrap();
                    drop(
                        self.released
                            .wait_while(is_released, |is_released| !*is_released),
                    );
                    answer(&mut out, status, &body)?;
                }
            }
        }
    }

    fn next_reply(&self) -> Reply {
        let mut replies = self.replies.lock().unwrap();
        if replies.len() > 1 {
            replies.pop_front().unwrap()
        } else {
            replies[0].clone()
        }
    }
}

fn read(reader: &mut BufReader<TcpStream>) -> Option<Asked> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut length = 0;
    let mut authorization = String::new();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => value.clone_into(&mut authorization),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Asked {
        line: line.trim_end().to_owned(),
        authorization,
        body: String::from_utf8(body).ok()?,
    })
}

fn answer(out: &mut TcpStream, status: u16, body: &str) -> Option<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nLocation: /elsewhere\r\nContent-Length: {length}\r\n\r\n"
    );
    out.write_all(&[head.as_bytes(), body.as_bytes()].concat())
        .ok()
}
