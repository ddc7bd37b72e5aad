//! Passwords: argon2id, each hash 19 MiB and some 20 ms of one core. How many requests hash at once is bounded where
//! they are let in: [`Work::Password`](crate::web::Work::Password).

use argon2::{
    Algorithm, Argon2, Params, PasswordHash, PasswordVerifier, Version,
    password_hash::{PasswordHasher, SaltString},
};

use crate::memory;

/// The shortest password of a local account, in characters (NIST SP 800-63B asks for at least 8; PCI DSS 8.3.6 for 12).
pub const SHORTEST: usize = 12;
/// The longest password, in bytes.
pub const LONGEST: usize = 256;

/// argon2id with OWASP's parameters: 19 MiB, 2 passes, 1 lane.
fn argon2() -> Argon2<'static> {
    Argon2::new(Algorithm::Argon2id, Version::V0x13, Params::DEFAULT)
}

/// The hash of a password in PHC form.
///
/// # Errors
/// One line, without the password.
pub fn hash(password: &str) -> Result<String, String> {
    let mut salt = [0_u8; 16];
    getrandom::fill(&mut salt).map_err(|e| format!("no randomness from the system: {e}"))?;
    let salt = SaltString::encode_b64(&salt).map_err(|e| e.to_string())?;
    argon2()
        .hash_password(password.as_bytes(), &salt)
        .map(|hash| hash.to_string())
        .map_err(|e| format!("cannot hash the password: {e}"))
}

/// The hash of a random password that nobody knows.
const NOBODY: &str = "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Whether the password belongs to the hash. Without a hash it takes the same time and is wrong.
pub fn is_right(password: &str, hash: Option<&str>) -> bool {
    let belongs = belongs_to(password, hash.unwrap_or(NOBODY));
    belongs && hash.is_some()
}

fn belongs_to(password: &str, hash: &str) -> bool {
    #[cfg(test)]
    tests::LOOKED_AT.set(tests::LOOKED_AT.get() + 1);
    let belongs = PasswordHash::new(hash)
        .is_ok_and(|hash| argon2().verify_password(password.as_bytes(), &hash).is_ok());
    memory::give_back();
    belongs
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    thread_local! {
        /// How many passwords this thread has looked at.
        pub(super) static LOOKED_AT: Cell<usize> = const { Cell::new(0) };
    }

    #[test]
    fn a_password_is_kept_as_argon2id_and_only_it_is_right() {
        let kept = hash("open-sesame-demo").unwrap();
        assert!(kept.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && !kept.contains("sesame"));
        assert!(is_right("open-sesame-demo", Some(&kept)));
        assert!(!is_right("open-sesame", Some(&kept)));
        assert!(!is_right("open-sesame-demo", None));
    }

    #[test]
    fn a_user_who_is_not_there_costs_the_work_of_one_who_is() {
        let looked_at = LOOKED_AT.get();
        assert!(!is_right("open-sesame-demo", None));
        assert_eq!(LOOKED_AT.get(), looked_at + 1);

        let kept = hash("open-sesame-demo").unwrap();
        let [nobody, somebody] = [NOBODY, &kept].map(|hash| {
            let hash = PasswordHash::new(hash).unwrap();
            let salt = hash.salt.unwrap().as_str().len();
            let output = hash.hash.unwrap().len();
            let work = (hash.algorithm.to_string(), hash.version);
            (work, Params::try_from(&hash).unwrap(), salt, output)
        });
        assert_eq!(nobody, somebody);
    }
}
