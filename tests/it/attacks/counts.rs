//! Limits hold exactly, however many try at once and whatever is restarted meanwhile.

use std::sync::atomic::{AtomicUsize, Ordering};

use billing_console::db::schema as s;
use diesel::prelude::*;

use crate::{
    app::{TestApp, TestDatabase},
    crash::{Process, free_port},
    person::{Page, Person, card},
};

/// So many at once; their statuses.
fn at_once(times: usize, ask: impl Fn(usize) -> Page + Sync) -> Vec<u16> {
    std::thread::scope(|scope| {
        let asked: Vec<_> = (0..times)
            .map(|n| {
                let ask = &ask;
                scope.spawn(move || ask(n).status)
            })
            .collect();
        asked
            .into_iter()
            .map(|asked| asked.join().unwrap())
            .collect()
    })
}

fn count(statuses: &[u16], status: u16) -> usize {
    statuses.iter().filter(|one| **one == status).count()
}

#[test]
fn guesses_of_a_code_count_exactly_across_a_restart() {
    let database = TestDatabase::new();
    let port = free_port();
    let process = Process::start(&database, port, "");
    let person = Person::new(process.base.clone());
    let fields = [
        ("email", "main-admin@acme.test"),
        ("password", "open-sesame-demo"),
    ];
    assert_eq!(person.post("/sign-in", &fields).status, 303);
    let run = person.reach_the_phone_code_page("acme-lab");
    let path = format!("{run}/phone-code");
    let form = person.open(&path);
    let guess = |_| person.clone().send(&form, &path, &[("code", "000000")]);
    assert_eq!(at_once(3, guess), [422; 3]);
    process.kill();

    let process = Process::start(&database, port, "");
    let statuses = at_once(97, guess);
    // The fourth is wrong, the fifth begins the pause; whoever waited too long for the database was told to try again.
    let known = [422, 429, 503].map(|status| count(&statuses, status));
    assert_eq!(known.iter().sum::<usize>(), 97, "{statuses:?}");
    assert!(known[0] <= 1, "{statuses:?}");
    let tries: i32 = s::verifications::table
        .select(s::verifications::tries)
        .first(&mut *database.open().connection().unwrap())
        .unwrap();
    assert_eq!(tries, 5);
    drop(process);
}

#[test]
fn codes_asked_for_by_twenty_at_once_are_sent_one_at_a_time_and_ten_a_day() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let mut sent = 0;
    for group in ["acme-lab", "acme-ml", "acme-web"] {
        app.clock.advance(chrono::TimeDelta::seconds(31));
        let run = person.start_registration(group);
        person.choose(&run, "named_card");
        let path = format!("{run}/phone");
        let form = person.open(&path);
        let ask = |_| {
            let fields = [
                ("holder_name", "김하나"),
                ("birth_date", "900101"),
                ("birth_digit", "2"),
                ("carrier", "skt"),
                ("phone_number", "010-1234-5678"),
            ];
            person.clone().send(&form, &path, &fields)
        };
        let statuses = at_once(20, ask);
        assert!(statuses.iter().all(|status| [303, 429].contains(status)));
        if count(&statuses, 303) == 0 {
            break; // the day's codes are used up
        }
        sent += 1;
        assert_eq!(count(&statuses, 303), 1, "{statuses:?}");
        for n in 2..=6 {
            app.clock.advance(chrono::TimeDelta::seconds(31));
            let resend = |_| {
                let path = format!("{run}/phone-code/resend");
                person.clone().send(&form, &path, &[])
            };
            let statuses = at_once(20, resend);
            assert_eq!(count(&statuses, 303), usize::from(n <= 5), "{statuses:?}");
            sent += count(&statuses, 303);
        }
    }
    assert_eq!(
        sent, 10,
        "five in each of two registrations, then none in the third"
    );
    let sends: Vec<i32> = s::verifications::table
        .select(s::verifications::sends)
        .load(&mut *app.connection())
        .unwrap();
    assert_eq!(sends, [5, 5]);
}

