//! The HTML of every page in both languages: empty, filled, with errors.

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
        keep("error.405", language, &person.open("/sign-out"));
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
        app.faults.fail_look_ups(usize::MAX);
        person.enter_card(&run, "4000000000000259");
        keep(
            "confirming",
            language,
            &person.open(&format!("{run}/confirming")),
        );
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
fn a_korean_page_has_no_english_sentence() {
    let app = TestApp::start();
    let person = person(&app, "main-admin@acme.test", "ko");
    let run = person.start_registration("acme-lab");
    let mut pages = vec![
        person.open("/billing/payment-methods"),
        person.open(&format!("{run}/payment-method")),
        person.open("/billing/groups/acme-lab/dedicated-account"),
        person.open("/terms/privacy/2026-11-01"),
        person.open("/nope"),
        app.visitor().speaking("ko").open("/sign-in"),
        app.sign_in("support@console.test")
            .speaking("ko")
            .open("/support/groups/acme-lab"),
    ];
    person.choose(&run, "named_card");
    pages.push(person.open(&format!("{run}/phone")));
    pages.push(person.fill(&format!("{run}/phone"), &[]));
    for page in pages {
        for text in page.text_nodes("main") {
            // Three Latin words in a row are a sentence; a name or an address is not.
            let words: Vec<&str> = text.split_whitespace().collect();
            let latin =
                |word: &&str| word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_alphabetic());
            for three in words.windows(3) {
                assert!(
                    !three.iter().all(latin),
                    "{three:?} in {}",
                    page.texts("title").join("")
                );
            }
        }
    }
}
