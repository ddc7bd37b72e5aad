//! `/support/groups`: the search and the preview. No route here changes anything.

use actix_web::{
    HttpResponse,
    http::StatusCode,
    web::{self, ServiceConfig},
};
use askama::Template;
use chrono::NaiveDateTime;
use serde::Deserialize;

use super::{
    rules,
    store::{self, Event, Found, MOST_FOUND, Preview, What},
};
use crate::{
    app::Services,
    audit, clock,
    db::AnyConnection,
    error::Error,
    payment_methods::{banner::Banner, row::Row, rules::is_offered_payment_methods},
    registration::{self, rules::Progress},
    web::{self as pages, Message, Section, Shell, Texts, Visit, Work, fields::search_text},
};

/// The support pages.
pub fn routes(config: &mut ServiceConfig) {
    config
        .service(web::resource("/support/groups").get(search))
        .service(web::resource("/support/groups/{group}").get(preview));
}

#[derive(Deserialize)]
struct Query {
    #[serde(default)]
    q: String,
}

#[derive(Template)]
#[template(path = "support/search.html")]
struct SearchPage {
    t: Texts,
    shell: Shell,
    q: String,
    found: Vec<Found>,
    is_cut: bool,
}

/// `GET /support/groups?q=`
async fn search(visit: Visit, query: web::Query<Query>) -> Result<HttpResponse, Error> {
    let q = search_text(&query.q);
    let wanted = q.clone();
    let (viewer, mut found) = visit
        .read(move |db, viewer| {
            viewer.support_staff()?;
            if wanted.is_empty() {
                Ok(Vec::new())
            } else {
                store::search(db, &wanted)
            }
        })
        .await?;
    if !q.is_empty() {
        let (actor, count) = (viewer.id.clone(), found.len());
        visit
            .block(Work::Write, move |services| {
                let entry = audit::Entry::new(audit::CONSOLE, &actor, "support.searched", "groups")
                    .detail("found", count);
                services
                    .db
                    .write(|db| audit::append(db, services.clock.now(), &entry))
            })
            .await?;
    }
    let most = usize::try_from(MOST_FOUND).unwrap_or(0);
    let is_cut = found.len() > most;
    found.truncate(most);
    let shell = visit.shell(&viewer, Section::Support);
    pages::page(
        StatusCode::OK,
        &SearchPage {
            t: visit.t,
            shell,
            q,
            found,
            is_cut,
        },
    )
}

#[derive(Template)]
#[template(path = "support/preview.html")]
struct PreviewPage {
    t: Texts,
    shell: Shell,
    preview: Preview,
    row: Row,
    banner: Option<Banner>,
    effect: Message,
    say: Message,
    events: Vec<Line>,
}

/// A line of the last attempts.
struct Line {
    event: Event,
    words: Message,
}

/// `GET /support/groups/{group}`: every view is an audit row in the organization's own chain.
async fn preview(visit: Visit, group: web::Path<String>) -> Result<HttpResponse, Error> {
    let services = visit.services.clone();
    let asked = group.clone();
    let (viewer, organization) = visit
        .read(move |db, viewer| {
            viewer.support_staff()?;
            store::organization_of(db, &asked)
        })
        .await?;
    // The row comes first: what is not recorded is not shown.
    let (actor, subject) = (viewer.id.clone(), group.clone());
    visit
        .block(Work::Write, move |services| {
            let entry = audit::Entry::new(&organization, &actor, "support.viewed", &subject);
            services
                .db
                .write(|db| audit::append(db, services.clock.now(), &entry))
        })
        .await?;
    let (viewer, (preview, events)) = visit
        .read(move |db, viewer| {
            viewer.support_staff()?;
            let mut preview = store::preview(db, &group)?;
            let events = std::mem::take(&mut preview.events);
            let lines = events
                .into_iter()
                .map(|event| line(db, &services, event, services.clock.now()))
                .collect::<Result<Vec<_>, _>>()?;
            Ok((preview, lines))
        })
        .await?;
    let now = visit.services.clock.now();
    let today = clock::seoul_date(now);
    let before = clock::first_charge(today);
    let newest = events
        .first()
        .filter(|line| rules::still_matters(line.event.at, now))
        .and_then(|line| match &line.event.what {
            What::Card(what) => rules::say_of_attempt(what, line.event.at, now),
            What::Run(..) => None,
        });
    let shell = visit.shell(&viewer, Section::Support);
    pages::page(
        StatusCode::OK,
        &PreviewPage {
            t: visit.t,
            shell,
            banner: Banner::of_group(&preview.group, before),
            effect: rules::effect(&preview.group, before),
            say: rules::say(
                &preview.group,
                preview.registered.as_ref(),
                newest,
                today,
                before,
            ),
            row: Row::new((preview.group.clone(), preview.registered.clone()), "", now),
            preview,
            events,
        },
    )
}

fn line(
    db: &mut AnyConnection,
    services: &Services,
    event: Event,
    now: NaiveDateTime,
) -> Result<Line, Error> {
    let words = match &event.what {
        What::Card(what) => Message::new(rules::attempt_key(what, event.at, now)),
        What::Run(id, state) => {
            let run = registration::store::run(db, &services.settings.secret_key, id)?;
            let is_locked = run
                .phone
                .as_ref()
                .and_then(|phone| phone.locked_until)
                .is_some();
            let step = rules::step_number(Progress::of(&run));
            match state.as_str() {
                "open" if is_locked => Message::new("support-run-code-locked"),
                "open" => Message::new("support-run-open").arg("n", step),
                "cancelled" => Message::new("support-run-cancelled").arg("n", step),
                _ => Message::new("support-run-left").arg("n", step),
            }
        }
    };
    Ok(Line { event, words })
}

impl PreviewPage {
    fn member_key(&self) -> &'static str {
        if is_offered_payment_methods(&self.preview.member_type) {
            "member-business"
        } else {
            "member-unknown"
        }
    }
}