#[test]
fn fifty_refused_cards_at_once_reach_the_gateway_ten_times() {
    let app = TestApp::start();
    let person = app.sign_in("main-admin@acme.test");
    let forms: Vec<(String, Page)> = ["acme-main", "acme-ml", "acme-web", "acme-lab"]
        .iter()
        .map(|group| {
            let run = person.reach_the_anonymous_card_page(group);
            let path = format!("{run}/card");
            let form = person.open(&path);
            (path, form)
        })
        .collect();
    let keys = AtomicUsize::new(0);
    let post = |n: usize| {
        let (path, form) = &forms[n % forms.len()];
        let token = form.hidden("csrf_token").unwrap();
        let key = format!("key{:029}", keys.fetch_add(1, Ordering::Relaxed));
        let mut fields = card("4000000000000002").to_vec();
        fields.extend([("csrf_token", token.as_str()), ("idempotency_key", &key)]);
        person.clone().post(path, &fields)
    };
    let mut refused = 0;
    loop {
        let statuses = at_once(50, post);
        refused += count(&statuses, 422);
        // One at a time for a group: who comes meanwhile is led to what is being confirmed.
        let others = count(&statuses, 303) + count(&statuses, 429);
        assert_eq!(count(&statuses, 422) + others, 50, "{statuses:?}");
        if count(&statuses, 429) == 50 {
            break;
        }
    }
    assert_eq!(refused, 10);
    let asked: i64 = s::card_attempts::table
        .count()
        .get_result(&mut *app.connection())
        .unwrap();
    assert_eq!(asked, 10);
}

#[test]
fn wrong_passwords_count_exactly_and_the_pause_survives_a_restart() {
    let database = TestDatabase::new();
    let port = free_port();
    let try_at = |process: &Process, email: &'static str, password: &'static str| {
        let base = process.base.clone();
        let fields = [("email", email), ("password", password)];
        move |_| Person::new(base.clone()).post("/sign-in", &fields)
    };
    let counts = || -> Vec<i32> {
        s::throttles::table
            .filter(s::throttles::key.like("sign-in:%"))
            .select(s::throttles::count)
            .load(&mut *database.open().connection().unwrap())
            .unwrap()
    };
    let process = Process::start(&database, port, "");
    let wrong = try_at(&process, "main-admin@acme.test", "open-sesame-dem0");
    assert_eq!(at_once(4, wrong), [422; 4]);
    assert_eq!(counts(), [4, 4], "the account's and the address's");
    process.kill();

    let process = Process::start(&database, port, "");
    let wrong = try_at(&process, "main-admin@acme.test", "open-sesame-dem0");
    let mut statuses = at_once(40, &wrong);
    // Whoever waited too long was told to try again: until all are paused.
    while count(&statuses, 429) < statuses.len() {
        let known = [422, 429, 503].map(|status| count(&statuses, status));
        assert_eq!(known.iter().sum::<usize>(), 40, "{statuses:?}");
        assert!(known[0] <= 6, "{statuses:?}");
        statuses = at_once(40, &wrong);
    }
    assert_eq!(counts(), [10, 10]);
    process.kill();

    let process = Process::start(&database, port, "");
    for email in ["main-admin@acme.test", "viewer@acme.test"] {
        let right = try_at(&process, email, "open-sesame-demo");
        let page = right(0);
        assert_eq!(page.status, 429, "{email}: the account and the address");
        assert_ne!(page.header("retry-after"), "");
    }
    assert_eq!(counts(), [10, 10]);
}

/// Whoever has one IPv6 address has a network of them.
#[test]
fn wrong_passwords_from_one_ipv6_network_count_together() {
    let app = TestApp::start_with(|settings| {
        settings.trusted_proxies = vec!["127.0.0.0/8".parse().unwrap()]
    });
    let base = format!("http://{}", app.address);
    let person = app.visitor();
    let try_from = |client: &str, email: &str| {
        let headers = [("Origin", base.as_str()), ("X-Forwarded-For", client)];
        let fields = [("email", email), ("password", "open-sesame-dem0")];
        person.post_with("/sign-in", &fields, &headers).status
    };
    for n in 0..10 {
        let (client, email) = (
            format!("2001:db8:0:7:{n}::{n}"),
            format!("nobody{n}@acme.test"),
        );
        assert_eq!(try_from(&client, &email), 422, "{client}");
    }
    assert_eq!(try_from("2001:db8:0:7:ffff::1", "viewer@acme.test"), 429);
    assert_eq!(try_from("2001:db8:0:8::1", "viewer@acme.test"), 422);
}
