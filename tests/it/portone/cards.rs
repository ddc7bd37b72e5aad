//! Cards by PortOne, through the console's pages.

use std::{collections::BTreeSet, thread, time::Duration};

use billing_console::db::schema as s;
use chrono::TimeDelta;
use diesel::prelude::*;

use super::{
    fake::{CARD_CHANNEL, Fake, TOO_LONG},
    faults::{Fault, Operation, every_quick_fault},
};
use crate::{
    app::TestApp,
    person::{Page, Person},
};

pub fn start() -> (Fake, TestApp, Person) {
    let fake = Fake::start();
    let app = TestApp::start_with_portone(fake.service());
    let person = app.sign_in("main-admin@acme.test");
    (fake, app, person)
}

/// The billing keys that the console charges, but those of the demo's own data.
fn charged_keys(app: &TestApp) -> BTreeSet<String> {
    let keys: Vec<Option<String>> = s::payment_methods::table
        .select(s::payment_methods::billing_key)
        .load(&mut *app.connection())
        .unwrap();
    keys.into_iter()
        .flatten()
        .filter(|key| !key.starts_with("sandbox-"))
        .collect()
}

/// Lets everything end that is still open; then each live key is one that is charged, and the other way round.
#[track_caller]
fn is_in_order_once_drained(fake: &Fake, app: &TestApp) {
    app.until("an empty list of jobs", |db| {
        app.clock.advance(TimeDelta::seconds(30));
        let left: i64 = s::jobs::table.count().get_result(db).unwrap();
        (left == 0).then_some(())
    });
    let live: BTreeSet<String> = fake.live_keys().into_iter().collect();
    assert_eq!(live, charged_keys(app));
}

fn last_four(app: &TestApp, group: &str) -> Option<String> {
    crate::cards::last_four(&mut app.connection(), group)
}

#[test]
fn a_card_of_each_kind_is_registered_and_changed_and_the_old_key_deleted() {
    let (fake, app, person) = start();
    let run = person.reach_the_anonymous_card_page("acme-lab");
    person
        .enter_card(&run, "9410 0000 0000 0005")
        .leads_to(&format!("{run}/complete"));
    let row = person.open("/billing/payment-methods");
    let row = row.texts("[data-group=acme-lab]").concat();
    assert!(row.contains("BC") && row.contains("0005"), "{row}");

    let run = person.reach_the_named_card_page("acme-lab");
    person
        .enter_card(&run, "4242 4242 4242 4242")
        .leads_to(&format!("{run}/complete"));
    assert_eq!(last_four(&app, "acme-lab").as_deref(), Some("4242"));
    is_in_order_once_drained(&fake, &app);
    assert_eq!(fake.live_keys().len(), 1);

    let asked = fake.asked(Operation::Issue);
    let [corporate, personal] = asked.as_slice() else {
        panic!("asked {} times", asked.len());
    };
    for (body, number, identity) in [
        (corporate, "9410000000000005", "9998100015"),
        (personal, "4242424242424242", "900101"),
    ] {
        let credential = &body["method"]["card"]["credential"];
        assert_eq!(body["channelKey"], CARD_CHANNEL);
        assert_eq!(body["customer"]["id"], "acme-lab");
        assert_eq!(credential["number"], number);
        assert_eq!(credential["expiryYear"], "29");
        assert_eq!(credential["expiryMonth"], "12");
        assert_eq!(credential["passwordTwoDigits"], "12");
        assert_eq!(credential["birthOrBusinessRegistrationNumber"], identity);
        let ours = body["customData"].as_str().unwrap();
        assert!(
            ours.contains("reference") && !ours.contains(number),
            "{ours}"
        );
    }
}

