//! Phone codes and business numbers.

use std::sync::Arc;

use billing_console::db::schema as s;
use chrono::TimeDelta;
use diesel::{connection::SimpleConnection, prelude::*};

use crate::{
    app::TestApp,
    person::{Page, Person},
};

/// A console whose codes are random, as everywhere but in most tests.
fn with_random_codes() -> TestApp {
    TestApp::start_with(|settings| settings.sandbox_phone_code = None)
}

/// The code that the phone of the demo got last.
fn newest_code(person: &Person) -> String {
    person.open("/demo/inbox").texts(".inbox b").swap_remove(0)
}

const HOLDER: [(&str, &str); 5] = [
    ("holder_name", "김하나"),
    ("birth_date", "900101"),
    ("birth_digit", "2"),
    ("carrier", "skt"),
    ("phone_number", "010-1234-5678"),
];

/// [`HOLDER`] with one answer that differs.
fn holder_but(name: &str, value: &'static str) -> [(&'static str, &'static str); 5] {
    HOLDER.map(|(field, usual)| (field, if field == name { value } else { usual }))
}

/// Asks for a code; gives it.
fn code_for(person: &Person, run: &str, holder: &[(&str, &str)]) -> String {
    person
        .fill(&format!("{run}/phone"), holder)
        .leads_to(&format!("{run}/phone-code"));
    newest_code(person)
}

/// Begins a run and asks for a code: the run's address, and the code.
fn start_with_code(person: &Person, group: &str, phone: &'static str) -> (String, String) {
    let run = person.start_registration(group);
    person.choose(&run, "named_card");
    let code = code_for(person, &run, &holder_but("phone_number", phone));
    (run, code)
}

fn enter(person: &Person, run: &str, code: &str) -> Page {
    person.fill(&format!("{run}/phone-code"), &[("code", code)])
}

/// The code is told to be wrong.
#[track_caller]
fn is_wrong(page: &Page) {
    let told = page.texts(".error").concat();
    assert_eq!(page.status, 422, "{told}");
    assert!(told.contains("left"), "{told}");
}

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

#[test]
fn a_code_is_good_in_its_own_run_alone() {
    let app = with_random_codes();
    let (one, other) = (
        app.sign_in("main-admin@acme.test"),
        app.sign_in("sub-admin@acme.test"),
    );
    let mut runs = Vec::new();
    for (person, group, phone) in [
        (&one, "acme-lab", "010-1234-5678"),
        (&other, "acme-lab", "010-8765-4321"),
        (&one, "acme-ml", "010-1234-5678"),
    ] {
        let (run, code) = start_with_code(person, group, phone);
        runs.push((person, run, code));
        app.clock.advance(chrono::TimeDelta::seconds(31));
    }
    for (person, run, _) in &runs {
        for (_, _, foreign) in runs.iter().filter(|(_, of, _)| of != run) {
            is_wrong(&enter(person, run, foreign));
        }
        person
            .open(&format!("{run}/card"))
            .leads_to(&format!("{run}/phone-code"));
    }
    for (person, run, code) in &runs {
        enter(person, run, code).leads_to(&format!("{run}/card"));
    }
}

#[test]
fn a_code_is_dead_once_another_was_sent() {
    let app = with_random_codes();
    let person = app.sign_in("main-admin@acme.test");
    let (run, first) = start_with_code(&person, "acme-lab", "010-1234-5678");
    let path = format!("{run}/phone-code");
    app.clock.advance(chrono::TimeDelta::seconds(31));
    let form = person.open(&path);
    person
        .send(&form, &format!("{path}/resend"), &[])
        .leads_to(&path);
    is_wrong(&enter(&person, &run, &first));
    enter(&person, &run, &newest_code(&person)).leads_to(&format!("{run}/card"));
}

