//! The HTML of every page in both languages: empty, filled, with errors. The wizard's are in `snapshots_wizard.rs`.

use billing_console::gateway::{
    AttemptQuery, BillingKey, CardGateway, IssueOutcome, IssueRequest, LookUp, Refusal, Revocation,
};

use crate::{
    app::TestApp,
    person::{Page, Person},
};

/// A page's snapshot; what differs between two runs is redacted by its name.
pub fn keep(name: &str, language: &str, page: &Page) {
    insta::with_settings!({
        prepend_module_to_snapshot => false,
        omit_expression => true,
        filters => vec![
            (r#"name="csrf_token" value="\w+""#, r#"name="csrf_token" value="[token]""#),
            (r#"name="idempotency_key" value="\w+""#, r#"name="idempotency_key" value="[key]""#),
            (r"/billing/registrations/[0-9a-f-]{36}/", "/billing/registrations/[run]/"),
            (r"PM-[0-9A-Z]{4}-[0-9A-Z]{4}", "[reference]"),
            (r"/static/(\w+)\.[0-9a-f]{12}\.", "/static/$1.[hash]."),
            (r"(Reference|확인 번호) [0-9a-f]{16}", "$1 [request]"),
            (r#"data-copy="[0-9a-f]{16}""#, r#"data-copy="[request]""#),
        ],
    }, {
        insta::assert_snapshot!(format!("{name}.{language}"), format!("{}\n{}", page.status, page.body));
    });
}

pub fn in_both_languages(snap: impl Fn(&TestApp, &'static str)) {
    for language in ["en", "ko"] {
        snap(&TestApp::start(), language);
    }
}

pub fn person(app: &TestApp, email: &str, language: &'static str) -> Person {
    app.sign_in(email).speaking(language)
}

#[test]
fn sign_in() {
    in_both_languages(|app, language| {
        let visitor = app.visitor().speaking(language);
        keep("sign_in.empty", language, &visitor.open("/sign-in"));
        keep(
            "sign_in.error",
            language,
            &visitor.post("/sign-in", &[("email", "kim@acme.test"), ("password", "x")]),
        );
    });
}

#[test]
fn tab() {
    in_both_languages(|app, language| {
        for (name, email) in [
            ("filled", "main-admin@acme.test"),
            ("restricted", "admin@blueharbor.test"),
            ("every_state", "admin@mirlabs.test"),
            ("empty", "ungrouped@acme.test"),
            ("role_needed", "viewer@acme.test"),
        ] {
            keep(
                &format!("tab.{name}"),
                language,
                &person(app, email, language).open("/billing/payment-methods"),
            );
        }
        let nothing =
            person(app, "main-admin@acme.test", language).open("/billing/payment-methods?q=zzz");
        keep("tab.no_match", language, &nothing);
    });
}

#[test]
fn errors() {
    in_both_languages(|app, language| {
        let person = person(app, "main-admin@acme.test", language);
        keep("error.404", language, &person.open("/nope"));
        keep("error.403", language, &person.post("/sign-out", &[]));
        keep(
            "error.405",
            language,
            &person.post("/billing/payment-methods", &[]),
        );
        let run = person.reach_the_anonymous_card_page("acme-lab");
        let path = format!("{run}/card");
        let form = person.open(&path);
        let token = form.hidden("csrf_token").unwrap();
        let base = format!("http://{}", app.address);
        let send = |kind: &str, body: &str| {
            let headers = [("Origin", base.as_str()), ("Content-Type", kind)];
            person.post_body(&path, body, &headers[..1 + usize::from(!kind.is_empty())])
        };
        keep(
            "error.400",
            language,
            &send("", &format!("csrf_token={token}")),
        );
        let long = format!("csrf_token={token}&card_number={}", "1".repeat(2000));
        keep("error.413", language, &send("", &long));
        keep("error.415", language, &send("text/plain", "x"));
        let elsewhere = [("Origin", base.as_str()), ("Host", "elsewhere.test")];
        let misdirected = person.post_with("/sign-out", &[], &elsewhere);
        keep("error.421", language, &misdirected);
        for _ in 0..10 {
            person.enter_card(&run, "4000000000000002");
        }
        keep(
            "error.429",
            language,
            &person.enter_card(&run, "5555555555554444"),
        );
    });
}

/// A gateway that refuses for the reasons given, one after another.
struct Refusing(std::sync::Mutex<Vec<Refusal>>);

impl CardGateway for Refusing {
    fn issue(&self, _: IssueRequest) -> IssueOutcome {
        IssueOutcome::Refused(self.0.lock().unwrap().remove(0))
    }

    fn look_up(&self, _: &AttemptQuery) -> LookUp {
        LookUp::Unknown
    }

    fn revoke(&self, _: &BillingKey) -> Revocation {
        Revocation::Retry
    }
}

/// What the card page and then the support preview say of a reason; each must have words of its own.
#[test]
fn every_reason_of_a_refusal_has_its_words() {
    for language in ["en", "ko"] {
        let mut said = std::collections::BTreeSet::new();
        // Fewer than the ten that an hour takes.
        for reasons in Refusal::ALL.chunks(7) {
            let gateway = Refusing(std::sync::Mutex::new(reasons.to_vec()));
            let app = TestApp::start_with_gateway(std::sync::Arc::new(gateway));
            let admin = person(&app, "main-admin@acme.test", language);
            let staff = person(&app, "support@console.test", language);
            let run = admin.reach_the_anonymous_card_page("acme-lab");
            for reason in reasons {
                let page = admin.enter_card(&run, "5555555555554444");
                let preview = staff.open("/support/groups/acme-lab");
                let told = [
                    page.status.to_string(),
                    page.texts("[role=alert]").join("\n"),
                    page.texts(".error").join("\n"),
                    preview.texts(".say").join("\n"),
                    preview.texts(".log li:first-child span").join("\n"),
                ];
                assert!(said.insert(told[1].clone()), "{reason:?} has its own words");
                insta::with_settings!({
                    prepend_module_to_snapshot => false,
                    omit_expression => true,
                    filters => vec![(r"PM-[0-9A-Z]{4}-[0-9A-Z]{4}", "[reference]")],
                }, {
                    let name = format!("refusal.{}.{language}", reason.as_str());
                    insta::assert_snapshot!(name, told.join("\n---\n"));
                });
            }
        }
    }
}

#[cfg(feature = "failpoints")]
#[test]
fn faults() {
    in_both_languages(|app, language| {
        let person = person(app, "main-admin@acme.test", language);
        let run = person.reach_the_anonymous_card_page("acme-lab");
        let scenario = fail::FailScenario::setup();
        fail::cfg("gateway-call", "panic(canary)").unwrap();
        keep(
            "error.500",
            language,
            &person.enter_card(&run, "5555555555554444"),
        );
        let tab = person.open("/billing/payment-methods");
        fail::cfg("write-done", "1*return").unwrap();
        let form = "/billing/groups/acme-lab/registrations";
        keep("error.503.unknown", language, &person.send(&tab, form, &[]));
        scenario.teardown();
        let Some(file) = app.database_file() else {
            return; // PostgreSQL's writers wait for a row, not for the whole file.
        };
        let tab = person.open("/billing/payment-methods");
        let mut other = <diesel::SqliteConnection as diesel::Connection>::establish(file).unwrap();
        let hold = "BEGIN IMMEDIATE";
        diesel::connection::SimpleConnection::batch_execute(&mut other, hold).unwrap();
        keep("error.503", language, &person.send(&tab, "/sign-out", &[]));
    });
}

#[test]
fn a_card_whose_key_is_gone() {
    in_both_languages(|app, language| {
        use billing_console::db::schema::billing_groups as g;
        use diesel::prelude::*;
        let admin = person(app, "main-admin@acme.test", language);
        for (group, name) in [("acme-ml", "one"), ("acme-main", "two")] {
            diesel::update(g::table.find(group))
                .set(g::failure.eq("key_deleted"))
                .execute(&mut *app.connection())
                .unwrap();
            let tab = admin.open("/billing/payment-methods");
            keep(&format!("tab.key_deleted_{name}"), language, &tab);
        }
        let staff = person(app, "support@console.test", language);
        let preview = staff.open("/support/groups/acme-ml");
        keep("support.key_deleted", language, &preview);
        let failed = staff.open("/support/groups/mir-mail");
        keep("support.charge_failed", language, &failed);
    });
}

#[test]
fn a_card_registered_just_now() {
    in_both_languages(|app, language| {
        let person = person(app, "main-admin@acme.test", language);
        let run = person.reach_the_anonymous_card_page("acme-lab");
        person.enter_card(&run, "5555555555554444");
        let tab = person.open("/billing/payment-methods?q=lab");
        keep("tab.just_now", language, &tab);
        let mir = app.sign_in("admin@mirlabs.test").speaking(language);
        let run = mir.reach_the_anonymous_card_page("mir-shop");
        mir.enter_card(&run, "5555555555554444");
        let tab = mir.open("/billing/payment-methods");
        keep("tab.just_now_of_many", language, &tab);
    });
}

#[test]
fn names_as_long_as_an_import_lets_them_be() {
    in_both_languages(|app, language| {
        use billing_console::db::schema::{billing_groups as g, organizations as o, users as u};
        use diesel::prelude::*;
        let long = |start: &str| start.chars().cycle().take(90).collect::<String>();
        {
            let mut db = app.connection();
            let names = [
                ("acme-lab", "연구소"),
                ("acme-ml", "machinelearning"),
                ("acme-web", "Web-"),
            ];
            for (group, start) in names {
                diesel::update(g::table.find(group))
                    .set(g::name.eq(long(start)))
                    .execute(&mut *db)
                    .unwrap();
            }
            diesel::update(o::table.find("acme"))
                .set(o::name.eq(long("AcmeRobotics")))
                .execute(&mut *db)
                .unwrap();
            diesel::update(u::table.filter(u::email.eq("main-admin@acme.test")))
                .set(u::name.eq(long("김하나")))
                .execute(&mut *db)
                .unwrap();
        }
        let person = person(app, "main-admin@acme.test", language);
        let tab = "/billing/payment-methods";
        keep("long.tab", language, &person.open(tab));
        let run = person.reach_the_anonymous_card_page("acme-lab");
        keep("long.card", language, &person.open(&format!("{run}/card")));
        person.enter_card(&run, "5555555555554444");
        let complete = person.open(&format!("{run}/complete"));
        keep("long.complete", language, &complete);
        keep("long.just_now", language, &person.open(tab));
        let account = person.open("/billing/groups/acme-web/dedicated-account");
        keep("long.account", language, &account);
        let staff = app.sign_in("support@console.test").speaking(language);
        let found = staff.open("/support/groups?q=acme");
        keep("long.search", language, &found);
        let preview = staff.open("/support/groups/acme-lab");
        keep("long.preview", language, &preview);
    });
}

#[test]
fn dedicated_account_and_terms() {
    in_both_languages(|app, language| {
        let person = person(app, "main-admin@acme.test", language);
        keep(
            "account.empty",
            language,
            &person.open("/billing/groups/acme-lab/dedicated-account"),
        );
        keep(
            "account.filled",
            language,
            &person.open("/billing/groups/acme-web/dedicated-account"),
        );
        keep(
            "account.in_review",
            language,
            &app.sign_in("admin@mirlabs.test")
                .speaking(language)
                .open("/billing/groups/mir-qa/dedicated-account"),
        );
        for kind in ["auto-payment", "privacy", "third-party"] {
            keep(
                &format!("terms.{kind}"),
                language,
                &person.open(&format!("/terms/{kind}/2026-11-01")),
            );
        }
    });
}

#[test]
fn support() {
    in_both_languages(|app, language| {
        let staff = person(app, "support@console.test", language);
        keep(
            "support.search.empty",
            language,
            &staff.open("/support/groups"),
        );
        keep(
            "support.search.filled",
            language,
            &staff.open("/support/groups?q=acme"),
        );
        keep(
            "support.search.no_match",
            language,
            &staff.open("/support/groups?q=zzz"),
        );
        for group in ["acme-lab", "acme-main", "blueharbor-main", "mir-mail"] {
            keep(
                &format!("support.{group}"),
                language,
                &staff.open(&format!("/support/groups/{group}")),
            );
        }
    });
}
