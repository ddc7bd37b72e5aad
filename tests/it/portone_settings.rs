//! How PortOne is set up: what is missing is told, what is wrong is told without the secret, and the proof of the
//! settings changes nothing.

use crate::{
    app::{KEY, TestDatabase},
    peer::{Asked, Peer, Reply},
    process::{out, refused, run_with, told},
};

const SECRET: &str = "CanarySecretOfTheApi";
const WEBHOOK_SECRET: &str = "whsec_Q2FuYXJ5U2VjcmV0T2ZUaGVFdmVudHM=";

/// Everything that the gateway needs, with the key of the tax service in the second half.
const SET: [(&str, &str); 8] = [
    ("BILLING_SECRET_KEY", KEY),
    ("BILLING_GATEWAY", "portone"),
    ("BILLING_PORTONE_SECRET", SECRET),
    ("BILLING_PORTONE_CHANNEL_KEY", "channel-key-cards"),
    ("BILLING_PORTONE_IDENTITY_CHANNEL_KEY", "channel-key-phones"),
    ("BILLING_PORTONE_WEBHOOK_SECRET", WEBHOOK_SECRET),
    ("ALL_PROXY", ""),
    ("HTTPS_PROXY", ""),
];

fn check(
    database: &TestDatabase,
    online: bool,
    changed: &[(&'static str, &str)],
) -> std::process::Output {
    let args: &[&str] = if online {
        &["check-config", "--online"]
    } else {
        &["check-config"]
    };
    let env = [SET.as_slice(), changed].concat();
    run_with(database, args, &env, "")
}

#[test]
fn what_is_missing_is_told_all_at_once_and_each_secret_may_be_a_file() {
    let database = TestDatabase::new();
    let nothing = [
        ("BILLING_SECRET_KEY", KEY),
        ("BILLING_GATEWAY", "portone"),
        ("BILLING_PORTONE_CHANNEL_KEY", "channel-key-cards"),
    ];
    for command in ["check-config", "serve"] {
        refused(
            &run_with(&database, &[command], &nothing, ""),
            2,
            "needs BILLING_PORTONE_SECRET, BILLING_PORTONE_IDENTITY_CHANNEL_KEY, BILLING_PORTONE_WEBHOOK_SECRET: set each",
        );
    }

    let folder = database.folder.path();
    let mut env: Vec<(String, String)> = vec![
        ("BILLING_SECRET_KEY".into(), KEY.into()),
        ("BILLING_GATEWAY".into(), "portone".into()),
    ];
    for (name, value) in &SET[2..6] {
        let file = folder.join(name);
        std::fs::write(&file, format!("{value}\n")).unwrap();
        env.push((format!("{name}_FILE"), file.to_str().unwrap().to_owned()));
    }
    let env: Vec<(&str, &str)> = env
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let done = run_with(&database, &["check-config"], &env, "");
    assert_eq!(done.status.code(), Some(0), "{}", told(&done));
    assert_eq!(
        out(&done),
        "Cards and phone codes: PortOne at https://api.portone.io.\n\
         Business numbers: PortOne at https://api.portone.io.\n\
         Events: http://127.0.0.1:8080/webhooks/portone, signed with one secret.\n\
         The configuration is in order.\n"
    );
}

#[test]
fn a_setting_that_cannot_work_is_refused_in_one_line_without_the_secret() {
    let database = TestDatabase::new();
    for (name, value) in [
        ("BILLING_PORTONE_URL", "http://api.example"),
        ("BILLING_PORTONE_URL", "https://api.example/v2?key=1"),
        ("BILLING_PORTONE_SECRET", "Canary Secret"),
        ("BILLING_PORTONE_CHANNEL_KEY", "Canary key"),
        ("BILLING_PORTONE_IDENTITY_CHANNEL_KEY", "Canary\tkey"),
        ("BILLING_PORTONE_WEBHOOK_SECRET", "whsec_Canary!"),
        ("BILLING_PORTONE_WEBHOOK_SECRET", "whsec_Q2FuYXJ5,"),
    ] {
        let done = check(&database, false, &[(name, value)]);
        refused(&done, 2, name);
        assert!(!told(&done).contains("Canary"), "{name}");
    }
    let none = check(&database, false, &[("BILLING_GATEWAY", "toss")]);
    refused(&none, 2, "BILLING_GATEWAY takes portone");
    let rotated = format!("{WEBHOOK_SECRET},whsec_bmV3");
    let two = check(
        &database,
        false,
        &[("BILLING_PORTONE_WEBHOOK_SECRET", &rotated)],
    );
    assert!(out(&two).contains("signed with any of 2 secrets"));
}

/// What the provider is asked, and what a channel that is nobody's gets.
fn answers(peer: &Peer, replies: &[(u16, &str)]) {
    peer.replies_in_turn(
        replies
            .iter()
            .map(|(status, body)| Reply::Answer(*status, (*body).to_owned()))
            .collect(),
    );
}

const NO_CHANNEL: (u16, &str) = (404, r#"{"type":"CHANNEL_NOT_FOUND"}"#);
const INVALID: (u16, &str) = (400, r#"{"type":"INVALID_REQUEST"}"#);
const KEYS: (u16, &str) = (
    200,
    r#"{"items":[],"page":{"number":0,"size":1,"totalCount":0}}"#,
);
const BUSINESS: (u16, &str) = (
    200,
    r#"{"result":[{"brn":"9998100015","error":"등록되지 않은 번호"}]}"#,
);

#[test]
fn check_config_online_proves_secret_and_channels_and_issues_sends_and_charges_nothing() {
    let database = TestDatabase::new();
    run_with(&database, &["migrate"], &[], "");
    let peer = Peer::start(Reply::EndsRead);
    let url = peer.url();
    let online = || check(&database, true, &[("BILLING_PORTONE_URL", &url)]);

    answers(
        &peer,
        &[KEYS, INVALID, NO_CHANNEL, INVALID, NO_CHANNEL, BUSINESS],
    );
    let done = online();
    assert_eq!(done.status.code(), Some(0), "{}", told(&done));
    assert!(
        out(&done).ends_with(
            "The database is up to date.\n\
             PortOne answers and takes the secret.\n\
             PortOne knows the card channel.\n\
             PortOne knows the identity channel.\n\
             PortOne looks businesses up.\n\
             The configuration is in order.\n"
        ),
        "{}",
        out(&done)
    );
    let asked = peer.asked();
    let lines: Vec<&str> = asked.iter().map(|asked| asked.line.as_str()).collect();
    assert_eq!(lines.len(), 6);
    assert!(lines[0].starts_with("GET /billing-keys?"), "{}", lines[0]);
    for (card, phone) in [(1, 3), (2, 4)] {
        assert_eq!(lines[card], "POST /billing-keys HTTP/1.1");
        assert!(
            asked[card].body.ends_with(r#""method":{}}"#),
            "no card at all"
        );
        assert!(lines[phone].starts_with("POST /identity-verifications/"));
        assert!(
            asked[phone].body.contains(r#""phoneNumber":"""#),
            "no phone"
        );
    }
    assert!(
        asked
            .iter()
            .all(|Asked { authorization, .. }| authorization == &format!("PortOne {SECRET}"))
    );

    // Both channels fail alike: nothing is proven, and that is said.
    answers(&peer, &[KEYS, INVALID, INVALID, INVALID, INVALID, BUSINESS]);
    let done = online();
    assert_eq!(done.status.code(), Some(0), "{}", told(&done));
    assert!(out(&done).contains("does not tell whether it knows the card channel"));

    for (replies, words) in [
        (
            &[(401, r#"{"type":"UNAUTHORIZED"}"#)][..],
            "check BILLING_PORTONE_SECRET",
        ),
        (
            &[KEYS, NO_CHANNEL, INVALID, NO_CHANNEL, BUSINESS],
            "check BILLING_PORTONE_CHANNEL_KEY",
        ),
        (
            &[KEYS, INVALID, NO_CHANNEL, NO_CHANNEL, BUSINESS],
            "check BILLING_PORTONE_IDENTITY_CHANNEL_KEY",
        ),
        (
            &[
                KEYS,
                INVALID,
                NO_CHANNEL,
                INVALID,
                NO_CHANNEL,
                (403, r#"{"type":"B2B_NOT_ENABLED"}"#),
            ],
            "set BILLING_NTS_SERVICE_KEY",
        ),
        (&[(503, "")], "HTTP 503"),
    ] {
        answers(&peer, replies);
        let done = online();
        refused(&done, 1, words);
        assert!(out(&done).contains("The database is up to date.\n"));
        assert!(!told(&done).contains("Canary"));
    }
}