#[test]
fn rule_9_a_card_that_is_taken_but_not_ours_to_take_is_refused_and_its_key_deleted_until_it_is_done()
 {
    let (fake, app, person) = start();
    let run = person.reach_the_anonymous_card_page("acme-lab");
    for (number, words) in [
        ("4000 0566 5566 5556", "This is a debit card"),
        ("5105 1051 0510 5100", "This is a prepaid or gift card"),
        ("4242 4242 4242 4242", "This is not a corporate card"),
        (
            "4000 0000 0000 0010",
            "does not say whether this is a credit card",
        ),
    ] {
        for fault in [
            Fault::Says(500, ""),
            Fault::EndsUndone,
            Fault::DoneSays(502, ""),
        ] {
            fake.next(Operation::Delete, fault);
        }
        let page = person.enter_card(&run, number);
        assert_eq!(page.status, 422, "{number}");
        let summary = page.texts("[role=alert]").concat();
        assert!(summary.contains(words), "{number}: {summary}");
        is_in_order_once_drained(&fake, &app);
    }
    assert_eq!(last_four(&app, "acme-lab"), None);
    assert!(fake.live_keys().is_empty());
}

#[test]
fn the_payment_companys_refusals_have_their_words_and_leave_no_key() {
    let (fake, app, person) = start();
    let run = person.reach_the_anonymous_card_page("acme-ml");
    let before = last_four(&app, "acme-ml");
    for (number, words) in [
        ("4000 0000 0000 0002", "The card company refused this card"),
        (
            "4000 0000 0000 0069",
            "The expiry date is not the one on the card",
        ),
        ("4000 0000 0000 0127", "The card password is not correct"),
        ("4111 1111 1111 1111", "knows no card with this number"),
    ] {
        let page = person.enter_card(&run, number);
        assert_eq!(page.status, 422, "{number}");
        let summary = page.texts("[role=alert]").concat();
        assert!(summary.contains(words), "{number}: {summary}");
    }
    assert_eq!(last_four(&app, "acme-ml"), before, "the old card stays");
    assert!(fake.live_keys().is_empty());
}

/// Where a post of the card page may lead.
fn outcome(page: &Page) -> &'static str {
    match (page.status, page.location.as_deref()) {
        (303, Some(to)) if to.ends_with("/complete") => "registered",
        (303, Some(to)) if to.ends_with("/confirming") => "unknown",
        (422, None) => "refused",
        (503, None) => "not sent",
        other => panic!("{other:?}: {}", page.body),
    }
}

#[test]
fn whatever_happens_to_a_request_for_a_key_it_is_never_lost_doubled_or_mistaken() {
    for (at, fault) in every_quick_fault().into_iter().enumerate() {
        let (fake, app, person) = start();
        let run = person.reach_the_anonymous_card_page("acme-lab");
        fake.next(Operation::Issue, fault.clone());
        let page = person.enter_card(&run, "5555555555554444");
        let expected = match fault {
            Fault::Slow(_) | Fault::DoneSlow(_) => "registered",
            Fault::Refuses => "refused",
            _ => "unknown",
        };
        assert_eq!(outcome(&page), expected, "{at}: {fault:?}");
        assert_eq!(fake.struck().len(), 1, "{at}: it struck");
        if let Fault::EndsDoneLate(time) = fault {
            // The tests' clock is faster than the provider.
            thread::sleep(time * 2);
        }
        is_in_order_once_drained(&fake, &app);
        let is_done = matches!(
            fault,
            Fault::Slow(_)
                | Fault::DoneSlow(_)
                | Fault::DoneEnds
                | Fault::DoneHalf
                | Fault::DoneSays(..)
                | Fault::EndsDoneLate(_)
        );
        let registered = last_four(&app, "acme-lab");
        assert_eq!(registered.is_some(), is_done, "{at}: {fault:?}");
        assert_eq!(fake.live_keys().len(), usize::from(is_done), "{fault:?}");
    }
}

#[test]
fn whatever_happens_when_a_keys_card_is_asked_for_the_key_is_adopted_in_the_end() {
    for fault in every_quick_fault() {
        let (fake, app, person) = start();
        let run = person.reach_the_anonymous_card_page("acme-lab");
        // The details of the key, then the first look-up's list, then its details.
        for operation in [Operation::Key, Operation::List, Operation::Key] {
            fake.next(operation, fault.clone());
        }
        outcome(&person.enter_card(&run, "5555555555554444"));
        is_in_order_once_drained(&fake, &app);
        assert_eq!(
            last_four(&app, "acme-lab").as_deref(),
            Some("4444"),
            "{fault:?}"
        );
    }
}

