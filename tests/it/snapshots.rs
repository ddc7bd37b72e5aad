//! The HTML of every page in both languages: empty, filled, with errors.

use billing_console::gateway::{
    AttemptQuery, BillingKey, CardGateway, IssueOutcome, IssueRequest, LookUp, Refusal, Revocation,
};

use crate::app::{Page, Person, TestApp, card};

/// A page's snapshot; what differs between two runs is redacted by its name.
fn keep(name: &str, language: &str, page: &Page) {
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

fn in_both_languages(snap: impl Fn(&TestApp, &'static str)) {
    for language in ["en", "ko"] {
        snap(&TestApp::start(), language);
    }
}

fn person(app: &TestApp, email: &str, language: &'static str) -> Person {
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
fn what_a_carrier_says() {
    in_both_languages(|app, language| {
        let person = person(app, "main-admin@acme.test", language);
        let run = person.start_registration("acme-main");
        person.choose(&run, "named_card");
        let holder = |phone| {
            let fields = [
                ("holder_name", "김하나"),
                ("birth_date", "900101"),
                ("birth_digit", "2"),
                ("carrier", "skt"),
                ("phone_number", phone),
            ];
            person.fill(&format!("{run}/phone"), &fields)
        };
        keep("phone.refused", language, &holder("010-0000-0001"));
        keep("phone.tries", language, &holder("010-0000-0003"));
        holder("010-0000-0002").leads_to(&format!("{run}/phone-code"));
        let code = format!("{run}/phone-code");
        let other = person.fill(&code, &[("code", "123456")]);
        keep("phone_code.other_holder", language, &other);
        keep("phone_code.ended", language, &person.open(&code));
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
fn wizard_of_an_unknown_member_type_and_pauses() {
    in_both_languages(|app, language| {
        use billing_console::db::schema::organizations as o;
        use diesel::prelude::*;
        let person = person(app, "main-admin@acme.test", language);
        let run = person.start_registration("acme-main");
        person.choose(&run, "named_card");
        person.ask_for_a_code(&run);
        let code = format!("{run}/phone-code");
        let last = person.use_up_the_code(&run);
        keep("phone_code.locked", language, &last);
        keep("phone_code.pause", language, &person.open(&code));
        let other = app.visitor().speaking(language);
        for _ in 0..10 {
            other.post("/sign-in", &[("email", "a@b.test"), ("password", "x")]);
        }
        let paused = other.post("/sign-in", &[("email", "a@b.test"), ("password", "x")]);
        keep("sign_in.paused", language, &paused);
        keep(
            "sign_in.continue",
            language,
            &other.open(&format!("/sign-in?next={run}/card")),
        );
        diesel::update(o::table.find("acme"))
            .set(o::member_type.eq("individual"))
            .execute(&mut *app.connection())
            .unwrap();
        keep(
            "choose.not_offered",
            language,
            &person.open(&format!("{run}/payment-method")),
        );
    });
}

#[test]
fn wizard_of_an_anonymous_corporate_card() {
    in_both_languages(|app, language| {
        let person = person(app, "main-admin@acme.test", language);
        let run = person.start_registration("acme-lab");
        let (choose, number, enter) = (
            format!("{run}/payment-method"),
            format!("{run}/business-number"),
            format!("{run}/card"),
        );
        keep("choose.empty", language, &person.open(&choose));
        keep(
            "choose.error",
            language,
            &person.fill(&choose, &[("agree_privacy", "yes")]),
        );
        person.choose(&run, "anonymous_corporate_card");
        keep("choose.filled", language, &person.open(&choose));
        keep("business_number.empty", language, &person.open(&number));
        keep(
            "business_number.error",
            language,
            &person.fill(&number, &[("business_number", "123-45-67890")]),
        );
        person.fill(&number, &[("business_number", "999-81-00015")]);
        keep("business_number.filled", language, &person.open(&number));
        keep("card.empty", language, &person.open(&enter));
        keep("card.error", language, &person.fill(&enter, &[]));
        keep(
            "card.refused",
            language,
            &person.enter_card(&run, "4000056655665556"),
        );
        keep(
            "card.provider_down",
            language,
            &person.enter_card(&run, "4000000000000119"),
        );
        let nothing = person.open(&format!("{run}/confirming"));
        keep("confirming.nothing", language, &nothing);
        app.faults.fail_look_ups(usize::MAX);
        person.enter_card(&run, "4000000000000259");
        keep(
            "confirming",
            language,
            &person.open(&format!("{run}/confirming")),
        );
        app.clock.advance(chrono::TimeDelta::minutes(11));
        let long = person.open(&format!("{run}/confirming"));
        keep("confirming.long", language, &long);
        app.faults.fail_look_ups(0);
        app.until("the confirmation", |_| {
            app.clock.advance(chrono::TimeDelta::seconds(1));
            (person.open(&format!("{run}/confirming")).status == 303).then_some(())
        });
        keep(
            "complete",
            language,
            &person.open(&format!("{run}/complete")),
        );
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
fn wizard_of_a_personal_card() {
    in_both_languages(|app, language| {
        let person = person(app, "main-admin@acme.test", language);
        let run = person.start_registration("acme-ml");
        person.choose(&run, "named_card");
        let (phone, code) = (format!("{run}/phone"), format!("{run}/phone-code"));
        keep("phone.empty", language, &person.open(&phone));
        keep(
            "phone.error",
            language,
            &person.fill(&phone, &[("holder_name", "김하나")]),
        );
        person.ask_for_a_code(&run);
        keep("phone.filled", language, &person.open(&phone));
        keep("phone_code.empty", language, &person.open(&code));
        keep(
            "phone_code.error",
            language,
            &person.fill(&code, &[("code", "000000")]),
        );
        keep("demo_inbox", language, &person.open("/demo/inbox"));
        person.fill(&code, &[("code", "123456")]);
        keep(
            "card.change",
            language,
            &person.open(&format!("{run}/card")),
        );
        let other = person.reach_the_anonymous_card_page("acme-web");
        let stale = person.open(&format!("{other}/card"));
        let colleague = app.sign_in("main-admin@acme.test").speaking(language);
        diesel_bump(app, "acme-web");
        keep(
            "stale",
            language,
            &colleague.send(&stale, &format!("{other}/card"), &card("5555555555554444")),
        );
    });
}

/// The group changes behind the back of a run.
fn diesel_bump(app: &TestApp, group: &str) {
    assert!(
        billing_console::payment_methods::store::claim_version(&mut app.connection(), group, 0)
            .unwrap()
    );
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

#[test]
fn no_korean_page_has_an_english_sentence_or_button() {
    let files = crate::texts::files("tests/it/snapshots", ".ko.snap");
    assert!(files.len() > 50, "{} pages", files.len());
    for (name, text) in files {
        let Some((_, html)) = text.split_once("<!doctype") else {
            assert!(name.contains("/refusal."), "{name} is no page");
            continue;
        };
        for text in said_on(&format!("<!doctype{html}")) {
            let words: Vec<&str> = text.split_whitespace().collect();
            for three in words.windows(3) {
                assert!(
                    !three.iter().all(|word| is_latin(word)),
                    "{name}: {three:?}"
                );
            }
            // The switch to the other language is in that language.
            if let [word] = words[..]
                && word.len() < 30 // longer is a name
                && is_latin(word)
                && word.bytes().any(|byte| byte.is_ascii_lowercase())
            {
                assert_eq!(word, "English", "{name}");
            }
        }
    }
}

fn is_latin(word: &str) -> bool {
    word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Every run of text of a page, and what it says through attributes.
fn said_on(html: &str) -> Vec<String> {
    let page = scraper::Html::parse_document(html);
    let attributes = [
        "aria-label",
        "placeholder",
        "data-label",
        "data-copied",
        "title",
    ];
    let every = scraper::Selector::parse("*").unwrap();
    let through_attributes = page
        .select(&every)
        .flat_map(|element| attributes.map(|name| element.attr(name).map(str::to_owned)));
    page.root_element()
        .text()
        .map(str::to_owned)
        .chain(through_attributes.flatten())
        .collect()
}
