//! Phone codes and business numbers.

use billing_console::db::schema as s;
use diesel::prelude::*;

use crate::app::TestApp;

#[test]
fn five_wrong_codes_pause_for_ten_minutes() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_phone_code_page("acme-lab");
    let code = format!("{run}/phone-code");
    for left in ["4 tries left", "3 tries left", "2 tries left", "1 try left"] {
        let page = person.fill(&code, &[("code", "000000")]);
        assert_eq!(page.status, 422);
        assert!(page.texts(".error").join("").contains(left), "{left}");
    }
    let page = person.fill(&code, &[("code", "000000")]);
    assert_eq!(page.status, 429);
    assert!(
        page.body
            .contains("You have used all 5 tries. You can ask for a new code at 14:12 KST"),
        "{}",
        page.body
    );
    assert_eq!(
        person.fill(&code, &[("code", "123456")]).status,
        429,
        "the right code is dead, too"
    );
    assert_eq!(person.fill(&code, &[]).status, 422);
    let form = person.open(&code);
    assert_eq!(
        person.send(&form, &format!("{code}/resend"), &[]).status,
        429
    );
    app.clock.advance(chrono::TimeDelta::minutes(10));
    person
        .send(&form, &format!("{code}/resend"), &[])
        .leads_to(&code);
    person
        .fill(&code, &[("code", "123456")])
        .leads_to(&format!("{run}/card"));
}

#[test]
fn a_hundred_guesses_at_once_count_exactly_five() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_phone_code_page("acme-lab");
    let code = format!("{run}/phone-code");
    let form = person.open(&code);
    std::thread::scope(|scope| {
        for _ in 0..100 {
            scope.spawn(|| person.clone().send(&form, &code, &[("code", "000000")]));
        }
    });
    let tries: i32 = s::verifications::table
        .select(s::verifications::tries)
        .first(&mut *app.connection())
        .unwrap();
    assert_eq!(tries, 5);
}

#[test]
fn codes_are_sent_at_most_five_times_a_registration_and_not_at_once() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_phone_code_page("acme-lab");
    let code = format!("{run}/phone-code");
    let form = person.open(&code);
    let resend = || person.send(&form, &format!("{code}/resend"), &[]);
    let page = resend();
    assert_eq!(page.status, 429);
    assert!(
        page.body
            .contains("You can ask for a new code at 14:02 KST"),
        "{}",
        page.body
    );
    for _ in 0..4 {
        app.clock.advance(chrono::TimeDelta::seconds(31));
        resend().leads_to(&code);
    }
    app.clock.advance(chrono::TimeDelta::seconds(31));
    assert!(
        resend()
            .body
            .contains("All 5 codes of this registration are used")
    );
    app.clock.advance(chrono::TimeDelta::minutes(4));
    assert!(
        person
            .fill(&code, &[("code", "123456")])
            .body
            .contains("The code has expired")
    );
}

#[test]
fn rule_8_closed_and_dormant_businesses_have_their_own_words() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.start_registration("acme-lab");
    person.choose(&run, "anonymous_corporate_card");
    for (number, words) in [
        ("999-81-00029", "This business is closed"),
        ("999-86-00010", "This business is dormant"),
        ("123-45-67890", "Check the business registration number"),
    ] {
        let page = person.fill(
            &format!("{run}/business-number"),
            &[("business_number", number)],
        );
        assert_eq!(page.status, 422);
        assert!(page.texts(".error").join("").contains(words), "{number}");
        assert_eq!(
            page.attributes("#business_number", "value"),
            [number],
            "what was typed is kept"
        );
    }
}

#[test]
fn the_pause_after_five_wrong_codes_holds_in_another_run_too() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let run = person.reach_the_phone_code_page("acme-lab");
    let code = format!("{run}/phone-code");
    let last = person.use_up_the_code(&run);
    assert_eq!((last.status, last.header("retry-after")), (429, "600"));
    assert!(
        person
            .open(&code)
            .body
            .contains("You have used all 5 tries")
    );
    person.send(&last, &format!("{run}/cancel"), &[]);
    let again = person.start_registration("acme-lab");
    assert_ne!(again, run);
    person.choose(&again, "named_card");
    let page = person.ask_for_a_code(&again);
    assert_eq!((page.status, page.header("retry-after")), (429, "600"));
    assert!(
        page.body
            .contains("You can ask for a new code at 14:12 KST"),
        "{}",
        page.body
    );
    app.clock.advance(chrono::TimeDelta::minutes(10));
    person
        .ask_for_a_code(&again)
        .leads_to(&format!("{again}/phone-code"));
}

#[test]
fn who_is_paused_in_one_run_enters_no_code_in_another() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let other = person.reach_the_phone_code_page("acme-ml");
    app.clock.advance(chrono::TimeDelta::seconds(31));
    let run = person.reach_the_phone_code_page("acme-lab");
    assert_eq!(person.use_up_the_code(&run).status, 429);
    let code = [("code", "123456")];
    let path = format!("{other}/phone-code");
    let paused = person.fill(&path, &code);
    assert_eq!(
        (paused.status, paused.header("retry-after")),
        (429, "600"),
        "the right code, too"
    );
    assert_eq!(person.ask_for_a_code(&run).status, 429, "the pause goes on");
}

#[test]
fn one_number_gets_one_code_at_a_time_whatever_run_asks() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let mut asked = Vec::new();
    for group in ["acme-lab", "acme-ml"] {
        let run = person.start_registration(group);
        person.choose(&run, "named_card");
        asked.push(person.ask_for_a_code(&run));
    }
    assert_eq!((asked[0].status, asked[1].status), (303, 429));
    assert_eq!(asked[1].header("retry-after"), "30");
}
