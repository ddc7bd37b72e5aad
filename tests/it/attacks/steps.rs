//! The wizard's steps in every order.

use crate::{app::TestApp, person::Person};

/// Every step that is posted, with good answers.
const FORMS: [&str; 5] = [
    "payment-method",
    "phone",
    "phone-code",
    "business-number",
    "card",
];
pub const NAMED: [&str; 4] = ["payment-method", "phone", "phone-code", "card"];
pub const ANONYMOUS: [&str; 3] = ["payment-method", "business-number", "card"];

fn permutations(of: &[&'static str]) -> Vec<Vec<&'static str>> {
    if of.is_empty() {
        return vec![Vec::new()];
    }
    of.iter()
        .flat_map(|first| {
            let rest: Vec<_> = of.iter().copied().filter(|step| step != first).collect();
            permutations(&rest).into_iter().map(move |mut order| {
                order.insert(0, *first);
                order
            })
        })
        .collect()
}

pub fn answers<'a>(step: &str, method: &'a str, phone: &'a str) -> Vec<(&'static str, &'a str)> {
    match step {
        "payment-method" => vec![
            ("payment_method", method),
            ("agree_auto_payment", "yes"),
            ("agree_privacy", "yes"),
            ("agree_third_party", "yes"),
        ],
        "phone" => vec![
            ("holder_name", "김하나"),
            ("birth_date", "900101"),
            ("birth_digit", "2"),
            ("carrier", "skt"),
            ("phone_number", phone),
        ],
        "phone-code" => vec![("code", "123456")],
        "business-number" => vec![("business_number", "999-81-00015")],
        _ => {
            let mut fields = crate::person::card("5555555555554444").to_vec();
            fields.push(("idempotency_key", "0123456789abcdef0123456789abcdef"));
            fields
        }
    }
}

/// Posts the steps in this order; each is taken if it is the open one, else it leads to that. Gives how far it came.
fn walk(
    person: &Person,
    token: &str,
    run: &str,
    method: &str,
    way: &[&str],
    order: &[&str],
    phone: &str,
) -> usize {
    let mut done = 0;
    for step in order {
        let at = format!("{order:?} at {step}");
        let mut fields = vec![("csrf_token", token)];
        fields.extend(answers(step, method, phone));
        let page = person.post(&format!("{run}/{step}"), &fields);
        if way.get(done) == Some(step) {
            done += 1;
        }
        let next = way.get(done).copied().unwrap_or("complete");
        let expected = format!("{run}/{next}");
        assert_eq!(page.status, 303, "{at}: {}", page.body);
        assert_eq!(page.location.as_deref(), Some(expected.as_str()), "{at}");
    }
    done
}

/// Before the end no page of the end is shown, and only steps of the way so far can be opened.
fn shows_only_what_was_reached(
    person: &Person,
    run: &str,
    way: &[&str],
    done: usize,
    order: &[&str],
) {
    let open = format!("{run}/{}", way[done]);
    for page in ["confirming", "complete"] {
        person.open(&format!("{run}/{page}")).leads_to(&open);
    }
    for step in FORMS {
        let page = person.open(&format!("{run}/{step}"));
        let at = format!("{order:?}: {step}");
        // A code that was entered is used up: there is nothing to enter again.
        let is_open =
            way[..=done].contains(&step) && !(step == "phone-code" && way[done] == "card");
        if is_open {
            assert_eq!((page.status, page.step().as_str()), (200, step), "{at}");
        } else {
            assert_eq!(page.location.as_deref(), Some(open.as_str()), "{at}");
        }
    }
}

#[test]
fn the_steps_in_every_order_are_taken_only_in_the_right_one() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let token = person
        .open("/billing/payment-methods")
        .hidden("csrf_token")
        .unwrap();
    let mut phones = (1..).map(|n| format!("010-2000-{n:04}"));
    let mut completed = 0;
    let named = permutations(&FORMS)
        .into_iter()
        .map(|order| ("named_card", &NAMED[..], order));
    let anonymous = permutations(&["payment-method", "phone", "business-number", "card"])
        .into_iter()
        .map(|order| ("anonymous_corporate_card", &ANONYMOUS[..], order));
    for (method, way, order) in named.chain(anonymous) {
        let start = person.post(
            "/billing/groups/acme-lab/registrations",
            &[("csrf_token", &token)],
        );
        let first = start.location.unwrap();
        let run = first.strip_suffix("/payment-method").unwrap();
        let phone = phones.next().unwrap();
        let done = walk(&person, &token, run, method, way, &order, &phone);
        let in_order: Vec<_> = order.iter().filter(|step| way.contains(step)).collect();
        let is_right = in_order.iter().map(|step| **step).eq(way.iter().copied());
        assert_eq!(done == way.len(), is_right, "{order:?}");
        if is_right {
            completed += 1;
            assert_eq!(person.open(&format!("{run}/complete")).step(), "complete");
        } else {
            shows_only_what_was_reached(&person, run, way, done, &order);
            person.post(&format!("{run}/cancel"), &[("csrf_token", &token)]);
        }
    }
    assert_eq!(
        completed,
        5 + 4,
        "where the step of another way stood decides nothing"
    );
}
