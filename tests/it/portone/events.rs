//! What PortOne tells by itself.

use std::thread;

use base64::{Engine, engine::general_purpose::STANDARD};
use billing_console::{
    clock::Clock,
    db::schema as s,
    portone::{
        WebhookSecret,
        webhook::{Headers, verify},
    },
};
use chrono::TimeDelta;
use diesel::prelude::*;
use hmac::{Hmac, Mac};
use serde_json::json;
use sha2::Sha256;

use super::{
    cards::start,
    event_edges::verdicts_of_the_sdk,
    fake::{Fake, WEBHOOK_SECRET},
    faults::{Fault, Operation},
};
use crate::{
    app::TestApp,
    person::{Page, Person},
};

pub const ADDRESS: &str = "/webhooks/portone";

pub fn signature(secret: &str, id: &str, timestamp: &str, body: &str) -> String {
    let key = STANDARD
        .decode(secret.strip_prefix("whsec_").unwrap_or(secret))
        .unwrap();
    let mut mac = <Hmac<Sha256> as Mac>::new_from_slice(&key).unwrap();
    mac.update(format!("{id}.{timestamp}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
}

pub fn deleted(key: &str) -> String {
    json!({
        "type": "BillingKey.Deleted", "timestamp": "2026-11-24T05:02:11.000Z",
        "data": { "storeId": "store", "billingKey": key, "new": [1] }, "new": {},
    })
    .to_string()
}

/// Sends an event as PortOne does, signed `ago` seconds ago.
pub fn send(app: &TestApp, secret: &str, id: &str, ago: i64, body: &str) -> Page {
    let timestamp = (app.clock.now().and_utc().timestamp() - ago).to_string();
    let signature = signature(secret, id, &timestamp, body);
    let headers = [
        ("webhook-id", id),
        ("webhook-timestamp", timestamp.as_str()),
        ("webhook-signature", signature.as_str()),
    ];
    app.visitor().post_body(ADDRESS, body, &headers)
}

pub fn events(app: &TestApp) -> i64 {
    s::gateway_events::table
        .count()
        .get_result(&mut *app.connection())
        .unwrap()
}

/// Registers a card for the group; gives its key.
pub fn registered(fake: &Fake, person: &Person, group: &str) -> String {
    let run = person.reach_the_anonymous_card_page(group);
    person
        .enter_card(&run, "5555555555554444")
        .leads_to(&format!("{run}/complete"));
    fake.live_keys().last().unwrap().clone()
}

pub fn tags(person: &Person, group: &str) -> String {
    let row = format!("tr[data-group={group}]");
    let tab = person.open("/billing/payment-methods");
    tab.attributes(&row, "data-tags").concat()
}

#[test]
fn a_key_that_is_deleted_at_the_provider_marks_the_method_as_failed_everywhere_until_it_is_changed()
{
    let (fake, app, person) = start();
    let staff = app.sign_in("support@console.test");
    let key = registered(&fake, &person, "acme-ml");
    assert_eq!(tags(&person, "acme-ml"), "");
    fake.delete_key(&key);
    assert_eq!(
        send(&app, WEBHOOK_SECRET, "e-1", 0, &deleted(&key)).status,
        200
    );
    app.until("the mark", |_| {
        (tags(&person, "acme-ml") == "failed").then_some(())
    });

    let tab = person.open("/billing/payment-methods");
    let row = tab.texts("tr[data-group=acme-ml]").concat();
    assert!(row.contains("Cannot be charged"), "{row}");
    assert_eq!(tab.attributes("[data-banner]", "data-banner"), ["failed"]);
    let banner = tab.texts("[data-banner]").concat();
    for words in [
        "The card of acme-ml can no longer be charged",
        "Change the payment method",
        "10 Dec",
    ] {
        assert!(banner.contains(words), "{words}: {banner}");
    }
    let preview = staff.open("/support/groups/acme-ml");
    assert_eq!(
        preview.attributes("[data-banner]", "data-banner"),
        ["failed"]
    );
    let shown = preview.texts("main").concat();
    for words in [
        "billing key was deleted at the payment provider",
        "can change the payment method",
    ] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    let korean = person
        .clone()
        .speaking("ko")
        .open("/billing/payment-methods");
    assert!(
        korean
            .texts("[data-banner]")
            .concat()
            .contains("더 이상 결제할 수 없어요")
    );
    let rows: i64 = s::audit_rows::table
        .filter(s::audit_rows::action.eq("payment_method.failed"))
        .filter(s::audit_rows::actor.eq("gateway"))
        .count()
        .get_result(&mut *app.connection())
        .unwrap();
    assert_eq!(rows, 1);

    // Sent again, and read again: nothing more happens.
    assert_eq!(
        send(&app, WEBHOOK_SECRET, "e-2", 0, &deleted(&key)).status,
        200
    );
    registered(&fake, &person, "acme-ml");
    assert_eq!(tags(&person, "acme-ml"), "");
    let tab = person.open("/billing/payment-methods");
    assert_eq!(tab.attributes("[data-banner]", "data-banner"), ["late-fee"]);
}

#[test]
fn whoever_changes_the_card_meanwhile_may_go_on() {
    let (fake, app, person) = start();
    let key = registered(&fake, &person, "acme-ml");
    let run = person.reach_the_anonymous_card_page("acme-ml");
    send(&app, WEBHOOK_SECRET, "e-1", 0, &deleted(&key));
    app.until("the mark", |_| {
        (tags(&person, "acme-ml") == "failed").then_some(())
    });
    person
        .enter_card(&run, "9410000000000005")
        .leads_to(&format!("{run}/complete"));
}

#[test]
fn a_key_that_is_deleted_before_the_commit_becomes_no_payment_method() {
    let (fake, app, person) = start();
    let run = person.reach_the_anonymous_card_page("acme-lab");
    fake.next(Operation::Issue, Fault::DoneEnds);
    fake.fail_one_in(1, vec![Fault::Says(503, "")], 1);
    let page = person.enter_card(&run, "5555555555554444");
    page.leads_to(&format!("{run}/confirming"));
    let key = fake.live_keys()[0].clone();
    // The look-up that follows still finds the key alive.
    assert_eq!(
        send(&app, WEBHOOK_SECRET, "e-1", 0, &deleted(&key)).status,
        200
    );
    fake.heal();
    app.until("the end of everything", |db| {
        app.clock.advance(TimeDelta::seconds(30));
        let left: i64 = s::jobs::table.count().get_result(db).unwrap();
        (left == 0).then_some(())
    });
    assert_eq!(
        crate::cards::last_four(&mut app.connection(), "acme-lab"),
        None
    );
    assert!(fake.live_keys().is_empty());
    let page = person.open(&format!("{run}/confirming"));
    assert!(page.body.contains("Nothing was registered"));
}

#[test]
fn an_event_is_known_by_its_id_and_a_sending_by_its_signature() {
    let (_fake, app, _person) = start();
    let body = deleted("billing-key-of-nobody");
    assert_eq!(send(&app, WEBHOOK_SECRET, "e-1", 10, &body).status, 200);
    assert_eq!(
        send(&app, WEBHOOK_SECRET, "e-1", 10, &body).status,
        409,
        "replayed"
    );
    assert_eq!(
        send(&app, WEBHOOK_SECRET, "e-1", 20, &body).status,
        409,
        "an older one"
    );
    assert_eq!(
        send(&app, WEBHOOK_SECRET, "e-1", 5, &body).status,
        200,
        "sent again"
    );
    assert_eq!(events(&app), 1);
    let sent: Vec<u16> = thread::scope(|scope| {
        let posts: Vec<_> = (0..20)
            .map(|_| scope.spawn(|| send(&app, WEBHOOK_SECRET, "e-2", 0, &body).status))
            .collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    assert_eq!(
        sent.iter().filter(|status| **status == 200).count(),
        1,
        "{sent:?}"
    );
    assert_eq!(events(&app), 2);
    let other =
        json!({ "type": "Transaction.Paid", "timestamp": "", "data": { "paymentId": "p" } });
    assert_eq!(
        send(&app, WEBHOOK_SECRET, "e-3", 0, &other.to_string()).status,
        200
    );
    app.until("the end of all jobs", |db| {
        app.clock.advance(TimeDelta::seconds(30));
        let left: i64 = s::jobs::table.count().get_result(db).unwrap();
        (left == 0).then_some(())
    });
}

#[test]
fn unsigned_stale_replayed_and_malformed_sendings_are_refused_and_nothing_is_kept() {
    let (_fake, app, person) = start();
    let body = deleted("billing-key-of-nobody");
    let other = "whsec_b3RoZXI=";
    assert_eq!(send(&app, other, "e-1", 0, &body).status, 401);
    assert_eq!(send(&app, WEBHOOK_SECRET, "e-1", 301, &body).status, 401);
    assert_eq!(send(&app, WEBHOOK_SECRET, "e-1", -301, &body).status, 401);
    assert_eq!(
        send(&app, WEBHOOK_SECRET, &"e".repeat(201), 0, &body).status,
        400
    );
    for malformed in [
        "",
        "{}",
        "[]",
        "null",
        "{\"type\":1,\"data\":{}}",
        "{\"type\":\"BillingKey.Deleted\"}",
        "{\"type\":\"BillingKey.Deleted\",\"data\":{\"billingKey\":\"a\\u0000b\"}}",
        "\u{0}",
    ] {
        assert_eq!(
            send(&app, WEBHOOK_SECRET, "e-1", 0, malformed).status,
            400,
            "{malformed}"
        );
    }
    let huge = " ".repeat(64 * 1024 + 1);
    assert_eq!(send(&app, WEBHOOK_SECRET, "e-1", 0, &huge).status, 413);
    let now = app.clock.now().and_utc().timestamp().to_string();
    let right = signature(WEBHOOK_SECRET, "e-1", &now, &body);
    let all = [
        ("webhook-id", "e-1"),
        ("webhook-timestamp", now.as_str()),
        ("webhook-signature", right.as_str()),
    ];
    for missing in 0..3 {
        let mut some = all.to_vec();
        some.remove(missing);
        assert_eq!(app.visitor().post_body(ADDRESS, &body, &some).status, 401);
    }
    let mut letters = all;
    letters[1].1 = "now";
    assert_eq!(
        app.visitor().post_body(ADDRESS, &body, &letters).status,
        400
    );
    // Neither a session nor a token stands in for the signature.
    assert_eq!(person.post(ADDRESS, &[("csrf_token", "x")]).status, 401);
    assert_eq!(person.open(ADDRESS).status, 405);
    assert_eq!(events(&app), 0);
    let jobs: i64 = s::jobs::table
        .count()
        .get_result(&mut *app.connection())
        .unwrap();
    assert_eq!(jobs, 0);
}

#[test]
fn while_a_secret_is_rotated_both_are_good_and_without_the_gateway_there_is_no_such_address() {
    let fake = Fake::start();
    let mut service = fake.service();
    service
        .webhook_secrets
        .push(WebhookSecret::parse("whsec_bmV3").ok().unwrap());
    let app = TestApp::start_with_portone(service);
    assert_eq!(
        send(&app, WEBHOOK_SECRET, "e-1", 0, &deleted("k")).status,
        200
    );
    assert_eq!(
        send(&app, "whsec_bmV3", "e-2", 0, &deleted("k")).status,
        200
    );
    let sandbox = TestApp::start();
    assert_eq!(
        send(&sandbox, WEBHOOK_SECRET, "e-1", 0, &deleted("k")).status,
        404
    );
}

/// PortOne's own SDK believes what the console believes, but for what `event_edges` names.
#[test]
fn portones_own_sdk_gives_the_same_verdicts() {
    let now = chrono::Utc::now().timestamp();
    let body = deleted("billing-key-한글");
    let sign = |secret: &str, id: &str, at: &str, body: &str| signature(secret, id, at, body);
    let at = |shift: i64| (now + shift).to_string();
    let good = sign(WEBHOOK_SECRET, "e", &at(0), &body);
    let other = sign("whsec_b3RoZXI=", "e", &at(0), &body);
    let cases = [
        ("e", at(0), good.clone(), body.clone()),
        ("e", at(0), format!("{other} {good}"), body.clone()),
        ("e", at(0), format!("v1a,x v2,y {good}"), body.clone()),
        (
            "e",
            at(-290),
            sign(WEBHOOK_SECRET, "e", &at(-290), &body),
            body.clone(),
        ),
        (
            "e",
            at(290),
            sign(WEBHOOK_SECRET, "e", &at(290), &body),
            body.clone(),
        ),
        (
            "e",
            at(-310),
            sign(WEBHOOK_SECRET, "e", &at(-310), &body),
            body.clone(),
        ),
        (
            "e",
            at(310),
            sign(WEBHOOK_SECRET, "e", &at(310), &body),
            body.clone(),
        ),
        ("e", at(0), other, body.clone()),
        ("f", at(0), good.clone(), body.clone()),
        ("e", at(1), good.clone(), body.clone()),
        ("e", at(0), good.clone(), format!("{body} ")),
        ("e", at(0), good.replace("v1,", "v2,"), body.clone()),
        ("e", at(0), good.replace("v1,", ""), body.clone()),
        ("e", at(0), good[..good.len() - 4].to_owned(), body.clone()),
        ("e", at(0), "v1,".into(), body.clone()),
        ("e", at(0), "x".into(), body.clone()),
        ("e", "soon".into(), good.clone(), body.clone()),
        ("e", "1.5".into(), good, body),
    ];
    let sendings: Vec<_> = cases
        .iter()
        .map(|(id, at, signature, body)| {
            json!({ "secret": WEBHOOK_SECRET, "body": body, "headers": {
                "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature,
            }})
        })
        .collect();
    let verdicts = verdicts_of_the_sdk(&sendings);
    assert_eq!(verdicts.len(), cases.len());
    let secrets = [WebhookSecret::parse(WEBHOOK_SECRET).ok().unwrap()];
    for ((id, at, signature, body), verdict) in cases.iter().zip(&verdicts) {
        let headers = Headers {
            id,
            timestamp: at,
            signature,
        };
        let ours = verify(&secrets, headers, body.as_bytes(), now);
        assert_eq!(
            ours.is_ok(),
            verdict == "GOOD",
            "{id} {at} {signature}: {verdict}, {ours:?}"
        );
    }
    assert_eq!(
        verdicts.iter().filter(|verdict| *verdict == "GOOD").count(),
        5
    );
}
