//! What a form takes: its own limit, and nothing that acts unseen.

use super::routes::ROUTES;
use crate::app::TestApp;

#[test]
fn every_form_has_its_own_limit() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_anonymous_card_page("acme-lab");
    let token = person
        .open(&format!("{run}/card"))
        .hidden("csrf_token")
        .unwrap();
    let base = format!("http://{}", app.address);
    let id = run.rsplit_once('/').unwrap().1;
    for route in ROUTES.iter().filter(|route| route.is_post()) {
        let is_short = ["phone-code", "resend", "business-number", "card", "cancel"]
            .iter()
            .any(|step| route.pattern.ends_with(step));
        let limit: usize = if is_short { 1024 } else { 4096 };
        let start = format!("csrf_token={token}&x=");
        for (length, is_too_long) in [(limit + 1, true), (limit, false)] {
            if !is_too_long
                && matches!(
                    route.pattern.rsplit_once('/').unwrap().1,
                    "cancel" | "sign-out"
                )
            {
                continue; // it would be done
            }
            let body = format!("{start}{}", "a".repeat(length - start.len()));
            let page = person.post_body(&route.path("acme-lab", id), &body, &[("Origin", &base)]);
            let at = format!("{} with {length} bytes", route.pattern);
            assert_eq!(page.status == 413, is_too_long, "{at}: {}", page.status);
        }
    }
}

#[test]
fn what_turns_the_direction_of_words_is_taken_by_no_field_and_no_import() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.start_registration("acme-lab");
    person.choose(&run, "named_card");
    let holder = |name| {
        [
            ("holder_name", name),
            ("birth_date", "900101"),
            ("birth_digit", "2"),
            ("carrier", "skt"),
            ("phone_number", "010-1234-5678"),
        ]
    };
    let page = person.fill(&format!("{run}/phone"), &holder("김하나\u{202e}cod.exe"));
    assert_eq!(page.status, 422);
    let told = page.texts(".error").join(" ");
    assert!(told.contains("Remove the control characters"), "{told}");
    assert!(!page.body.contains('\u{202e}'), "nor is it shown again");

    let path = app.database.folder.path().join("a.csv");
    let head = "organization,organization_name,group,group_name,class,email,name,role,language";
    std::fs::write(&path, format!("{head}\na,A,g,G\u{202e}cod.exe,main,,,,\n")).unwrap();
    let done = crate::process::run(&app.database, &["import", &path.display().to_string()]);
    assert_eq!(done.status.code(), Some(1));
    let told = crate::process::told(&done);
    assert!(told.contains("line 2: group name must be"), "{told}");
}