#[test]
fn a_code_is_dead_once_its_holder_or_number_is_changed() {
    for (field, value) in [
        ("holder_name", "이두리"),
        ("birth_date", "851231"),
        ("birth_digit", "1"),
        ("carrier", "kt"),
        ("phone_number", "010-8765-4321"),
    ] {
        let app = with_random_codes();
        let person = app.sign_in("main-admin@acme.test");
        let (run, first) = start_with_code(&person, "acme-lab", "010-1234-5678");
        app.clock.advance(chrono::TimeDelta::seconds(31));
        let second = code_for(&person, &run, &holder_but(field, value));
        is_wrong(&enter(&person, &run, &first));
        enter(&person, &run, &second).leads_to(&format!("{run}/card"));

        // What was verified is not what is entered now.
        app.clock.advance(chrono::TimeDelta::seconds(31));
        let third = code_for(&person, &run, &HOLDER);
        person
            .open(&format!("{run}/card"))
            .leads_to(&format!("{run}/phone-code"));
        for dead in [&first, &second] {
            is_wrong(&enter(&person, &run, dead));
        }
        enter(&person, &run, &third).leads_to(&format!("{run}/card"));
    }
}

#[test]
fn a_code_is_entered_once() {
    let app = with_random_codes();
    let person = app.sign_in("main-admin@acme.test");
    let (run, code) = start_with_code(&person, "acme-lab", "010-1234-5678");
    let path = format!("{run}/phone-code");
    let form = person.open(&path);
    let again = || person.send(&form, &path, &[("code", &code)]);
    again().leads_to(&format!("{run}/card"));
    again().leads_to(&format!("{run}/card"));
    person
        .enter_card(&run, "4242424242424242")
        .leads_to(&format!("{run}/complete"));
    again().leads_to(&format!("{run}/complete"));

    app.clock.advance(chrono::TimeDelta::seconds(31));
    let (next, its_own) = start_with_code(&person, "acme-lab", "010-1234-5678");
    is_wrong(&enter(&person, &next, &code));
    enter(&person, &next, &its_own).leads_to(&format!("{next}/card"));
}

#[test]
fn a_code_is_good_for_three_minutes_to_the_second() {
    for (seconds, is_good) in [(179, true), (180, false), (181, false)] {
        let app = with_random_codes();
        let person = app.sign_in("main-admin@acme.test");
        let (run, code) = start_with_code(&person, "acme-lab", "010-1234-5678");
        app.clock.advance(chrono::TimeDelta::seconds(seconds));
        let page = enter(&person, &run, &code);
        if is_good {
            page.leads_to(&format!("{run}/card"));
        } else {
            assert_eq!(page.status, 422, "after {seconds} s");
            assert!(page.body.contains("The code has expired"), "{seconds}");
        }
    }
}

/// The code before stays good until the next is on its way: who guesses it meanwhile has no more tries for that.
#[test]
fn guesses_while_a_code_is_sent_again_count_for_both() {
    for is_sent in [true, false] {
        let app = TestApp::start();
        let person = Arc::new(app.sign_in("main-admin@acme.test"));
        let run = person.reach_the_phone_code_page("acme-lab");
        let code = format!("{run}/phone-code");
        let guess = |person: &Person, code: &str| person.fill(code, &[("code", "000000")]).status;
        assert_eq!(guess(&person, &code), 422);
        app.clock.advance(TimeDelta::seconds(31));
        let form = person.open(&code);
        let (other, path, db) = (person.clone(), code.clone(), app.database.open());
        let scenario = fail::FailScenario::setup();
        fail::cfg_callback("phone-not-sent", move || {
            for _ in 0..2 {
                assert_eq!(guess(&other, &path), 422);
            }
            if !is_sent {
                let away = "ALTER TABLE sandbox_codes RENAME TO away";
                db.connection().unwrap().batch_execute(away).unwrap();
            }
        })
        .unwrap();
        let answer = person.send(&form, &format!("{code}/resend"), &[]);
        scenario.teardown();
        // Where a code was sent, the first guess was of the one before.
        let left = if is_sent {
            answer.leads_to(&code);
            3
        } else {
            assert_eq!(answer.status, 503, "{}", answer.body);
            let back = "ALTER TABLE away RENAME TO sandbox_codes";
            app.connection().batch_execute(back).unwrap();
            2
        };
        for _ in 1..left {
            assert_eq!(guess(&person, &code), 422);
        }
        assert_eq!(guess(&person, &code), 429, "sent: {is_sent}");
    }
}
