//! One request as a handler sees it: who visits, in which language, and the two ways to the database.

use std::{net::IpAddr, time::Duration};

use chrono::TimeDelta;

use actix_session::{Session, SessionExt};
use actix_web::{FromRequest, HttpRequest, HttpResponse, dev::Payload, http::header, web::Data};
use std::future::{Ready, ready};

use super::{
    Fields, Posted, Section, Shell, Texts, Work, csrf, error_pages, forget, guard, session,
};
use crate::{
    access::{self, Viewer},
    app::Services,
    audit,
    db::AnyConnection,
    error::Error,
};

/// How long a page waits for what it reads: longer than the pool does for a connection.
const READ_WITHIN: Duration = Duration::from_secs(8);
/// How long a form waits for its transaction: longer than one waits for another's lock.
pub const WRITE_WITHIN: Duration = Duration::from_secs(12);
/// How long a form waits for its transaction, a provider's answer and what follows from it.
const CALL_WITHIN: Duration = Duration::from_secs(30);

/// A request with everything that a handler may ask of it.
pub struct Visit {
    /// What the console runs on.
    pub services: Data<Services>,
    /// The words of the visitor's language.
    pub t: Texts,
    /// The visitor's address; behind a trusted proxy the one that it names.
    pub address: IpAddr,
    session: Session,
    key_hash: Option<String>,
    request: HttpRequest,
}

impl FromRequest for Visit {
    type Error = actix_web::Error;
    type Future = Ready<Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(services) = request.app_data::<Data<Services>>().cloned() else {
            return ready(Err(Error::Internal("no services".into()).into()));
        };
        let session = request.get_session();
        ready(Ok(Self {
            t: error_pages::texts_of(request),
            address: guard::client_address(request.head(), &services.settings),
            key_hash: session.get(session::KEY_HASH).ok().flatten(),
            session,
            services,
            request: request.clone(),
        }))
    }
}

