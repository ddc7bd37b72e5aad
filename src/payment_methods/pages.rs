//! `GET /billing/payment-methods`: the tab.

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use chrono::NaiveDate;
use serde::Deserialize;

use super::{
    banner::{Banner, listed},
    row::Row,
    rules::{Counts, PAGE_SIZE, PageOf},
    store::{self, Filter, GroupAndMethod},
};
use crate::{
    access::{Administrator, Viewer, store::whom_to_ask},
    clock,
    db::AnyConnection,
    error::Error,
    groups::{BillingGroup, Failure},
    web::{self as pages, Section, Shell, Texts, Visit, fields::search_text},
};

/// Groups whose method does not pay that are read for the banner.
const FAILING_SHOWN: i64 = 4;

/// The query of the tab.
#[derive(Debug, Default, Deserialize)]
pub struct Query {
    #[serde(default)]
    page: String,
    #[serde(default)]
    q: String,
    #[serde(default)]
    status: String,
}

impl Query {
    /// The page that was asked for; the nearest is shown, also for a number that fits no integer.
    fn page(&self) -> i64 {
        let asked = self.page.trim();
        let is_number = !asked.is_empty() && asked.bytes().all(|byte| byte.is_ascii_digit());
        asked
            .parse()
            .unwrap_or(if is_number { i64::MAX } else { 1 })
    }

    /// What of it filters.
    pub(super) fn filter(&self) -> Filter {
        Filter {
            name: search_text(&self.q),
            required_only: self.status == "required",
        }
    }
}

#[derive(Template)]
#[template(path = "payment_methods/tab.html")]
struct TabPage {
    t: Texts,
    shell: Shell,
    banner: Option<Banner>,
    counts: Counts,
    required_names: Vec<String>,
    first_charge: NaiveDate,
    tax_invoice: NaiveDate,
    rows: Vec<Row>,
    filter: Filter,
    page: PageOf,
    /// Filled: the row's button where it is the only one, else the banner's.
    fills_rows: bool,
}

impl TabPage {
    /// The groups that need registration, under their number.
    fn required_list(&self) -> String {
        listed(&self.t, &self.required_names, self.counts.required)
    }

    /// The filter as the rest of a query that begins with `joint`; empty without one.
    fn filter_query(&self, joint: &str) -> String {
        let mut query = String::new();
        if self.filter.required_only {
            query.push_str("&status=required");
        }
        if !self.filter.name.is_empty() {
            query.push_str("&q=");
            query.push_str(&pages::encoded(&self.filter.name));
        }
        query
            .get(1..)
            .map_or(String::new(), |rest| format!("{joint}{rest}"))
    }
}

#[derive(Template)]
#[template(path = "payment_methods/no_group.html")]
struct NoGroupPage {
    t: Texts,
    shell: Shell,
    whom_to_ask: Vec<String>,
}

struct Seen {
    rows: Vec<GroupAndMethod>,
    counts: Counts,
    page: PageOf,
    required: Vec<BillingGroup>,
    /// The first groups whose method does not pay, and how many there are.
    failing: (Vec<BillingGroup>, i64),
    whom_to_ask: Vec<String>,
}

/// `GET /billing/payment-methods`
///
/// # Errors
/// [`Error::SignedOut`], [`Error::RoleNeeded`]
pub async fn show(visit: Visit, query: web::Query<Query>) -> Result<HttpResponse, Error> {
    let query = query.into_inner();
    let filter = query.filter();
    let asked_page = query.page();
    let wanted = filter.clone();
    let (viewer, seen) = visit
        .read(move |db, viewer| look(db, viewer, &wanted, asked_page))
        .await?;
    let shell = visit.shell(&viewer, Section::PaymentMethods);
    let t = visit.t;
    if seen.counts.total() == 0 {
        let page = NoGroupPage {
            t,
            shell,
            whom_to_ask: seen.whom_to_ask,
        };
        return pages::page(StatusCode::OK, &page);
    }
    let now = visit.services.clock.now();
    let today = clock::seoul_date(now);
    let banner = banner(&seen, today);
    let is_about_rows = banner
        .as_ref()
        .is_some_and(|banner| banner.button_key() == "btn-register");
    pages::page(
        StatusCode::OK,
        &TabPage {
            t,
            shell,
            fills_rows: seen.counts.required == 1 && is_about_rows,
            banner,
            required_names: seen
                .required
                .iter()
                .map(|group| group.name.clone())
                .collect(),
            counts: seen.counts,
            first_charge: clock::first_charge(today),
            tax_invoice: clock::next_tax_invoice(today),
            rows: seen
                .rows
                .into_iter()
                .map(|row| Row::new(row, &viewer.id, now))
                .collect(),
            filter,
            page: seen.page,
        },
    )
}

