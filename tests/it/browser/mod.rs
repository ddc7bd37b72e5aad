//! The console in a real browser: Chromium without a screen, with its script and without, at a desk and on a phone.

mod driver;
mod keyboard;
mod pages;
mod person;
mod polyglots;
mod refusals;
mod registration;
mod screenshots;
mod script;
mod tabs;

use billing_console::db::{AnyConnection, schema as s};
use diesel::prelude::*;
use driver::{Browser, Setup};

use crate::app::TestApp;

/// One visit in a browser of its own. Its console stays quiet but for pages of the `expected` statuses, and
/// nothing is asked of another origin.
fn visit(app: &TestApp, setup: Setup, expected: &[u16], story: impl FnOnce(&Browser)) {
    visit_at(&format!("http://{}", app.address), setup, expected, story);
}

fn visit_at(base: &str, setup: Setup, expected: &[u16], story: impl FnOnce(&Browser)) {
    let browser = Browser::open(base, setup);
    story(&browser);
    browser.assert_quiet_console(expected);
    browser.assert_own_origin();
}

/// How many cards were sent to the gateway, and how many registered.
fn attempts_and_registrations(db: &mut AnyConnection) -> (i64, i64) {
    let registered =
        s::audit_rows::table.filter(s::audit_rows::action.eq("payment_method.registered"));
    (
        s::card_attempts::table.count().get_result(db).unwrap(),
        registered.count().get_result(db).unwrap(),
    )
}
