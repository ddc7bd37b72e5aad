//! As much of HTTP/1.1 as a provider on this machine needs.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::TcpStream,
};

/// One request.
#[derive(Clone)]
pub struct Request {
    pub method: String,
    /// Path and query as they came.
    pub target: String,
    /// The path's segments.
    pub path: Vec<String>,
    pub query: String,
    pub authorization: String,
    pub body: Vec<u8>,
}

/// The next request of a connection; none at its end.
pub fn read(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let mut line = String::new();
    reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    let (mut length, mut authorization) = (0, String::new());
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
    Some(Request {
        method,
        path: path.split('/').skip(1).map(decoded).collect(),
        query: decoded(query),
        target: target.clone(),
        authorization,
        body,
    })
}

fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = (*first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|digits| u8::from_str_radix(std::str::from_utf8(digits).ok()?, 16).ok());
        match escaped {
            Some(byte) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Writes an answer, or its first half.
pub fn answer(out: &mut TcpStream, status: u16, body: &str, is_whole: bool) -> Option<()> {
    let head = format!(
        "HTTP/1.1 {status} -\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    let sent = if is_whole { body.len() } else { body.len() / 2 };
    let bytes = [head.as_bytes(), &body.as_bytes()[..sent]].concat();
    out.write_all(&bytes).ok()
}
