//! The one HTTP client for services of the outside. It blocks: it is called where a lost client cannot stop it. What it
//! tells of a failure is a word of its own, since ureq's errors can hold the address, and with it a key.

mod address;
mod connection;
mod places;

use std::{fmt, io, time::Duration};

pub use address::{Authorization, ServiceKey, ServiceUrl};
use places::Places;
use ureq::Timeout;
use zeroize::Zeroizing;

/// Until a connection stands, TLS included; the name's look-up may take as long once more.
const CONNECT: Duration = Duration::from_secs(3);

/// A whole call, from the name's look-up to the last byte of the answer.
pub const CALL: Duration = Duration::from_secs(10);

/// How long a call waits for a place.
const WAIT: Duration = Duration::from_secs(2);

/// Calls of one service at once: one that hangs takes no other's place.
const AT_ONCE: usize = 32;

/// The longest body that is read.
const LONGEST_ANSWER: u64 = 1024 * 1024;

/// One service of the outside: its connections and the calls that run.
pub struct Client {
    base: ServiceUrl,
    agent: ureq::Agent,
    authorization: Option<Authorization>,
    places: Places,
}

/// What a service answered, whatever the status. No Debug: a body is nobody's to print.
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The body, whole; wiped when dropped, since it may name a person.
    pub body: Zeroizing<Vec<u8>>,
}

/// Why there is no answer, in words that hold nothing of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NoAnswer {
    /// No byte of the request left: it had no effect.
    NotSent(&'static str),
    /// The request, or a part of it, left: whether it had an effect is unknown.
    Unknown(&'static str),
}

impl fmt::Display for NoAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotSent(why) => write!(f, "not reached ({why})"),
            Self::Unknown(why) => write!(f, "no whole answer ({why})"),
        }
    }
}

impl Client {
    /// A client of the service at this address. Redirects are answers like any other. A proxy is that of
    /// `HTTPS_PROXY`; a service on this machine is asked without one.
    pub fn new(base: ServiceUrl) -> Self {
        let proxy = base.is_https().then(ureq::Proxy::try_from_env).flatten();
        let config = ureq::Agent::config_builder()
            .proxy(proxy)
            .http_status_as_error(false)
            .max_redirects(0)
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(CALL))
            .max_idle_connections(AT_ONCE)
            .max_idle_connections_per_host(AT_ONCE)
            .user_agent(concat!("billing-console/", env!("CARGO_PKG_VERSION")))
            .build();
        Self {
            agent: connection::agent(config),
            authorization: None,
            places: Places::new(AT_ONCE),
            base,
        }
    }

    /// With this `Authorization` header on every call.
    #[must_use]
    pub fn authorized(mut self, authorization: Authorization) -> Self {
        self.authorization = Some(authorization);
        self
    }

    /// Posts JSON and reads the whole answer; blocks for at most 12 s (2 s for a place, 10 s for the call).
    /// `path_and_query` begins with a slash.
    ///
    /// # Errors
    /// [`NoAnswer`]
    pub fn post_json(&self, path_and_query: &str, json: &str) -> Result<Answer, NoAnswer> {
        self.call(|| {
            self.prepared(self.agent.post(self.address(path_and_query)))
                .header("Content-Type", "application/json")
                .send(json)
        })
    }

    /// Posts an empty body, else like [`Self::post_json`].
    ///
    /// # Errors
    /// [`NoAnswer`]
    pub fn post_empty(&self, path_and_query: &str) -> Result<Answer, NoAnswer> {
        self.call(|| {
            self.prepared(self.agent.post(self.address(path_and_query)))
                .send_empty()
        })
    }

    /// Gets an answer in at most `within` (10 s at the longest), besides the 2 s for a place.
    ///
    /// # Errors
    /// [`NoAnswer`]
    pub fn get(&self, path_and_query: &str, within: Duration) -> Result<Answer, NoAnswer> {
        self.call(|| {
            self.prepared(self.agent.get(self.address(path_and_query)))
                .config()
                .timeout_global(Some(within.min(CALL)))
                .build()
                .call()
        })
    }

    /// Deletes, else like [`Self::post_json`].
    ///
    /// # Errors
    /// [`NoAnswer`]
    pub fn delete(&self, path_and_query: &str) -> Result<Answer, NoAnswer> {
        self.call(|| {
            self.prepared(self.agent.delete(self.address(path_and_query)))
                .call()
        })
    }

    fn address(&self, path_and_query: &str) -> String {
        format!("{}{path_and_query}", self.base.as_str())
    }

    fn prepared<Kind>(&self, request: ureq::RequestBuilder<Kind>) -> ureq::RequestBuilder<Kind> {
        let request = request.header("Accept", "application/json");
        match &self.authorization {
            Some(authorization) => request.header("Authorization", authorization.as_str()),
            None => request,
        }
    }

    fn call(
        &self,
        send: impl FnOnce() -> Result<ureq::http::Response<ureq::Body>, ureq::Error>,
    ) -> Result<Answer, NoAnswer> {
        let _place = self
            .places
            .take(WAIT)
            .ok_or(NoAnswer::NotSent("too many calls wait for this service"))?;
        connection::begin();
        send()
            .and_then(read)
            .map_err(|error| match (connection::was_used(), reason(&error)) {
                (false, why) => NoAnswer::NotSent(why),
                (true, why) => NoAnswer::Unknown(why),
            })
    }
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer, ureq::Error> {
    let body = response.body_mut().with_config().limit(LONGEST_ANSWER);
    Ok(Answer {
        body: Zeroizing::new(body.read_to_vec()?),
        status: response.status().as_u16(),
    })
}

/// What the operator is told of an error, without a word of its text.
fn reason(error: &ureq::Error) -> &'static str {
    match error {
        ureq::Error::HostNotFound => "its name is not found",
        ureq::Error::Timeout(Timeout::Resolve) => "the look-up of its name timed out",
        ureq::Error::Timeout(Timeout::Connect) => "the connection timed out",
        ureq::Error::Timeout(_) => "timed out",
        ureq::Error::ConnectProxyFailed(_) => "the proxy refused",
        ureq::Error::BodyExceedsLimit(_) | ureq::Error::LargeResponseHeader(..) => "too long",
        ureq::Error::Protocol(_) | ureq::Error::Http(_) => "not HTTP",
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::TlsRequired => "TLS failed",
        ureq::Error::Io(error) => match error.kind() {
            io::ErrorKind::ConnectionRefused => "connection refused",
            io::ErrorKind::TimedOut => "timed out",
            // Rustls tells a certificate that it does not trust, and what is no TLS, in this way.
            io::ErrorKind::InvalidData => "TLS or the certificate failed",
            io::ErrorKind::UnexpectedEof
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe => "the connection ended",
            _ => "the network, or the look-up of its name, failed",
        },
        _ => "the call failed",
    }
}
