//! Every route of the console, as data. A route that is served and not listed fails the first test below.

use std::{collections::BTreeSet, fmt};

use actix_web::{App, HttpRequest, test as requests, web, web::Data};
use billing_console::{
    app::{Services, routes},
    outside::{Authorization, ServiceUrl},
    portone::{PortOneService, WebhookSecret},
    settings::Gateway,
};

use crate::{
    app::TestApp,
    person::{Page, Person},
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Method {
    Get,
    Post,
}

/// Whom a route answers. Everybody else gets what `matrix` says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Signed in or not.
    Everyone,
    /// Whatever their role.
    SignedIn,
    /// Billing administrators, about a group that they reach or a run of their own.
    Administrators,
    /// Billing administrators, about any run of a group that they reach.
    Colleagues,
    /// Support staff, about every group.
    Staff,
}

/// One method of one address.
#[derive(Debug)]
pub struct Route {
    pub method: Method,
    pub pattern: &'static str,
    pub who: Who,
    /// The status for those whom it answers. Posted in the list's order the forms below register a card.
    pub answers: u16,
    pub fields: &'static [(&'static str, &'static str)],
    pub is_of_the_demo: bool,
}

const fn get(pattern: &'static str, who: Who, answers: u16) -> Route {
    Route {
        method: Method::Get,
        pattern,
        who,
        answers,
        fields: &[],
        is_of_the_demo: false,
    }
}

const fn post(
    pattern: &'static str,
    who: Who,
    answers: u16,
    fields: &'static [(&'static str, &'static str)],
) -> Route {
    Route {
        method: Method::Post,
        fields,
        ..get(pattern, who, answers)
    }
}

use Who::{Administrators, Colleagues, Everyone, SignedIn, Staff};

/// What the demo serves.
pub const ROUTES: &[Route] = &[
    get("/", SignedIn, 303),
    get("/sign-in", Everyone, 200),
    post("/sign-in", Everyone, 422, &[]),
    get("/billing/payment-methods", Administrators, 200),
    get("/billing/payment-methods.csv", Administrators, 200),
    get("/static/{file}", Everyone, 200),
    get("/healthz", Everyone, 200),
    get("/readyz", Everyone, 200),
    get("/terms/{kind}/{version}", Everyone, 200),
    Route {
        is_of_the_demo: true,
        ..get("/demo/inbox", SignedIn, 200)
    },
    get("/support/groups", Staff, 200),
    get("/support/groups/{group}", Staff, 200),
    get(
        "/billing/groups/{group}/dedicated-account",
        Administrators,
        200,
    ),
    // An address that only takes posts leads a browser on.
    get("/billing/groups/{group}/registrations", Everyone, 303),
    post(
        "/billing/groups/{group}/registrations",
        Administrators,
        303,
        &[],
    ),
    get(
        "/billing/registrations/{id}/payment-method",
        Administrators,
        200,
    ),
    post(
        "/billing/registrations/{id}/payment-method",
        Administrators,
        303,
        &[
            ("payment_method", "named_card"),
            ("agree_auto_payment", "yes"),
            ("agree_privacy", "yes"),
            ("agree_third_party", "yes"),
        ],
    ),
    get("/billing/registrations/{id}/phone", Administrators, 200),
    post(
        "/billing/registrations/{id}/phone",
        Administrators,
        303,
        &[
            ("holder_name", "김하나"),
            ("birth_date", "900101"),
            ("birth_digit", "2"),
            ("carrier", "skt"),
            ("phone_number", "010-1234-5678"),
        ],
    ),
    get(
        "/billing/registrations/{id}/phone-code",
        Administrators,
        200,
    ),
    get(
        "/billing/registrations/{id}/phone-code/resend",
        Everyone,
        303,
    ),
    // The code went out a moment ago.
    post(
        "/billing/registrations/{id}/phone-code/resend",
        Administrators,
        429,
        &[],
    ),
    post(
        "/billing/registrations/{id}/phone-code",
        Administrators,
        303,
        &[("code", "123456")],
    ),
    // A named card needs no business number: both lead to the first open step.
    get(
        "/billing/registrations/{id}/business-number",
        Administrators,
        303,
    ),
    post(
        "/billing/registrations/{id}/business-number",
        Administrators,
        303,
        &[("business_number", "999-81-00015")],
    ),
    get("/billing/registrations/{id}/card", Administrators, 200),
    post(
        "/billing/registrations/{id}/card",
        Administrators,
        303,
        &[
            ("idempotency_key", "0123456789abcdef0123456789abcdef"),
            ("card_number", "5555555555554444"),
            ("expiry_month", "12"),
            ("expiry_year", "29"),
            ("card_password_2", "12"),
        ],
    ),
    get("/billing/registrations/{id}/confirming", Colleagues, 303),
    get("/billing/registrations/{id}/complete", Colleagues, 200),
    get("/billing/registrations/{id}/cancel", Everyone, 303),
    post(
        "/billing/registrations/{id}/cancel",
        Administrators,
        303,
        &[],
    ),
    get("/sign-out", Everyone, 303),
    post("/sign-out", SignedIn, 303, &[]),
];

/// Served besides where PortOne is the gateway, for itself: a signature stands for session and token.
pub const OF_PORTONE: &[Route] = &[post("/webhooks/portone", Everyone, 401, &[])];