impl Visit {
    /// Reads for a page: the visitor and what `work` gives, of one moment.
    ///
    /// # Errors
    /// [`Error::SignedOut`] before any other, then [`Error::Busy`], then those of `work`.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut AnyConnection, &Viewer) -> Result<T, Error> + Send + 'static,
    ) -> Result<(Viewer, T), Error> {
        let key_hash = self.key_hash.clone().ok_or(Error::SignedOut)?;
        let route = self.route();
        let pass = self.services.admission.enter(Work::Read).await?;
        let services = self.services.clone();
        let read = move || {
            let _pass = pass;
            fail::fail_point!("page-read");
            let now = services.clock.now();
            let mut visitor = None;
            let done = services.db.snapshot(|db| {
                let viewer = visitor.insert(access::store::viewer(db, &key_hash, now)?);
                work(db, viewer)
            });
            if let Some(viewer) = &visitor {
                // A page that was read is shown, also while nothing can be written.
                match note_visit(&services, viewer, &key_hash, &route, refusal(&done)) {
                    Err(Error::SignedOut) => return Err(Error::SignedOut),
                    Err(error) => log::warn!("a visit was not noted: {error}"),
                    Ok(()) => {}
                }
            }
            let seen = done?;
            Ok((visitor.ok_or(Error::SignedOut)?, seen))
        };
        self.services
            .readers
            .read(READ_WITHIN, read)
            .await
            .map_err(|error| match error {
                // A read that was cut off has changed nothing.
                Error::Unanswered(why) => Error::Unavailable(why),
                error => self.with_token(error),
            })
    }

    /// Does what a form asks for, in one write transaction that begins by touching the session: one that ended
    /// meanwhile stops everything.
    ///
    /// # Errors
    /// [`Error::SignedOut`] before any other, then [`Error::Busy`], [`Error::Untrusted`], [`Error::Form`] and those of
    /// `work`.
    pub async fn write<T: Send + 'static>(
        &self,
        posted: Posted,
        work: impl FnOnce(&mut AnyConnection, &Viewer, &Fields) -> Result<T, Error> + Send + 'static,
    ) -> Result<(Viewer, T), Error> {
        self.write_within(WRITE_WITHIN, posted, work, |_, done| Ok(done))
            .await
    }

    /// [`Self::write`], and after its transaction `then`, which may call a provider. Both run in one
    /// thread to their end, even when the client goes away.
    ///
    /// # Errors
    /// Those of [`Self::write`], then those of `then`.
    pub async fn write_then<T: Send + 'static, U: Send + 'static>(
        &self,
        posted: Posted,
        work: impl FnOnce(&mut AnyConnection, &Viewer, &Fields) -> Result<T, Error> + Send + 'static,
        then: impl FnOnce(&Services, T) -> Result<U, Error> + Send + 'static,
    ) -> Result<(Viewer, U), Error> {
        let pass = self.services.admission.enter(Work::Call).await?;
        let then = move |services: &Services, done| {
            let _pass = pass;
            then(services, done)
        };
        self.write_within(CALL_WITHIN, posted, work, then).await
    }

    async fn write_within<T: Send + 'static, U: Send + 'static>(
        &self,
        limit: Duration,
        posted: Posted,
        work: impl FnOnce(&mut AnyConnection, &Viewer, &Fields) -> Result<T, Error> + Send + 'static,
        then: impl FnOnce(&Services, T) -> Result<U, Error> + Send + 'static,
    ) -> Result<(Viewer, U), Error> {
        let key_hash = self.key_hash.clone().ok_or(Error::SignedOut)?;
        let route = self.route();
        let from_our_pages = self.is_from_our_pages();
        let pass = self.services.admission.enter(Work::Write).await?;
        in_time(self.services.clone(), limit, move |services| {
            let now = services.clock.now();
            let mut visitor = None;
            let done = services.db.write(|db| {
                access::store::touch(db, &key_hash, now)?;
                let viewer = visitor.insert(access::store::viewer(db, &key_hash, now)?);
                if !from_our_pages {
                    return Err(Error::Untrusted);
                }
                let fields = posted.fields()?;
                if !csrf::is_token(&services.csrf_key, &key_hash, fields.one("csrf_token")?) {
                    return Err(Error::Untrusted);
                }
                work(db, viewer, &fields)
            });
            if let (Some(viewer), Some(status)) = (&visitor, refusal(&done)) {
                services
                    .db
                    .write(|db| audit::count_refusal(db, viewer, &route, status, now))?;
            }
            fail::fail_point!("write-done", |_| Err(Error::Unanswered("lost".into())));
            // A provider's answer is not waited for in the writers' line.
            drop(pass);
            let answer = then(services, done?).map_err(Error::after_a_change)?;
            Ok((visitor.ok_or(Error::SignedOut)?, answer))
        })
        .await
        .map_err(|error| self.with_token(error))
    }

    /// Runs blocking work to its end in a thread of its own, even when the client goes away.
    ///
    /// # Errors
    /// [`Error::Busy`]; those of `work`; [`Error::Unanswered`] when it takes too long; [`Error::Internal`] when it
    /// panicked.
    pub async fn block<T: Send + 'static>(
        &self,
        kind: Work,
        work: impl FnOnce(&Services) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let pass = self.services.admission.enter(kind).await?;
        in_time(self.services.clone(), CALL_WITHIN, move |services| {
            let _pass = pass;
            work(services)
        })
        .await
    }

    /// The frame of a page for this visitor.
    pub fn shell(&self, viewer: &Viewer, section: Section) -> Shell {
        Shell::of(&self.services, self.t, self.query())
            .for_viewer(viewer, section)
            .with_token(self.token())
    }

    fn token(&self) -> String {
        let session = self.session_hash();
        if session.is_empty() {
            return String::new();
        }
        csrf::token(&self.services.csrf_key, session)
    }

    /// The page that says which role is needed has a form, too: to sign out.
    fn with_token(&self, mut error: Error) -> Error {
        if let Error::RoleNeeded(needed) = &mut error {
            needed.csrf_token = self.token();
        }
        error
    }

    /// The hash under which the visitor's session is stored; empty without one.
    pub fn session_hash(&self) -> &str {
        self.key_hash.as_deref().unwrap_or_default()
    }

    /// The frame of a page before sign-in, with the query that its language switch keeps.
    pub fn outer_shell(&self, query: &str) -> Shell {
        Shell::of(&self.services, self.t, query)
    }

    /// The query of the request's address.
    pub fn query(&self) -> &str {
        self.request.query_string()
    }

    /// Whether somebody may be signed in (the database knows for sure).
    pub fn has_session(&self) -> bool {
        self.key_hash.is_some()
    }

    /// Whether the browser says that this post comes from our own pages.
    pub fn is_from_our_pages(&self) -> bool {
        csrf::is_from_our_pages(self.request.headers(), &self.services.settings.base_url)
    }

    /// Gives the visitor a new session.
    ///
    /// # Errors
    /// [`Error::Internal`] when the state cannot be written.
    pub fn start_session(&self, user_id: &str) -> Result<(), Error> {
        self.session.renew();
        self.session
            .insert(session::USER, user_id)
            .map_err(|e| Error::Internal(format!("session: {e}")))
    }

    /// Ends the session and tells the browser to forget what it kept of us.
    pub fn end_session(&self) -> HttpResponse {
        self.session.purge();
        HttpResponse::SeeOther()
            .insert_header((header::LOCATION, "/sign-in"))
            .insert_header(("Clear-Site-Data", "\"cache\", \"storage\""))
            .cookie(forget::cookie(
                "/".into(),
                self.services.settings.is_https(),
            ))
            .finish()
    }

    fn route(&self) -> String {
        format!(
            "{} {}",
            self.request.method(),
            self.request.match_pattern().unwrap_or_default()
        )
    }
}

