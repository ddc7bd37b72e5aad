//! A TCP proxy between the console and its database, which a test cuts or holds.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    thread,
    time::Duration,
};

/// What becomes of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Line {
    /// They go through.
    Open,
    /// Connections are closed, also new ones.
    Cut,
    /// Nothing moves and nothing is closed.
    Held,
}

pub struct Proxy {
    pub address: SocketAddr,
    line: Arc<AtomicU8>,
}

impl Proxy {
    pub fn to(server: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let line = Arc::new(AtomicU8::new(Line::Open as u8));
        let shared = line.clone();
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let line = shared.clone();
                thread::spawn(move || connect(&client, server, &line));
            }
        });
        Self { address, line }
    }

    pub fn set(&self, line: Line) {
        self.line.store(line as u8, Ordering::SeqCst);
    }
}

fn connect(client: &TcpStream, server: SocketAddr, line: &Arc<AtomicU8>) {
    while is(line, Line::Held) {
        thread::sleep(TICK);
    }
    if is(line, Line::Cut) {
        return;
    }
    let Ok(server) = TcpStream::connect(server) else {
        return;
    };
    thread::scope(|scope| {
        scope.spawn(|| pass(client, &server, line));
        pass(&server, client, line);
    });
}

const TICK: Duration = Duration::from_millis(20);

fn is(line: &AtomicU8, wanted: Line) -> bool {
    line.load(Ordering::SeqCst) == wanted as u8
}

/// One direction, until either side closes or the line is cut.
fn pass(mut from: &TcpStream, mut to: &TcpStream, line: &AtomicU8) {
    let mut bytes = [0; 16384];
    from.set_read_timeout(Some(TICK)).unwrap();
    while !is(line, Line::Cut) {
        if is(line, Line::Held) {
            thread::sleep(TICK);
            continue;
        }
        match from.read(&mut bytes) {
            Ok(0) => break,
            Ok(count) => {
                while is(line, Line::Held) {
                    thread::sleep(TICK);
                }
                if to.write_all(&bytes[..count]).is_err() {
                    break;
                }
            }
            Err(error)
                if matches!(
                    error.kind(),
                    std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut
                ) => {}
            Err(_) => break,
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}