/// Of [`portone`].
pub const WEBHOOK_SECRET: &str = "c2VjcmV0";

impl fmt::Display for Route {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = if self.is_post() { "POST" } else { "GET" };
        write!(f, "{method} {}", self.pattern)
    }
}

impl Route {
    /// The address for this group and this run.
    pub fn path(&self, group: &str, run: &str) -> String {
        let file = billing_console::web::static_files::CONSOLE_CSS;
        let (_, file) = file.rsplit_once('/').unwrap();
        self.pattern
            .replace("{group}", group)
            .replace("{id}", run)
            .replace("{file}", file)
            .replace("{kind}", "privacy")
            .replace("{version}", "2026-11-01")
    }

    /// Opened, or posted with its fields.
    pub fn ask(&self, person: &Person, token: &str, group: &str, run: &str) -> Page {
        let path = self.path(group, run);
        if self.is_post() {
            let mut fields = vec![("csrf_token", token)];
            fields.extend_from_slice(self.fields);
            person.post(&path, &fields)
        } else {
            person.open(&path)
        }
    }

    pub fn is_post(&self) -> bool {
        self.method == Method::Post
    }

    /// Whether its address names a group or a run.
    pub fn names_something_owned(&self) -> bool {
        self.pattern.contains("{group}") || self.pattern.contains("{id}")
    }
}

/// The addresses that the router knows, as it says itself.
fn served(services: Services) -> BTreeSet<String> {
    let services = Data::new(services);
    let told = actix_web::rt::System::new().block_on(async {
        let map = |request: HttpRequest| async move { format!("{:?}", request.resource_map()) };
        let app = App::new()
            .configure(|config| routes(config, &services))
            .default_service(web::to(map));
        let app = requests::init_service(app).await;
        let request = requests::TestRequest::with_uri("/none-such").to_request();
        requests::call_and_read_body(&app, request).await
    });
    let told = String::from_utf8(told.to_vec()).unwrap();
    assert!(!told.contains("patterns: List([\""), "{told}");
    told.split("patterns: Single(\"")
        .skip(1)
        .map(|rest| rest[..rest.find('"').unwrap()].to_owned())
        .filter(|pattern| !pattern.is_empty())
        .collect()
}

#[test]
fn every_route_that_is_served_is_listed() {
    let app = TestApp::start();
    let is_served = |demo: bool, gateway: Gateway| {
        let with_portone = matches!(gateway, Gateway::PortOne(_));
        let mut settings = crate::app::settings(app.address);
        settings.demo = demo;
        settings.gateway = gateway;
        let services = Services::new(settings, app.db.clone(), app.clock.clone()).unwrap();
        let listed: BTreeSet<String> = ROUTES
            .iter()
            .filter(|route| demo || !route.is_of_the_demo)
            .chain(OF_PORTONE.iter().filter(|_| with_portone))
            .map(|route| route.pattern.to_owned())
            .collect();
        assert_eq!(served(services), listed, "left: served, right: listed");
    };
    is_served(true, Gateway::Sandbox);
    is_served(false, Gateway::Sandbox);
    is_served(false, Gateway::PortOne(portone()));
}

pub fn portone() -> PortOneService {
    PortOneService {
        url: ServiceUrl::parse("http://127.0.0.1:9").unwrap(),
        secret: Authorization::parse(PortOneService::SCHEME, "secret").unwrap(),
        card_channel: "card".into(),
        identity_channel: "identity".into(),
        webhook_secrets: vec![WebhookSecret::parse(WEBHOOK_SECRET).unwrap()],
    }
}

#[test]
fn no_route_takes_a_method_that_is_not_listed() {
    let app = TestApp::start();
    for route in ROUTES {
        let mut listed: Vec<&str> = ROUTES
            .iter()
            .filter(|other| other.pattern == route.pattern)
            .map(|other| if other.is_post() { "POST" } else { "GET" })
            .collect();
        listed.sort_unstable();
        let path = route.path("acme-lab", "none");
        for method in [
            "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "BREW", "get", "POST",
        ] {
            if listed.contains(&method) {
                continue;
            }
            let answer = super::wire::ask(
                &app,
                &format!("{method} {path} HTTP/1.1\r\nHost: {}\r\n\r\n", app.address),
            );
            assert_eq!(answer.status, 405, "{method} {path}");
            let mut allowed: Vec<&str> = answer.header("allow").split(", ").collect();
            allowed.sort_unstable();
            assert_eq!(allowed, listed, "{method} {path}");
        }
    }
}

#[test]
fn with_portone_the_demo_is_absent_and_what_is_for_portone_needs_a_signature() {
    let app = TestApp::start_with_portone(portone());
    let person = app.visitor();
    for route in ROUTES.iter().filter(|route| !route.is_post()) {
        let page = person.open(&route.path("acme-lab", "none"));
        assert_eq!(
            page.status == 404,
            route.is_of_the_demo,
            "{}",
            route.pattern
        );
    }
    let before = super::people::every_row(&mut app.connection());
    for route in OF_PORTONE {
        assert_eq!(person.open(route.pattern).status, 405);
        let page = person.post(route.pattern, route.fields);
        assert_eq!(page.status, route.answers, "{}", route.pattern);
    }
    assert_eq!(before, super::people::every_row(&mut app.connection()));
}
