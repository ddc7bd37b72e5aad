//! The real process with PortOne behind it.

use super::{
    events::{ADDRESS, deleted, signature},
    fake::{CARD_CHANNEL, Fake, IDENTITY_CHANNEL, SECRET, WEBHOOK_SECRET},
    faults::{Fault, Operation},
};
use crate::{
    app::TestDatabase,
    person::Person,
    process::{Served, served},
};

/// A console of the demo's data that serves with PortOne.
fn serve(database: &TestDatabase, fake: &Fake, log: &str) -> (Served, Person) {
    served(database, &["demo"], &[]);
    let url = fake.url();
    let env = [
        ("BILLING_GATEWAY", "portone"),
        ("BILLING_PORTONE_URL", &url),
        ("BILLING_PORTONE_SECRET", SECRET),
        ("BILLING_PORTONE_CHANNEL_KEY", CARD_CHANNEL),
        ("BILLING_PORTONE_IDENTITY_CHANNEL_KEY", IDENTITY_CHANNEL),
        ("BILLING_PORTONE_WEBHOOK_SECRET", WEBHOOK_SECRET),
        ("BILLING_LOG", log),
    ];
    let console = Served::start(database, &["serve"], &env);
    let person = Person::new(format!("http://{}", console.authority()));
    let (email, password) = ("main-admin@acme.test", billing_console::demo::PASSWORD);
    person
        .post("/sign-in", &[("email", email), ("password", password)])
        .leads_to("/");
    (console, person)
}

#[test]
fn serve_registers_and_changes_a_card_of_each_kind() {
    let (database, fake) = (TestDatabase::new(), Fake::start());
    let (console, person) = serve(&database, &fake, "warn");
    let run = person.reach_the_named_card_page("acme-lab");
    person
        .enter_card(&run, "4242424242424242")
        .leads_to(&format!("{run}/complete"));
    for (group, number) in [
        ("acme-lab", "9410000000000005"),
        ("acme-main", "5555555555554444"),
    ] {
        let run = person.reach_the_anonymous_card_page(group);
        person
            .enter_card(&run, number)
            .leads_to(&format!("{run}/complete"));
    }
    // The worker deletes the first card's key.
    for _ in 0..300 {
        if fake.live_keys().len() == 2 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(100));
    }
    assert_eq!(fake.live_keys().len(), 2);
    console.terminate();
    console.ended();
}

#[test]
fn i10_nothing_secret_is_logged_or_shown_with_portone_even_at_trace_level() {
    let (database, fake) = (TestDatabase::new(), Fake::start());
    let level = "trace,ureq=trace,ureq_proto=trace,ureq_proto::util=trace,rustls=trace";
    let (console, person) = serve(&database, &fake, level);
    let run = person.start_registration("acme-lab");
    person.choose(&run, "named_card");
    let mut seen = String::new();
    let holder = |phone: &str| {
        let fields = [
            ("holder_name", "김하나"),
            ("birth_date", "900101"),
            ("birth_digit", "2"),
            ("carrier", "skt"),
            ("phone_number", phone),
        ];
        person.fill(&format!("{run}/phone"), &fields).body
    };
    for (at, fault) in [
        Fault::DoneEnds,
        Fault::Says(
            400,
            r#"{"type":"INVALID_REQUEST","message":"9001012 김하나"}"#,
        ),
        Fault::Says(
            502,
            r#"{"type":"PG_PROVIDER","pgCode":"01012345678","pgMessage":"9001012"}"#,
        ),
    ]
    .into_iter()
    .enumerate()
    {
        fake.next(Operation::Send, fault);
        // A number of its own for each, since a code may have been sent to the one before.
        seen += &holder(&format!("0101234567{at}"));
    }
    seen += &holder("010-1234-5678");
    let code = |code| person.fill(&format!("{run}/phone-code"), &[("code", code)]);
    seen += &code("654321").body;
    let words = r#"{"type":"PG_PROVIDER","pgCode":"123456","pgMessage":"123456 9001012"}"#;
    fake.next(Operation::Confirm, Fault::Says(502, words));
    seen += &code("123456").body;
    fake.next(Operation::Confirm, Fault::DoneEnds);
    seen += &code("123456").body;
    code("123456").leads_to(&format!("{run}/card"));
    let run = person.reach_the_anonymous_card_page("acme-ml");
    for fault in [
        Fault::Says(
            502,
            r#"{"type":"PG_PROVIDER","pgCode":"5555555555554444","pgMessage":"5555555555554444"}"#,
        ),
        Fault::Says(500, r#"{"message":"5555555555554444"}"#),
    ] {
        fake.next(Operation::Issue, fault);
        seen += &person.enter_card(&run, "5555555555554444").body;
    }
    let run = person.reach_the_anonymous_card_page("acme-web");
    seen += &person.enter_card(&run, "4000056655665556").body;
    fake.next(Operation::Key, Fault::DoneHalf);
    seen += &person.enter_card(&run, "9410000000000005").body;
    let told = deleted("CanaryBillingKey");
    let now = chrono::Utc::now().timestamp().to_string();
    for (timestamp, status) in [(now.as_str(), 200), (now.as_str(), 409), ("1", 401)] {
        let right = signature(WEBHOOK_SECRET, "CanaryEvent", timestamp, &told);
        let headers = [
            ("webhook-id", "CanaryEvent"),
            ("webhook-timestamp", timestamp),
            ("webhook-signature", right.as_str()),
        ];
        let page = person.post_body(ADDRESS, &told, &headers);
        assert_eq!(page.status, status, "{timestamp}");
        seen += &page.body;
    }
    assert_eq!(
        fake.struck().values().sum::<usize>(),
        8,
        "each fault struck"
    );
    console.terminate();
    let log = console.ended();
    assert!(
        log.contains("TRACE") || log.contains("DEBUG"),
        "a log to look into: {log}"
    );
    assert!(
        log.contains("a billing key was not issued: HTTP 502 PG_PROVIDER …"),
        "{log}"
    );
    for secret in [
        "5555555555554444",
        "4000056655665556",
        "9410000000000005",
        "5555 5555",
        "9001012",
        "900101",
        "01012345678",
        "010-1234-5678",
        "123456",
        "654321",
        "김하나",
        "CanaryPortOneSecret",
        "CanaryBillingKey",
        "CanaryEvent",
        "Q2FuYXJ5",
        "billing-key-",
    ] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
    for secret in [
        "5555555555554444",
        "4000056655665556",
        "CanaryPortOneSecret",
        "billing-key-",
    ] {
        assert!(!seen.contains(secret), "{secret} is on a page");
    }
}
