//! Connections that note whether anything of a request left. Only a connection that stands, with its TLS, can be
//! written to; so what failed before the first write was not sent, and after it nobody knows. The kind of an error
//! does not tell this: a refused certificate and a broken record look alike.

use std::cell::Cell;

use ureq::{
    Agent, Error,
    config::Config,
    unversioned::{
        resolver::DefaultResolver,
        transport::{
            Buffers, ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport,
        },
    },
};

thread_local! {
    /// Of the call that runs in this thread.
    static USED: Cell<bool> = const { Cell::new(false) };
}

/// A call begins in this thread.
pub(super) fn begin() {
    USED.set(false);
}

/// Whether anything of this thread's call was given to a connection.
pub(super) fn was_used() -> bool {
    USED.get()
}

/// An agent with such connections.
pub(super) fn agent(config: Config) -> Agent {
    let by_proxy = config.proxy().is_some();
    let connector = DefaultConnector::default().chain(Noting { by_proxy });
    Agent::with_parts(config, connector, DefaultResolver::default())
}

#[derive(Debug)]
struct Noting {
    by_proxy: bool,
}

impl<In: Transport> Connector<In> for Noting {
    type Out = Noted<In>;

    fn connect(
        &self,
        details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        // The connection to the proxy itself, over which the one to the service is made, has settings without it.
        let is_to_service = details.config.proxy().is_some() == self.by_proxy;
        Ok(chained.map(|transport| Noted {
            transport,
            is_to_service,
        }))
    }
}

#[derive(Debug)]
struct Noted<In> {
    transport: In,
    is_to_service: bool,
}

impl<In: Transport> Transport for Noted<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.transport.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.is_to_service {
            USED.set(true);
        }
        self.transport.transmit_output(amount, timeout)
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.transport.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        self.transport.is_open()
    }

    fn is_tls(&self) -> bool {
        self.transport.is_tls()
    }
}
