//! Builds the console out of its settings; the only place that knows every feature.

use std::{
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix_session::{
    SessionMiddleware,
    config::{BrowserSession, CookieContentSecurity},
};
use actix_web::{
    App, HttpServer,
    cookie::{Key, SameSite},
    middleware::{Compress, from_fn},
    web::{self, Data, ServiceConfig},
};

use crate::{
    access,
    clock::Clock,
    db::Database,
    demo,
    error::Error,
    gateway::{CardGateway, sandbox::SandboxGateway},
    jobs::Worker,
    payment_methods,
    portone::{self, Api, PortOneCards, PortOnePhone, PortOneRegistry, PortOneService},
    registration,
    registration::terms::Terms,
    secrets::Purpose,
    settings::{Gateway, Settings},
    support,
    verification::{
        BusinessRegistry, PhoneVerification,
        nts::NtsRegistry,
        sandbox::{SandboxBusinessRegistry, SandboxPhone},
    },
    web::{
        Admission, Readers, connections, guard, health,
        session::{DatabaseSessions, cookie_name},
        static_files,
    },
};

/// What the console runs on. Shared by all requests and the worker.
pub struct Services {
    /// The database.
    pub db: Database,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What the operator set.
    pub settings: Settings,
    /// The key of the tokens in forms.
    pub csrf_key: [u8; 32],
    /// Issues and revokes billing keys.
    pub gateway: Arc<dyn CardGateway>,
    /// Sends and checks phone codes.
    pub phone: Arc<dyn PhoneVerification>,
    /// Knows which businesses are active.
    pub registry: Arc<dyn BusinessRegistry>,
    /// The sandbox's phone, whose messages the demo shows.
    pub sandbox_phone: Option<Arc<SandboxPhone>>,
    /// Who may work now.
    pub admission: Admission,
    /// Reads for pages.
    pub readers: Readers,
    /// Whether the database answers.
    pub readiness: health::Readiness,
    /// The terms that a card's registration asks for.
    pub terms: Terms,
    draining: AtomicBool,
}

impl Services {
    /// The console's own parts, the services that the settings name, and the sandbox's where they name none.
    ///
    /// # Errors
    /// One line for the operator.
    pub fn new(settings: Settings, db: Database, clock: Arc<dyn Clock>) -> Result<Self, String> {
        let providers = match &settings.gateway {
            Gateway::Sandbox => Providers::sandbox(&settings, &db, &clock),
            Gateway::PortOne(service) => Providers::portone(service, &clock),
        };
        Ok(Self {
            gateway: providers.gateway,
            phone: providers.phone,
            registry: match &settings.tax_service {
                Some(service) => Arc::new(NtsRegistry::new(service)),
                None => providers.registry,
            },
            sandbox_phone: providers.sandbox_phone,
            terms: Terms::load(settings.terms_dir.as_deref())?,
            csrf_key: settings.secret_key.derive(Purpose::Csrf),
            admission: Admission::new(db.writers()),
            readers: Readers::new(db.readers())?,
            readiness: health::Readiness::default(),
            draining: AtomicBool::new(false),
            settings,
            db,
            clock,
        })
    }

    /// Sets the clock right by the database's server.
    ///
    /// # Errors
    /// [`Error::Unavailable`]
    pub fn follow_clock(&self) -> Result<(), Error> {
        if let Some(now) = self.db.now()? {
            self.clock.follow(now);
        }
        Ok(())
    }

    /// Whether the process is being stopped.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Relaxed)
    }
}

/// Who answers for the outside.
struct Providers {
    gateway: Arc<dyn CardGateway>,
    phone: Arc<dyn PhoneVerification>,
    registry: Arc<dyn BusinessRegistry>,
    sandbox_phone: Option<Arc<SandboxPhone>>,
}

impl Providers {
    fn sandbox(settings: &Settings, db: &Database, clock: &Arc<dyn Clock>) -> Self {
        let phone = Arc::new(SandboxPhone::new(
            db.clone(),
            clock.clone(),
            settings.secret_key.derive(Purpose::SandboxCode),
            settings.sandbox_phone_code.clone(),
        ));
        Self {
            gateway: Arc::new(SandboxGateway::new(db.clone(), clock.clone())),
            phone: phone.clone(),
            registry: Arc::new(SandboxBusinessRegistry),
            sandbox_phone: Some(phone),
        }
    }

