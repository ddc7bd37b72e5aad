//! The operator's own terms: which version is shown, agreed to and kept (rule 13).

use std::path::Path;

use billing_console::db::schema as s;
use diesel::prelude::*;

use crate::app::TestApp;

const KINDS: [&str; 3] = ["auto-payment", "privacy", "third-party"];

fn write(folder: &Path, kind: &str, version: &str) {
    for (language, text) in [("en", "Ours"), ("ko", "약관")] {
        let name = format!("{kind}.{version}.{language}.md");
        std::fs::write(folder.join(name), format!("# {text} {version}\n")).unwrap();
    }
}

/// A console with version 9 and 10 of each kind.
fn with_own_terms() -> (TestApp, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    for kind in KINDS {
        write(folder.path(), kind, "9");
        write(folder.path(), kind, "10");
    }
    let path = folder.path().to_owned();
    let app = TestApp::start_with(|settings| settings.terms_dir = Some(path));
    (app, folder)
}

fn accepted(app: &TestApp) -> Option<String> {
    s::registrations::table
        .select(s::registrations::accepted_terms)
        .first(&mut *app.connection())
        .unwrap()
}

#[test]
fn rule_13_the_operators_newest_terms_are_shown_and_older_ones_stay_viewable() {
    let (app, _folder) = with_own_terms();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.start_registration("acme-lab");
    let page = person.open(&format!("{run}/payment-method"));
    for kind in KINDS {
        assert!(page.body.contains(&format!("href=\"/terms/{kind}/10\"")));
        let terms = person.open(&format!("/terms/{kind}/10"));
        assert_eq!(terms.status, 200);
        assert!(terms.body.contains("Ours 10"), "{}", terms.body);
        let older = person
            .clone()
            .speaking("ko")
            .open(&format!("/terms/{kind}/9"));
        assert!(older.body.contains("약관 9"), "{}", older.body);
        assert_eq!(person.open(&format!("/terms/{kind}/11")).status, 404);
    }
    person
        .choose(&run, "named_card")
        .leads_to(&format!("{run}/phone"));
    assert_eq!(
        accepted(&app).as_deref(),
        Some(r#"{"auto-payment":"10","privacy":"10","third-party":"10"}"#)
    );
}

#[test]
fn rule_13_nobody_agrees_to_terms_that_changed_after_they_were_shown() {
    let (app, _folder) = with_own_terms();
    let person = app.sign_in("main-admin@acme.test");
    let path = format!("{}/payment-method", person.start_registration("acme-lab"));
    let page = person.open(&path);
    assert_eq!(page.hidden("privacy_version").as_deref(), Some("10"));
    let post = |language: &'static str, privacy: &str| {
        person.clone().speaking(language).send(
            &page,
            &path,
            &[
                ("payment_method", "named_card"),
                ("agree_auto_payment", "yes"),
                ("agree_privacy", "yes"),
                ("agree_third_party", "yes"),
                ("auto_payment_version", "10"),
                ("privacy_version", privacy),
                ("third_party_version", "10"),
            ],
        )
    };
    for (language, words) in [
        (
            "en",
            "These terms changed. Read and agree to the new version",
        ),
        ("ko", "약관이 바뀌었어요. 새 약관을 읽고 동의해 주세요"),
    ] {
        let again = post(language, "9");
        assert_eq!(again.status, 422);
        assert_eq!(again.texts(".problem li"), [words]);
        assert!(again.texts("#agree_privacy-error")[0].ends_with(words));
        assert_eq!(again.texts("#agree_auto_payment-error").len(), 0);
        assert_eq!(again.hidden("privacy_version").as_deref(), Some("10"));
        let ticked = again.attributes(".agree input[checked]", "name");
        assert_eq!(ticked, ["agree_auto_payment", "agree_third_party"]);
    }
    assert_eq!(accepted(&app), None);
    assert_eq!(post("en", "10").status, 303);
}