/// Runs blocking work to its end in a thread of its own, and waits for it so long: a database that falls silent
/// holds its thread, not the person.
///
/// # Errors
/// Those of `work`; [`Error::Unanswered`] when it takes longer; [`Error::Internal`] when it panicked.
pub async fn in_time<T: Send + 'static>(
    services: Data<Services>,
    limit: Duration,
    work: impl FnOnce(&Services) -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let working = actix_web::web::block(move || work(&services));
    match tokio::time::timeout(limit, working).await {
        Ok(worked) => worked.map_err(|_| Error::Internal("a request's work panicked".into()))?,
        Err(_) => Err(Error::Unanswered("no answer in time".into())),
    }
}

/// 303 to a page of ours.
pub fn see_other(path: impl AsRef<str>) -> HttpResponse {
    HttpResponse::SeeOther()
        .insert_header((header::LOCATION, path.as_ref()))
        .finish()
}

/// The session's last use, at most once a minute, and a refusal: noted where the database lets it at once.
fn note_visit(
    services: &Services,
    viewer: &Viewer,
    key_hash: &str,
    route: &str,
    refused: Option<i32>,
) -> Result<(), Error> {
    let now = services.clock.now();
    let is_idle = viewer.last_seen + TimeDelta::minutes(1) <= now;
    if !is_idle && refused.is_none() {
        return Ok(());
    }
    services.db.soon(|db| {
        if is_idle {
            access::store::touch(db, key_hash, now)?;
        }
        refused.map_or(Ok(()), |status| {
            audit::count_refusal(db, viewer, route, status, now)
        })
    })
}

/// The status of what is counted as a refusal.
fn refusal<T>(done: &Result<T, Error>) -> Option<i32> {
    match done {
        Err(Error::RoleNeeded(_) | Error::Untrusted) => Some(403),
        Err(Error::NotFound) => Some(404),
        Err(Error::TooMany(_)) => Some(429),
        _ => None,
    }
}