    fn portone(service: &PortOneService, clock: &Arc<dyn Clock>) -> Self {
        let api = Arc::new(Api::new(service));
        let card_channel = service.card_channel.clone();
        Self {
            gateway: Arc::new(PortOneCards::new(api.clone(), card_channel, clock.clone())),
            phone: Arc::new(PortOnePhone::new(
                api.clone(),
                service.identity_channel.clone(),
            )),
            registry: Arc::new(PortOneRegistry::new(api)),
            sandbox_phone: None,
        }
    }
}

/// Every route of the console.
pub fn routes(config: &mut ServiceConfig, services: &Services) {
    let resource = |path: &str| web::resource(path.to_owned());
    config
        .service(resource("/").get(access::pages::home))
        .service(
            resource("/sign-in")
                .get(access::pages::show)
                .post(access::pages::submit),
        )
        .service(
            resource("/sign-out")
                .get(|| async { crate::web::see_other("/") })
                .post(access::pages::sign_out),
        )
        .service(resource("/billing/payment-methods").get(payment_methods::pages::show))
        .service(resource("/billing/payment-methods.csv").get(payment_methods::csv::export))
        .service(resource("/static/{file}").get(static_files::file))
        .service(resource("/healthz").get(health::healthz))
        .service(resource("/readyz").get(health::readyz));
    registration::pages::routes(config);
    support::pages::routes(config);
    if matches!(services.settings.gateway, Gateway::PortOne(_)) {
        portone::events::routes(config);
    }
    if services.settings.demo {
        config.service(resource("/demo/inbox").get(demo::inbox));
    }
}

/// How long a process that is being stopped still takes connections.
const LAST_CALL: Duration = Duration::from_millis(500);
/// How long what it has taken may last; with the two others, less than 10 s.
const SHUTDOWN: u64 = 8;
/// How long its worker is waited for: a job that is cut off is done again once its lease is over.
const WORKER_STOPS_WITHIN: Duration = Duration::from_secs(1);

/// Answers requests until SIGTERM or SIGINT, with the worker beside it; then finishes what it has taken.
/// Says `ready` once it heeds both.
///
/// # Errors
/// One line for the operator.
pub async fn serve(
    services: Data<Services>,
    listener: TcpListener,
    ready: impl FnOnce(),
) -> Result<(), String> {
    let stop = stop_signal().map_err(|e| format!("cannot heed signals: {e}"))?;
    let worker = Worker::start(&services.clone().into_inner());
    let shared = services.clone();
    let server = HttpServer::new(move || {
        let services = shared.clone();
        let settings = &services.settings;
        let cookie_key = Key::derive_from(&settings.secret_key.derive(Purpose::Cookie));
        let sessions = SessionMiddleware::builder(DatabaseSessions(services.clone()), cookie_key)
            .cookie_name(cookie_name(settings).to_owned())
            .cookie_secure(settings.is_https())
            .cookie_http_only(true)
            .cookie_same_site(SameSite::Lax)
            .cookie_content_security(CookieContentSecurity::Signed)
            .session_lifecycle(BrowserSession::default())
            .build();
        App::new()
            .app_data(services.clone())
            .app_data(web::PayloadConfig::new(crate::web::fields::FORM_LIMIT))
            .configure(|config| routes(config, &services))
            .default_service(web::to(|| async { Err::<&str, Error>(Error::NotFound) }))
            .wrap(sessions)
            .wrap(from_fn(guard::watch))
            .wrap(Compress::default())
            .wrap(from_fn(guard::take_plain_where_nothing_fits))
    })
    .client_request_timeout(Duration::from_secs(10))
    .client_disconnect_timeout(Duration::from_secs(2))
    .keep_alive(connections::KEEP_ALIVE)
    .on_connect(connections::watch)
    .shutdown_timeout(SHUTDOWN)
    .disable_signals()
    .listen(listener)
    .map_err(|e| format!("cannot listen: {e}"))?
    .run();

    let handle = server.handle();
    actix_web::rt::spawn(async move {
        stop.await;
        services.draining.store(true, Ordering::Relaxed);
        // Who believes us ready may send for a moment yet: it is answered, and its connection closed.
        actix_web::rt::time::sleep(LAST_CALL).await;
        handle.stop(true).await;
    });
    ready();
    let answered = server.await.map_err(|e| format!("the server stopped: {e}"));
    worker.stop(WORKER_STOPS_WITHIN);
    answered
}

/// From this call on both signals are heeded; what it gives ends with the first of them.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}
