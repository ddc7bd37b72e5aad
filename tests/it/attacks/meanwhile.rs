//! What lets somebody register a card is taken away at every step: the next one is refused and changes nothing.

use std::collections::BTreeMap;

use billing_console::db::{AnyConnection, schema as s};
use chrono::TimeDelta;
use diesel::prelude::*;

use super::{
    people::every_row,
    steps::{ANONYMOUS, NAMED, answers},
};
use crate::app::TestApp;

const EMAIL: &str = "sub-admin@acme.test";
const GROUP: &str = "acme-lab";

/// What is taken away between two steps.
#[derive(Debug, Clone, Copy)]
enum Loss {
    Role,
    Account,
    Membership,
    /// The group moves to another organization.
    Group,
}

impl Loss {
    const ALL: [Self; 4] = [Self::Role, Self::Account, Self::Membership, Self::Group];

    /// What the next step is answered with: no right, no session, no such run.
    fn answer(self) -> u16 {
        match self {
            Self::Role => 403,
            Self::Account => 303,
            Self::Membership | Self::Group => 404,
        }
    }

    fn take(self, db: &mut AnyConnection) {
        self.set(db, false);
    }

    fn give_back(self, db: &mut AnyConnection) {
        self.set(db, true);
    }

    fn set(self, db: &mut AnyConnection, is_given: bool) {
        let user = s::users::table.filter(s::users::email.eq(EMAIL));
        let id: String = user.select(s::users::id).first(db).unwrap();
        let or = |given, taken| if is_given { given } else { taken };
        let changed = match self {
            Self::Role => diesel::update(user)
                .set(s::users::role.eq(or("billing_administrator", "billing_manager")))
                .execute(db),
            Self::Account => {
                let now = chrono::Utc::now().naive_utc();
                diesel::update(user)
                    .set(s::users::disabled_at.eq((!is_given).then_some(now)))
                    .execute(db)
            }
            Self::Membership if is_given => diesel::insert_into(s::group_members::table)
                .values((
                    s::group_members::user_id.eq(id),
                    s::group_members::group_id.eq(GROUP),
                ))
                .execute(db),
            Self::Membership => {
                diesel::delete(s::group_members::table.find((id, GROUP))).execute(db)
            }
            Self::Group => diesel::update(s::billing_groups::table.find(GROUP))
                .set(s::billing_groups::organization_id.eq(or("acme", "blueharbor")))
                .execute(db),
        };
        assert_eq!(changed.unwrap(), 1, "{self:?}");
    }
}

#[test]
fn whatever_is_taken_away_between_two_steps_stops_the_next_one_and_nothing_is_committed() {
    let app = TestApp::start();
    let mut phones = (1..).map(|n| format!("010-3000-{n:04}"));
    let ways = [
        ("named_card", &NAMED[..]),
        ("anonymous_corporate_card", &ANONYMOUS[..]),
    ];
    for (method, way) in ways {
        for at in 0..way.len() {
            for loss in Loss::ALL {
                let what = format!("{method}, {loss:?} before {}", way[at]);
                app.clock.advance(TimeDelta::seconds(31)); // a code every 30 s
                let phone = phones.next().unwrap();
                let person = app.sign_in(EMAIL);
                let run = person.start_registration(GROUP);
                let tab = person.open("/billing/payment-methods");
                let token = tab.hidden("csrf_token").unwrap();
                let post = |step: &str| {
                    let mut fields = vec![("csrf_token", token.as_str())];
                    fields.extend(answers(step, method, &phone));
                    person.post(&format!("{run}/{step}"), &fields)
                };
                for (step, next) in way[..at].iter().zip(&way[1..]) {
                    post(step).leads_to(&format!("{run}/{next}"));
                }

                loss.take(&mut app.connection());
                let before = rows(&app);
                assert_eq!(post(way[at]).status, loss.answer(), "{what}");
                let shown = person.open(&format!("{run}/{}", way[at]));
                assert_eq!(shown.status, loss.answer(), "{what}");
                assert_eq!(rows(&app), before, "{what}");

                loss.give_back(&mut app.connection());
                person
                    .post(&format!("{run}/cancel"), &[("csrf_token", &token)])
                    .leads_to("/billing/payment-methods");
            }
        }
    }
    let attempts = s::card_attempts::table.count();
    let attempts: i64 = attempts.get_result(&mut *app.connection()).unwrap();
    assert_eq!(attempts, 0);
}

/// What a step could change, and what a worker leaves alone meanwhile.
fn rows(app: &TestApp) -> BTreeMap<String, Vec<String>> {
    let mut rows = every_row(&mut app.connection());
    rows.retain(|table, _| !["sandbox_codes", "sessions", "throttles"].contains(&table.as_str()));
    rows
}
