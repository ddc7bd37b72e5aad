//! Who may do what: every route × everybody × what is theirs, another's, or not there.

use super::{
    people::{Kind, every_row},
    routes::{ROUTES, Route, Who},
};
use crate::{
    app::TestApp,
    person::{Page, Person},
};

/// Of whom a group and a run are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// The one who asks.
    Own,
    /// A colleague, in a group that administrators of the main group and of this one reach.
    Colleague,
    /// A colleague, in a group of the organization that only members of the main group reach.
    OutOfReach,
    /// Another organization.
    Foreign,
    /// Nobody: there is no such id.
    Missing,
}

/// What is asked for, whose it is, and its names in the address.
struct Place {
    owner: Owner,
    group: &'static str,
    run: String,
}

/// What a route does with somebody.
#[derive(Debug, PartialEq, Eq)]
enum Verdict {
    Answered,
    ToSignIn,
    NoRole,
    Absent,
}

fn verdict(route: &Route, kind: Kind, owner: Owner) -> Verdict {
    let is_out = matches!(kind, Kind::SignedOut | Kind::Disabled);
    match route.who {
        Who::Everyone => Verdict::Answered,
        _ if is_out => Verdict::ToSignIn,
        Who::SignedIn => Verdict::Answered,
        Who::Staff if kind != Kind::Support => Verdict::Absent,
        Who::Staff if owner == Owner::Missing && route.names_something_owned() => Verdict::Absent,
        Who::Staff => Verdict::Answered,
        Who::Administrators | Who::Colleagues => {
            if !matches!(kind, Kind::Main | Kind::Sub | Kind::Ungrouped) {
                return Verdict::NoRole;
            }
            let is_reached = match owner {
                Owner::Own => kind != Kind::Ungrouped,
                Owner::Colleague => {
                    kind != Kind::Ungrouped
                        && (route.who == Who::Colleagues || !route.pattern.contains("{id}"))
                }
                Owner::OutOfReach | Owner::Foreign | Owner::Missing => false,
            };
            if is_reached || !route.names_something_owned() {
                Verdict::Answered
            } else {
                Verdict::Absent
            }
        }
    }
}

fn check(page: &Page, verdict: &Verdict, absent: &str, at: &str) {
    let location = page.location.as_deref().unwrap_or_default();
    match verdict {
        Verdict::Answered => {
            assert!(!location.starts_with("/sign-in?"), "{at}: {location}");
            assert_ne!((page.status, page.body.as_str()), (404, absent), "{at}");
        }
        Verdict::ToSignIn => {
            assert_eq!(page.status, 303, "{at}");
            assert!(location.starts_with("/sign-in"), "{at}: {location}");
        }
        Verdict::NoRole => {
            assert_eq!(page.status, 403, "{at}");
            assert!(page.body.contains("Billing Administrator"), "{at}");
        }
        Verdict::Absent => {
            assert_eq!(page.status, 404, "{at}");
            assert_eq!(page.body, absent, "{at}: not byte for byte what is absent");
        }
    }
    if *verdict != Verdict::Answered {
        for secret in ["acme-ml", "acme-lab", "Blue Harbor", "blueharbor"] {
            assert!(!page.body.contains(secret), "{at} tells of {secret}");
        }
    }
}

fn run_of(person: &Person, group: &str) -> String {
    let run = person.start_registration(group);
    run.rsplit_once('/').unwrap().1.to_owned()
}

/// What administrators of Acme and of another organization have begun.
fn places_of_others(app: &TestApp) -> Vec<Place> {
    let main = app.sign_in("main-admin@acme.test");
    let stranger = app.sign_in("admin@blueharbor.test");
    let lab = run_of(&main, "acme-lab");
    let ml = run_of(&main, "acme-ml");
    let foreign = run_of(&stranger, "blueharbor-main");
    let place = |owner, group, run: &str| Place {
        owner,
        group,
        run: run.to_owned(),
    };
    vec![
        place(Owner::Colleague, "acme-lab", &lab),
        place(Owner::OutOfReach, "acme-ml", &ml),
        place(Owner::Foreign, "blueharbor-main", &foreign),
        place(Owner::Missing, "none", "none"),
        // One person's group with another's run, and ids that no group has.
        place(
            Owner::Missing,
            "ACME-LAB",
            "00000000-0000-0000-0000-000000000000",
        ),
        place(Owner::Missing, "acme-lab'--", "%25"),
    ]
}

#[test]
fn every_route_answers_whom_it_is_for_and_what_is_anothers_is_absent() {
    let app = TestApp::start();
    let places = places_of_others(&app);
    let absent = app.visitor().open("/no-such-page").body;
    for kind in Kind::ALL {
        let person = kind.person(&app);
        let token = person
            .open("/billing/payment-methods")
            .hidden("csrf_token")
            .unwrap_or_default();
        let token = if kind == Kind::Support {
            person.open("/support/groups").hidden("csrf_token").unwrap()
        } else {
            token
        };
        let before = every_row(&mut app.connection());
        for route in ROUTES {
            for place in &places {
                // To the main administrator nothing of Acme is out of reach, and the colleague's run is their own.
                let is_theirs = matches!(place.owner, Owner::Colleague | Owner::OutOfReach);
                if kind == Kind::Main && is_theirs {
                    continue;
                }
                let expected = verdict(route, kind, place.owner);
                if expected == Verdict::Answered {
                    continue;
                }
                let at = format!(
                    "{kind:?} {:?} {} {:?}",
                    route.method, route.pattern, place.owner
                );
                let page = route.ask(&person, &token, place.group, &place.run);
                check(&page, &expected, &absent, &at);
            }
        }
        let after = every_row(&mut app.connection());
        assert_eq!(
            before, after,
            "{kind:?}: something that was refused changed a row"
        );
        is_answered(&app, kind, &person, &token, &places, &absent);
    }
}

/// Walks every route that is for them, in the list's order, which registers a card.
fn is_answered(
    app: &TestApp,
    kind: Kind,
    person: &Person,
    token: &str,
    places: &[Place],
    absent: &str,
) {
    for route in ROUTES.iter().filter(|route| route.who == Who::Colleagues) {
        let expected = verdict(route, kind, Owner::Colleague);
        let at = format!("{kind:?} {} of a colleague", route.pattern);
        let page = route.ask(person, token, places[0].group, &places[0].run);
        check(&page, &expected, absent, &at);
    }
    app.clock.advance(chrono::TimeDelta::seconds(31)); // the phone may get another code
    let own = match kind {
        Kind::Main | Kind::Sub => Place {
            owner: Owner::Own,
            group: "acme-lab",
            run: run_of(person, "acme-lab"),
        },
        _ => Place {
            owner: Owner::Own,
            group: "acme-lab",
            run: places[0].run.clone(),
        },
    };
    for route in ROUTES {
        let expected = verdict(route, kind, own.owner);
        let at = format!("{kind:?} {:?} {} of their own", route.method, route.pattern);
        let page = route.ask(person, token, own.group, &own.run);
        check(&page, &expected, absent, &at);
        // The sign-in page leads on who is signed in.
        let leads_on = route.pattern == "/sign-in"
            && !route.is_post()
            && !matches!(kind, Kind::SignedOut | Kind::Disabled);
        if expected == Verdict::Answered && !leads_on {
            assert_eq!(page.status, route.answers, "{at}: {}", page.body);
        }
    }
}