/// One query serves a table that fits a page; only a longer or filtered one needs to be counted.
fn look(
    db: &mut AnyConnection,
    viewer: &Viewer,
    filter: &Filter,
    asked_page: i64,
) -> Result<Seen, Error> {
    let admin = viewer.administrator()?;
    let all = Filter::default();
    if filter.is_open() && asked_page <= 1 {
        let mut rows = store::groups_in_order(db, admin, &all, 0, PAGE_SIZE + 1)?;
        let fits = i64::try_from(rows.len()).unwrap_or(0) <= PAGE_SIZE;
        rows.truncate(usize::try_from(PAGE_SIZE).unwrap_or(0));
        let counts = if fits {
            counted(&rows)
        } else {
            store::count(db, admin, &all)?
        };
        let required = rows
            .iter()
            .map(|(group, _)| group)
            .filter(|group| needs(group))
            .take(4)
            .cloned()
            .collect();
        let failing = if fits {
            failing_of(&rows)
        } else {
            store::failing(db, admin, FAILING_SHOWN)?
        };
        let page = PageOf::nearest(1, counts.total());
        return seen(db, admin, rows, counts, page, required, failing);
    }
    let counts = store::count(db, admin, &all)?;
    let found = if filter.is_open() {
        counts.total()
    } else {
        store::count(db, admin, filter)?.total()
    };
    let page = PageOf::nearest(asked_page, found);
    let rows = store::groups_in_order(db, admin, filter, page.offset(), PAGE_SIZE)?;
    let required_only = Filter {
        required_only: true,
        ..Filter::default()
    };
    let required = store::groups_in_order(db, admin, &required_only, 0, 4)?
        .into_iter()
        .map(|(group, _)| group);
    let required = required.collect();
    let failing = store::failing(db, admin, FAILING_SHOWN)?;
    seen(db, admin, rows, counts, page, required, failing)
}

fn seen(
    db: &mut AnyConnection,
    admin: Administrator,
    rows: Vec<GroupAndMethod>,
    counts: Counts,
    page: PageOf,
    required: Vec<BillingGroup>,
    failing: (Vec<BillingGroup>, i64),
) -> Result<Seen, Error> {
    let whom_to_ask = if counts.total() == 0 {
        whom_to_ask(db, admin.viewer)?
    } else {
        Vec::new()
    };
    Ok(Seen {
        rows,
        counts,
        page,
        required,
        failing,
        whom_to_ask,
    })
}

fn needs(group: &BillingGroup) -> bool {
    group.status == crate::groups::Status::Required
}

fn counted(rows: &[GroupAndMethod]) -> Counts {
    let mut counts = Counts::default();
    for (group, _) in rows {
        counts.add(group.status, 1);
    }
    counts
}

/// As [`store::failing`] gives them.
fn failing_of(rows: &[GroupAndMethod]) -> (Vec<BillingGroup>, i64) {
    let mut failing: Vec<BillingGroup> = rows
        .iter()
        .map(|(group, _)| group)
        .filter(|group| group.failure.is_some())
        .cloned()
        .collect();
    failing.sort_by_key(|group| group.failure != Some(Failure::KeyDeleted));
    let count = i64::try_from(failing.len()).unwrap_or(0);
    (failing, count)
}

/// One banner, the gravest first: a main group comes first in the table's order (rule 6).
fn banner(seen: &Seen, today: NaiveDate) -> Option<Banner> {
    let before = clock::first_charge(today);
    let name = |group: &BillingGroup| group.name.clone();
    let required = seen.required.first().and_then(|group| {
        let banner = Banner::of_group(group, before)?;
        Some(Banner {
            names: seen.required.iter().map(name).collect(),
            count: seen.counts.required,
            ..banner
        })
    });
    let (failing, count) = &seen.failing;
    let failed = failing.first().and_then(|group| {
        let banner = Banner::of_group(group, before)?;
        Some(Banner {
            names: failing.iter().map(name).collect(),
            count: *count,
            ..banner
        })
    });
    [required, failed]
        .into_iter()
        .flatten()
        .min_by_key(|banner| banner.gravity.rank())
}
