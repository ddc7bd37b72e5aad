//! Business numbers by the National Tax Service (rule 8), and how it is set up.

use billing_console::{
    db::schema as s,
    outside::{ServiceKey, ServiceUrl},
    settings::TaxService,
};
use diesel::prelude::*;

use crate::{
    app::{KEY, TestApp, TestDatabase},
    peer::{Peer, Reply},
    person::{Page, Person},
    process::{Served, out, refused, run_with, served, told},
};

/// As the portal shows it decoded, and as it stands in an address.
const SERVICE_KEY: &str = "Canary+Key/of+the+portal==";
const ENCODED: &str = "Canary%2BKey/of%2Bthe%2Bportal%3D%3D";

const NUMBER: &str = "9998100015";

/// The service's answer for one number.
fn told_of(number: &str, code: &str) -> String {
    format!(
        r#"{{"request_cnt":1,"match_cnt":1,"status_code":"OK","data":[{{"b_no":"{number}","b_stt":"","b_stt_cd":"{code}",
        "tax_type":"부가가치세 일반과세자","tax_type_cd":"01","end_dt":"","utcc_yn":"N","tax_type_change_dt":""}}]}}"#
    )
}

fn status(code: &str) -> Reply {
    Reply::Answer(200, told_of(NUMBER, code))
}

fn console(peer: &Peer) -> TestApp {
    let service = TaxService {
        url: ServiceUrl::parse(&peer.url()).unwrap(),
        key: ServiceKey::parse(SERVICE_KEY).unwrap(),
    };
    TestApp::start_with(|settings| settings.tax_service = Some(service))
}

fn reach_the_page(person: &Person) -> String {
    let run = person.start_registration("acme-lab");
    person
        .choose(&run, "anonymous_corporate_card")
        .leads_to(&format!("{run}/business-number"));
    format!("{run}/business-number")
}

fn enter(person: &Person, page: &str) -> Page {
    person.fill(page, &[("business_number", "999-81-00015")])
}

/// Says this in the summary and beside the field, keeps what was typed, and nothing is verified.
#[track_caller]
fn is_told(app: &TestApp, page: &Page, status: u16, words: &str) {
    assert_eq!(page.status, status, "{words}");
    for place in ["[role=alert]", ".error"] {
        assert!(page.texts(place).join(" ").contains(words), "{words}");
    }
    let field = |name| page.attributes("#business_number", name).concat();
    assert_eq!(field("aria-invalid"), "true");
    assert_eq!(field("value"), "999-81-00015");
    assert!(!page.body.contains("Canary"));
    let verified: i64 = s::verifications::table
        .count()
        .get_result(&mut *app.connection())
        .unwrap();
    assert_eq!(verified, 0, "nothing is accepted");
}

