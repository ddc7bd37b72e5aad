//! Server-side sessions: actix-session's cookie over our `sessions` table.
//!
//! `load` asks the database nothing: a page's first query joins session, user and organization
//! (`access::store::viewer`), so that a session that ended is seen in the transaction that matters.

use std::collections::HashMap;

use actix_session::storage::{LoadError, SaveError, SessionKey, SessionStore, UpdateError};
use actix_web::cookie::time::Duration;
use diesel::prelude::*;

use super::visit;
use crate::{
    app::Services,
    db::schema::sessions,
    error::Error,
    secrets::{random_hex, sha256_hex},
    settings::Settings,
};

/// Minutes without a request after which a session ends.
pub const IDLE_MINUTES: i64 = 15;
/// Hours after which a session ends in any case.
pub const ABSOLUTE_HOURS: i64 = 8;

/// How long keeping one may take: longer than a write waits for another's lock.
const WITHIN: std::time::Duration = std::time::Duration::from_secs(12);
/// The name under which actix-session's state carries the hash of the key.
pub(super) const KEY_HASH: &str = "key_hash";
/// The name under which sign-in hands over the user's id.
pub(super) const USER: &str = "user";

/// Keeps sessions in the database; the key in the cookie is stored only as its SHA-256.
pub struct DatabaseSessions(pub actix_web::web::Data<Services>);

impl DatabaseSessions {
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Services) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, SessionFault> {
        visit::in_time(self.0.clone(), WITHIN, work)
            .await
            .map_err(|e| SessionFault(format!("{e:?}")))
    }
}

/// Why a session could not be kept, for the log.
#[derive(Debug)]
struct SessionFault(String);

impl std::fmt::Display for SessionFault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "session store: {}", self.0)
    }
}

impl std::error::Error for SessionFault {}

/// The cookie's name: bound to the host where browsers reach the console by TLS.
pub fn cookie_name(settings: &Settings) -> &'static str {
    if settings.is_https() {
        "__Host-billing_session"
    } else {
        "billing_session"
    }
}

/// The hash under which a session is stored.
pub fn key_hash(key: &str) -> String {
    sha256_hex(key.as_bytes())
}

impl SessionStore for DatabaseSessions {
    async fn load(&self, key: &SessionKey) -> Result<Option<HashMap<String, String>>, LoadError> {
        let hash = serde_json::to_string(&key_hash(key.as_ref()))
            .map_err(|e| LoadError::Other(e.into()))?;
        Ok(Some(HashMap::from([(KEY_HASH.to_owned(), hash)])))
    }

    async fn save(
        &self,
        state: HashMap<String, String>,
        _: &Duration,
    ) -> Result<SessionKey, SaveError> {
        let user = state
            .get(USER)
            .and_then(|json| serde_json::from_str::<String>(json).ok());
        let key = self
            .run(move |services| {
                let user =
                    user.ok_or_else(|| Error::Internal("a session without a user".into()))?;
                let key = random_hex::<32>()?;
                let now = services.clock.now();
                diesel::insert_into(sessions::table)
                    .values((
                        sessions::key_hash.eq(key_hash(&key)),
                        sessions::user_id.eq(user),
                        sessions::created_at.eq(now),
                        sessions::last_seen.eq(now),
                    ))
                    .execute(&mut *services.db.connection()?)?;
                Ok(key)
            })
            .await
            .map_err(|e| SaveError::Other(e.into()))?;
        key.try_into()
            .map_err(|_| SaveError::Other(SessionFault("key".into()).into()))
    }

    async fn update(
        &self,
        key: SessionKey,
        _: HashMap<String, String>,
        _: &Duration,
    ) -> Result<SessionKey, UpdateError> {
        // A session holds its user and nothing else; it is replaced at sign-in, never changed.
        Ok(key)
    }

    async fn update_ttl(&self, _: &SessionKey, _: &Duration) -> Result<(), anyhow::Error> {
        Ok(())
    }

    async fn delete(&self, key: &SessionKey) -> Result<(), anyhow::Error> {
        let hash = key_hash(key.as_ref());
        self.run(move |services| {
            diesel::delete(sessions::table.find(hash)).execute(&mut *services.db.connection()?)?;
            Ok(())
        })
        .await
        .map_err(Into::into)
    }
}
