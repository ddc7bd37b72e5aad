//! Connections on which no whole request comes, and those whose answers nobody takes. The server gives a connection's
//! first head ten seconds; without this a later one could come byte by byte for ever.

use std::{any::Any, cell::Cell, os::fd::OwnedFd, rc::Rc, time::Duration};

use actix_web::{
    HttpRequest,
    dev::Extensions,
    rt::{self, net::TcpStream, task::JoinHandle, time::Instant},
};
use rustix::{
    fd::AsFd,
    net::{Shutdown, shutdown},
};

/// How long a connection is kept on which nothing comes.
pub const KEEP_ALIVE: Duration = Duration::from_secs(5);
/// How long one may have no request: as long as it is kept, and nine seconds for a head.
const WITHOUT_REQUEST: Duration = Duration::from_secs(14);
/// How much longer the last answers may take on their way: enough for 10 kB a second.
const LAST_ANSWERS: Duration = Duration::from_secs(30);

/// A connection, as its requests know it.
pub struct Connection {
    socket: OwnedFd,
    requests: Cell<usize>,
    idle_since: Cell<Instant>,
}

/// Its owner: with it ends the watch.
struct Watched {
    connection: Rc<Connection>,
    watch: JoinHandle<()>,
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.watch.abort();
    }
}

/// A request that is being answered: as long, its connection is not idle.
pub struct Running(Rc<Connection>);

impl Running {
    /// Notes that a request has come whole.
    pub fn begin(request: &HttpRequest) -> Option<Self> {
        let watched = request.conn_data::<Watched>()?;
        let connection = watched.connection.clone();
        connection.requests.set(connection.requests.get() + 1);
        Some(Self(connection))
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.0.requests.set(self.0.requests.get() - 1);
        self.0.idle_since.set(Instant::now());
    }
}

/// Whether a request came over a connection of the server's, so that its body lies in the server's buffer.
pub fn brought(request: &HttpRequest) -> bool {
    request.conn_data::<Watched>().is_some()
}

/// For the server: watches a new connection.
pub fn watch(io: &dyn Any, data: &mut Extensions) {
    let stream = io.downcast_ref::<TcpStream>();
    // Without another descriptor it is not watched, and served all the same.
    let Some(Ok(socket)) = stream.map(|stream| stream.as_fd().try_clone_to_owned()) else {
        return;
    };
    let connection = Rc::new(Connection {
        socket,
        requests: Cell::new(0),
        idle_since: Cell::new(Instant::now()),
    });
    let watch = rt::spawn(end_when_idle(connection.clone()));
    data.insert(Watched { connection, watch });
}

/// Nothing more is read; what is still being written is written, unless nobody takes it.
async fn end_when_idle(connection: Rc<Connection>) {
    loop {
        let until = connection.idle_since.get() + WITHOUT_REQUEST;
        if connection.requests.get() > 0 {
            rt::time::sleep(WITHOUT_REQUEST).await;
        } else if Instant::now() < until {
            rt::time::sleep_until(until).await;
        } else {
            let _ = shutdown(&connection.socket, Shutdown::Read);
            rt::time::sleep(LAST_ANSWERS).await;
            let _ = shutdown(&connection.socket, Shutdown::Both);
            return;
        }
    }
}