#[test]
fn rule_8_an_active_business_goes_on_and_the_service_is_asked_for_its_number_alone() {
    let peer = Peer::start(status("01"));
    let app = console(&peer);
    let person = app.sign_in("main-admin@acme.test");
    let page = reach_the_page(&person);
    enter(&person, &page).leads_to(&page.replace("business-number", "card"));
    let asked = peer.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(
        asked[0].line,
        format!(
            "POST /api/nts-businessman/v1/status?serviceKey={ENCODED}&returnType=JSON HTTP/1.1"
        )
    );
    assert_eq!(asked[0].body, format!(r#"{{"b_no":["{NUMBER}"]}}"#));
}

#[test]
fn rule_8_a_wrong_check_digit_asks_nobody() {
    let peer = Peer::start(status("01"));
    let app = console(&peer);
    let person = app.sign_in("main-admin@acme.test");
    let page = reach_the_page(&person);
    for wrong in ["123-45-67890", "000-00-00000", "999"] {
        let shown = person.fill(&page, &[("business_number", wrong)]);
        assert_eq!(shown.status, 422, "{wrong}");
    }
    assert!(peer.asked().is_empty());
}

#[test]
fn rule_8_closed_dormant_and_unregistered_businesses_have_their_own_words() {
    let peer = Peer::start(status("03"));
    let app = console(&peer);
    let english = app.sign_in("main-admin@acme.test");
    let page = reach_the_page(&english);
    let korean = english.clone().speaking("ko");
    for (code, in_english, in_korean) in [
        ("03", "This business is closed", "폐업한 사업자의 번호예요"),
        (
            "02",
            "This business is dormant",
            "휴업 중인 사업자의 번호예요",
        ),
        ("", "No business has this number", "등록되지 않은 번호예요"),
    ] {
        peer.replies(status(code));
        is_told(&app, &enter(&english, &page), 422, in_english);
        is_told(&app, &enter(&korean, &page), 422, in_korean);
    }
}

#[test]
fn whatever_is_no_status_of_the_number_is_503_and_accepts_nothing() {
    let answer = |status, body: &str| Reply::Answer(status, body.to_owned());
    let good = told_of(NUMBER, "01");
    let row = &good[good.find("[{").unwrap() + 1..good.len() - 2];
    let cases = [
        answer(401, r#"{"code":-401,"msg":"유효하지 않은 인증키 입니다."}"#),
        answer(400, r#"{"code":-4,"msg":"등록되지 않은 인증키 입니다."}"#),
        answer(429, &good),
        answer(500, &good),
        answer(307, &good),
        answer(200, ""),
        answer(200, "{}"),
        answer(200, "<OpenAPI_ServiceResponse/>"),
        answer(200, r#"{"status_code":"OK","data":[]}"#),
        answer(200, &good.replace(r#""OK""#, r#""INTERNAL_ERROR""#)),
        answer(
            200,
            &good.replace(r#""b_stt_cd":"01""#, r#""b_stt_cd":"04""#),
        ),
        answer(
            200,
            &good.replace(r#""b_stt_cd":"01""#, r#""b_stt_cd":null"#),
        ),
        answer(200, &good.replace(r#""b_stt_cd":"01","#, "")),
        answer(200, &good.replace(r#""b_no":"9998100015","#, "")),
        answer(200, &told_of("9998100029", "01")),
        answer(200, &good.replace(row, &format!("{row},{row}"))),
        answer(200, &format!("{good}{}", " ".repeat(1024 * 1024))),
        Reply::EndsUnread,
        Reply::EndsRead,
        Reply::EndsHalfway,
        Reply::NoHttp,
    ];
    let peer = Peer::start(status("01"));
    let app = console(&peer);
    let english = app.sign_in("main-admin@acme.test");
    let page = reach_the_page(&english);
    for case in cases {
        peer.replies(case);
        let shown = enter(&english, &page);
        is_told(&app, &shown, 503, "We cannot reach the business registry");
        assert_eq!(shown.header("retry-after"), "30");
    }
    let korean = enter(&english.clone().speaking("ko"), &page);
    is_told(&app, &korean, 503, "사업자 조회 서비스와 연결하지 못했어요");
    // The same form again, once the service is well.
    peer.replies(status("01"));
    enter(&english, &page).leads_to(&page.replace("business-number", "card"));
}

#[test]
fn a_service_that_hangs_keeps_no_other_page_waiting() {
    let peer = Peer::start(Reply::Held(200, told_of(NUMBER, "01")));
    let app = console(&peer);
    let person = app.sign_in("main-admin@acme.test");
    let page = reach_the_page(&person);
    std::thread::scope(|scope| {
        let waiting = scope.spawn(|| enter(&person, &page));
        peer.until_asked(1);
        let other = app.sign_in("admin@blueharbor.test");
        assert_eq!(other.open("/billing/payment-methods").status, 200);
        let run = other.start_registration("blueharbor-main");
        assert_eq!(
            other.choose(&run, "named_card").status,
            303,
            "a post, too: the database is free"
        );
        assert!(!waiting.is_finished(), "they were answered meanwhile");
        peer.release();
        let card = page.replace("business-number", "card");
        waiting.join().unwrap().leads_to(&card);
    });
}

#[test]
fn the_key_is_in_no_line_of_the_log_and_on_no_page_whatever_the_level() {
    let peer = Peer::start(Reply::Answer(401, String::new()));
    let database = TestDatabase::new();
    served(&database, &["demo"], &[]);
    let url = peer.url();
    let env = [
        ("BILLING_GATEWAY", "sandbox"),
        ("BILLING_NTS_SERVICE_KEY", SERVICE_KEY),
        ("BILLING_NTS_URL", &url),
        (
            "BILLING_LOG",
            "trace,ureq=trace,ureq_proto::util=trace,rustls=trace",
        ),
    ];
    let console = Served::start(&database, &["serve"], &env);
    let person = Person::new(format!("http://{}", console.authority()));
    let (email, password) = ("main-admin@acme.test", billing_console::demo::PASSWORD);
    person
        .post("/sign-in", &[("email", email), ("password", password)])
        .leads_to("/");
    let page = reach_the_page(&person);
    let mut seen = String::new();
    for reply in [
        Reply::Answer(401, String::new()),
        Reply::EndsRead,
        status("03"),
        status("01"),
    ] {
        peer.replies(reply);
        seen += &enter(&person, &page).body;
    }
    console.terminate();
    let log = console.ended();
    assert_eq!(peer.asked().len(), 4);
    assert!(log.contains("TRACE") || log.contains("DEBUG"), "{log}");
    assert!(
        log.contains("National Tax Service did not tell a status: HTTP 401"),
        "the operator learns why: {log}"
    );
    assert!(!log.contains(" ureq"), "neither in rows of bytes: {log}");
    for part in [SERVICE_KEY, ENCODED, "Canary", "portal=", NUMBER] {
        assert!(!log.contains(part) && !seen.contains(part), "{part}");
    }
}

#[test]
fn check_config_names_the_registry_and_proves_the_key_online() {
    let peer = Peer::start(status(""));
    let database = TestDatabase::new();
    run_with(&database, &["migrate"], &[], "");
    let url = peer.url();
    let key_file = database.folder.path().join("nts.key");
    std::fs::write(&key_file, format!("{ENCODED}\n")).unwrap();
    let base = [("BILLING_SECRET_KEY", KEY), ("BILLING_GATEWAY", "sandbox")];
    let key = ("BILLING_NTS_SERVICE_KEY_FILE", key_file.to_str().unwrap());
    let with = |more: &[(&'static str, &str)], args: &[&str]| {
        let env = [base.as_slice(), more].concat();
        run_with(&database, args, &env, "")
    };
    let offline = |more: &[(&'static str, &str)]| out(&with(more, &["check-config"]));
    assert!(offline(&[]).contains("\nBusiness numbers: the sandbox.\n"));
    assert!(
        offline(&[key])
            .contains("\nBusiness numbers: the National Tax Service at https://api.odcloud.kr.\n")
    );
    assert!(peer.asked().is_empty(), "offline asks nobody");

    let online = || {
        with(
            &[key, ("BILLING_NTS_URL", &url)],
            &["check-config", "--online"],
        )
    };
    let done = online();
    assert_eq!(done.status.code(), Some(0), "{}", told(&done));
    assert!(
        out(&done).ends_with(
            "The database is up to date.\nThe National Tax Service answers and takes the key.\nThe configuration is in order.\n"
        ),
        "{}",
        out(&done)
    );
    let asked = peer.asked();
    assert_eq!(asked.len(), 1);
    assert!(asked[0].line.contains(&format!("serviceKey={ENCODED}&")));
    assert_eq!(asked[0].body, format!(r#"{{"b_no":["{NUMBER}"]}}"#));

    for (reply, words) in [
        (
            Reply::Answer(401, String::new()),
            "HTTP 401: check BILLING_NTS_SERVICE_KEY",
        ),
        (Reply::Answer(503, String::new()), "HTTP 503"),
        (Reply::Answer(200, "{}".into()), "no status of the number"),
        (Reply::EndsRead, "no whole answer"),
    ] {
        peer.replies(reply);
        let done = online();
        refused(&done, 1, words);
        assert!(out(&done).contains("The database is up to date.\n"));
        assert!(!told(&done).contains("Canary"));
    }
}

#[test]
fn a_proxy_sees_the_services_name_and_not_the_key() {
    let proxy = Peer::start(Reply::Answer(403, String::new()));
    let database = TestDatabase::new();
    run_with(&database, &["migrate"], &[], "");
    let proxy_url = proxy.url();
    let env = [
        ("BILLING_SECRET_KEY", KEY),
        ("BILLING_GATEWAY", "sandbox"),
        ("BILLING_NTS_SERVICE_KEY", SERVICE_KEY),
        ("BILLING_NTS_URL", "https://service.invalid"),
        ("ALL_PROXY", ""),
        ("NO_PROXY", ""),
        ("HTTPS_PROXY", &proxy_url),
    ];
    let done = run_with(&database, &["check-config", "--online"], &env, "");
    refused(&done, 1, "not reached (the proxy refused)");
    let asked = proxy.asked();
    assert_eq!(asked.len(), 1);
    assert_eq!(asked[0].line, "CONNECT service.invalid:443 HTTP/1.1");
}

#[test]
fn a_setting_that_cannot_work_is_refused_in_one_line_without_the_key() {
    let database = TestDatabase::new();
    let base = [("BILLING_SECRET_KEY", KEY), ("BILLING_GATEWAY", "sandbox")];
    let key = ("BILLING_NTS_SERVICE_KEY", SERVICE_KEY);
    let cases: [(&[(&str, &str)], &str); 6] = [
        (
            &[key, ("BILLING_NTS_URL", "http://api.example")],
            "https://",
        ),
        (
            &[key, ("BILLING_NTS_URL", "api.example")],
            "BILLING_NTS_URL",
        ),
        (
            &[
                key,
                ("BILLING_NTS_URL", "https://api.example/v1?serviceKey=x"),
            ],
            "BILLING_NTS_URL",
        ),
        (
            &[("BILLING_NTS_URL", "https://api.example")],
            "set BILLING_NTS_SERVICE_KEY",
        ),
        (
            &[("BILLING_NTS_SERVICE_KEY", "Canary of two words")],
            "BILLING_NTS_SERVICE_KEY",
        ),
        (
            &[("BILLING_NTS_SERVICE_KEY_FILE", "none/there")],
            "BILLING_NTS_SERVICE_KEY_FILE",
        ),
    ];
    for (more, words) in cases {
        for command in ["check-config", "serve"] {
            let env = [base.as_slice(), more].concat();
            let done = run_with(&database, &[command], &env, "");
            refused(&done, 2, words);
            assert!(!told(&done).contains("Canary"), "{words}");
        }
    }
}

#[test]
fn the_demo_asks_nobody_and_says_nothing_of_it() {
    let peer = Peer::start(status("03"));
    let url = peer.url();
    let database = TestDatabase::new();
    let env = [
        ("BILLING_NTS_SERVICE_KEY", SERVICE_KEY),
        ("BILLING_NTS_URL", &url),
    ];
    let console = Served::start(&database, &["demo"], &env);
    let person = Person::new(format!("http://{}", console.authority()));
    let (email, password) = ("main-admin@acme.test", billing_console::demo::PASSWORD);
    person
        .post("/sign-in", &[("email", email), ("password", password)])
        .leads_to("/");
    let page = reach_the_page(&person);
    enter(&person, &page).leads_to(&page.replace("business-number", "card"));
    console.terminate();
    assert_eq!(console.ended(), "");
    assert!(peer.asked().is_empty());
}
