//! The HTML of the wizard's pages in both languages: empty, filled, with errors.

use crate::{
    app::TestApp,
    person::card,
    snapshots::{in_both_languages, keep, person},
};

#[test]
fn wizard_of_an_unknown_member_type_and_pauses() {
    in_both_languages(|app, language| {
        use billing_console::db::schema::organizations as o;
        use diesel::prelude::*;
        let person = person(app, "main-admin@acme.test", language);
        let run = person.reach_the_phone_code_page("acme-main");
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
