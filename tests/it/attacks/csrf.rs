//! Posts that do not come from our own pages: each form × each way to lack the token or the origin.

use super::{
    people::every_row,
    routes::{ROUTES, Route},
};
use crate::{app::TestApp, person::Person};

/// Runs that wait at the step of each form, so that nothing but the token and the origin protects them.
struct Runs {
    named: String,
    anonymous: String,
    card: String,
}

impl Runs {
    fn begin(person: &Person) -> Self {
        let named = person.reach_the_phone_code_page("acme-main");
        let anonymous = person.start_registration("acme-ml");
        person.choose(&anonymous, "anonymous_corporate_card");
        let card = person.reach_the_anonymous_card_page("acme-web");
        Self {
            named,
            anonymous,
            card,
        }
    }

    fn path(&self, route: &Route) -> String {
        let run = match route.pattern.rsplit_once('/').unwrap().1 {
            "business-number" => &self.anonymous,
            "card" => &self.card,
            _ => &self.named,
        };
        route.path("acme-lab", run.rsplit_once('/').unwrap().1)
    }
}

fn send(person: &Person, path: &str, route: &Route, token: &str, headers: &[(&str, &str)]) -> u16 {
    let mut fields = vec![("csrf_token", token)];
    fields.extend_from_slice(route.fields);
    person.post_with(path, &fields, headers).status
}

#[test]
fn every_post_needs_its_sessions_token_and_comes_from_our_own_pages() {
    let app = TestApp::start();
    let token_of = |person: &Person| {
        let tab = person.open("/billing/payment-methods");
        tab.hidden("csrf_token").unwrap()
    };
    let earlier = app.sign_in("main-admin@acme.test");
    let of_an_earlier_session = token_of(&earlier);
    earlier.post("/sign-out", &[("csrf_token", &of_an_earlier_session)]);
    let of_another_user = token_of(&app.sign_in("sub-admin@acme.test"));
    let person = app.sign_in("main-admin@acme.test");
    let of_another_session = token_of(&app.sign_in("main-admin@acme.test"));
    let runs = Runs::begin(&person);
    let own = token_of(&person);
    let base = format!("http://{}", app.address);
    let other_port = format!("http://127.0.0.1:{}", app.address.port() ^ 1);

    let ours: &[(&str, &str)] = &[("Origin", &base), ("Sec-Fetch-Site", "same-origin")];
    let bad_tokens = [
        "",
        "0",
        &"0".repeat(128),
        &own[..127],
        &of_another_user,
        &of_another_session,
        &of_an_earlier_session,
    ];
    let bad_origins: [&[(&str, &str)]; 11] = [
        &[],
        &[("Sec-Fetch-Site", "cross-site")],
        &[("Sec-Fetch-Site", "same-site")],
        &[("Sec-Fetch-Site", "cross-site"), ("Origin", &base)],
        &[("Sec-Fetch-Site", "same-site"), ("Origin", &base)],
        &[
            ("Sec-Fetch-Site", "same-origin"),
            ("Origin", "https://evil.test"),
        ],
        &[("Origin", "https://evil.test")],
        &[("Origin", &other_port)],
        &[("Origin", "null")],
        &[("Origin", "")],
        &[("Referer", &base)],
    ];
    let before = every_row(&mut app.connection());
    for route in ROUTES.iter().filter(|route| route.is_post()) {
        let path = runs.path(route);
        for headers in bad_origins {
            let status = send(&person, &path, route, &own, headers);
            assert_eq!(status, 403, "{path} {headers:?}");
        }
        // Nobody is signed in yet: there is no session to have a token.
        for token in bad_tokens.iter().filter(|_| path != "/sign-in") {
            let status = send(&person, &path, route, token, ours);
            assert_eq!(status, 403, "{path} with the token {token:?}");
        }
    }
    assert_eq!(before, every_row(&mut app.connection()));

    app.clock.advance(chrono::TimeDelta::seconds(31)); // the phone may get another code
    for route in ROUTES.iter().filter(|route| route.is_post()) {
        let path = runs.path(route);
        let before = every_row(&mut app.connection());
        let status = send(&person, &path, route, &own, ours);
        assert!(matches!(status, 303 | 422 | 429), "{path}: {status}");
        let is_taken = before != every_row(&mut app.connection());
        // A code that goes out with the form of the phone is not sent again at once.
        let changes_nothing = path == "/sign-in" || path.ends_with("/resend");
        assert_eq!(
            is_taken, !changes_nothing,
            "{path}: the refusals above meant something"
        );
    }
}