#[test]
fn a_request_that_left_no_key_is_given_up_only_after_a_minute() {
    let (fake, app, person) = start();
    let run = person.reach_the_anonymous_card_page("acme-lab");
    fake.next(Operation::Issue, Fault::EndsUndone);
    let page = person.enter_card(&run, "5555555555554444");
    page.leads_to(&format!("{run}/confirming"));
    let confirming = format!("{run}/confirming");
    app.until("the first look-up", |_| {
        (!fake.asked(Operation::List).is_empty()).then_some(())
    });
    assert_eq!(person.open(&confirming).step(), "confirming");
    assert!(
        person
            .open(&confirming)
            .body
            .contains("http-equiv=\"refresh\"")
    );
    app.until("the end of the attempt", |_| {
        app.clock.advance(TimeDelta::seconds(10));
        let page = person.open(&confirming).body;
        page.contains("Nothing was registered").then_some(())
    });
    // The verification is not asked for again.
    person
        .enter_card(&run, "5555555555554444")
        .leads_to(&format!("{run}/complete"));
    is_in_order_once_drained(&fake, &app);
}

#[test]
fn where_the_provider_cannot_be_asked_any_more_the_registration_becomes_a_case() {
    let (fake, app, person) = start();
    let run = person.reach_the_anonymous_card_page("acme-lab");
    fake.next(Operation::Issue, Fault::DoneEnds);
    fake.fail_one_in(1, vec![Fault::Says(401, r#"{"type":"UNAUTHORIZED"}"#)], 1);
    let page = person.enter_card(&run, "5555555555554444");
    page.leads_to(&format!("{run}/confirming"));
    app.clock.advance(TimeDelta::minutes(11));
    let staff = app.sign_in("support@console.test");
    let preview = staff.open("/support/groups/acme-lab");
    let told = preview.texts(".log li:first-child").concat();
    assert!(
        told.contains("Ask the payment provider with the reference"),
        "{told}"
    );
    let say = preview.texts(".say").concat();
    assert!(say.contains("unchanged"), "{say}");
    // The provider is back: adopted without anybody's help.
    fake.heal();
    is_in_order_once_drained(&fake, &app);
    assert_eq!(last_four(&app, "acme-lab").as_deref(), Some("4444"));
}

#[test]
fn a_provider_that_refuses_the_console_itself_is_not_the_cards_fault_and_counts_against_nobody() {
    let (fake, _app, person) = start();
    let run = person.reach_the_anonymous_card_page("acme-lab");
    for _ in 0..11 {
        let fault = Fault::Says(404, r#"{"type":"CHANNEL_NOT_FOUND"}"#);
        fake.next(Operation::Issue, fault);
        let page = person.enter_card(&run, "5555555555554444");
        assert_eq!(page.status, 422);
        let summary = page.texts("[role=alert]").concat();
        assert!(summary.contains("Your card is not the reason"), "{summary}");
    }
    person
        .enter_card(&run, "5555555555554444")
        .leads_to(&format!("{run}/complete"));
}

#[test]
fn a_provider_that_hangs_keeps_no_other_page_waiting_and_its_answer_is_unknown() {
    let (fake, app, person) = start();
    let run = person.reach_the_anonymous_card_page("acme-lab");
    fake.next(Operation::Issue, Fault::DoneSlow(TOO_LONG));
    thread::scope(|scope| {
        let waiting = scope.spawn(|| person.enter_card(&run, "5555555555554444"));
        while fake.asked(Operation::Issue).is_empty() {
            thread::sleep(Duration::from_millis(10));
        }
        let other = app.sign_in("admin@blueharbor.test");
        assert_eq!(other.open("/billing/payment-methods").status, 200);
        let mine = other.reach_the_anonymous_card_page("blueharbor-main");
        other
            .enter_card(&mine, "5555555555554444")
            .leads_to(&format!("{mine}/complete"));
        assert!(!waiting.is_finished(), "they were answered meanwhile");
        let page = waiting.join().unwrap();
        page.leads_to(&format!("{run}/confirming"));
    });
    is_in_order_once_drained(&fake, &app);
    assert_eq!(last_four(&app, "acme-lab").as_deref(), Some("4444"));
}
