//! Forms: the body of a post read into memory that is wiped, its fields, and what is wrong with them.

use actix_web::{FromRequest, HttpRequest, dev::Payload, http::header, web::Bytes};
use futures_util::{StreamExt, future::LocalBoxFuture};
use zeroize::{Zeroize, Zeroizing};

use super::{connections, message::Message, texts::Texts};
use crate::error::BadForm;

/// The largest body of any form, in bytes.
pub const FORM_LIMIT: usize = 4096;

/// A route's own limit in bytes, set as its `app_data`, for a form that needs less.
#[derive(Debug, Clone, Copy)]
pub struct FormLimit(pub usize);

/// The body of a post. It is looked into only after the session, the origin and the token were
/// checked (`Visit::write`), so reading it never fails by itself.
pub struct Posted(Result<Fields, BadForm>);

impl Posted {
    /// The fields.
    ///
    /// # Errors
    /// Why the body is no form of ours.
    pub fn fields(self) -> Result<Fields, BadForm> {
        self.0
    }
}

impl FromRequest for Posted {
    type Error = actix_web::Error;
    type Future = LocalBoxFuture<'static, Result<Self, Self::Error>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let is_form = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .and_then(|kind| kind.split(';').next())
            .is_none_or(|kind| {
                kind.trim()
                    .eq_ignore_ascii_case("application/x-www-form-urlencoded")
            });
        let limit = request
            .app_data::<FormLimit>()
            .map_or(FORM_LIMIT, |limit| limit.0.min(FORM_LIMIT));
        let is_the_servers = connections::brought(request);
        let mut payload = payload.take();
        Box::pin(async move {
            // One buffer of its final size: a growing one would leave copies behind.
            let mut body = Zeroizing::new(Vec::with_capacity(FORM_LIMIT));
            while let Some(chunk) = payload.next().await {
                let Ok(chunk) = chunk else {
                    return Ok(Self(Err(BadForm::TooSlow)));
                };
                let fits = body.len() + chunk.len() <= limit;
                if fits {
                    body.extend_from_slice(&chunk);
                }
                if is_the_servers {
                    wipe(chunk);
                }
                if !fits {
                    return Ok(Self(Err(BadForm::TooLarge)));
                }
            }
            if !is_form && !body.is_empty() {
                return Ok(Self(Err(BadForm::NotAForm)));
            }
            Ok(Self(Fields::parse(&body)))
        })
    }
}

/// Wipes a part of a body that a connection brought. The server keeps the rest of its buffer, with the request's head, as
/// long as it likes.
#[allow(unsafe_code, reason = "nothing safe writes into a part of a buffer")]
fn wipe(chunk: Bytes) {
    let begin = chunk.as_ptr().cast_mut();
    // SAFETY: the server cut the chunk off its buffer, which it made and may write, and gave it away: these bytes are in
    // no other part of it. No copy of the chunk was made, so that nobody else reads them, and the buffer lives as long as
    // the chunk, which is dropped after this.
    unsafe { std::slice::from_raw_parts_mut(begin, chunk.len()) }.zeroize();
}

/// The fields of a form, wiped when dropped. No Debug: they may hold a card number.
pub struct Fields(Vec<(String, Zeroizing<String>)>);

impl Fields {
    /// Reads `application/x-www-form-urlencoded`.
    ///
    /// # Errors
    /// [`BadForm::Malformed`] for broken percent signs or text that is not UTF-8.
    pub fn parse(body: &[u8]) -> Result<Self, BadForm> {
        body.split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty())
            .map(|pair| {
                let at = pair
                    .iter()
                    .position(|byte| *byte == b'=')
                    .unwrap_or(pair.len());
                let name = decode(&pair[..at])?;
                let value = decode(pair.get(at + 1..).unwrap_or_default())?;
                Ok((name.to_string(), value))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// A field that the form knows; empty when it was not sent.
    ///
    /// # Errors
    /// [`BadForm::Malformed`] when it was sent twice.
    pub fn one(&self, name: &str) -> Result<&str, BadForm> {
        let mut found = self
            .0
            .iter()
            .filter(|(field, _)| field == name)
            .map(|(_, value)| value.as_str());
        let first = found.next().unwrap_or_default();
        if found.next().is_some() {
            Err(BadForm::Malformed)
        } else {
            Ok(first)
        }
    }

    /// Whether a checkbox was ticked: it counts when present.
    ///
    /// # Errors
    /// [`BadForm::Malformed`] when it was sent twice.
    pub fn ticked(&self, name: &str) -> Result<bool, BadForm> {
        self.one(name)?;
        Ok(self.0.iter().any(|(field, _)| field == name))
    }
}

fn decode(text: &[u8]) -> Result<Zeroizing<String>, BadForm> {
    let mut bytes = Zeroizing::new(Vec::with_capacity(text.len()));
    let mut rest = text.iter();
    while let Some(byte) = rest.next() {
        bytes.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [rest.next(), rest.next()].map(|digit| {
                    digit
                        .and_then(|digit| char::from(*digit).to_digit(16))
                        .and_then(|digit| u8::try_from(digit).ok())
                });
                let [Some(high), Some(low)] = digits else {
                    return Err(BadForm::Malformed);
                };
                high << 4 | low
            }
            other => *other,
        });
    }
    std::str::from_utf8(&bytes)
        .map(|text| Zeroizing::new(text.to_owned()))
        .map_err(|_| BadForm::Malformed)
}

/// Whether a value holds a control character, which no field of ours takes.
pub fn has_control(value: &str) -> bool {
    value.chars().any(is_control)
}

/// A character that is not seen and acts: also one that turns the direction of what follows, which would
/// show the words after a name backwards.
pub fn is_control(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A number as people type it: spaces and hyphens are left out, full-width digits (`１２`, from an East
/// Asian keyboard) are digits. Wiped when dropped.
///
/// # Errors
/// The message's key, when it holds a control character.
pub fn typed_number(value: &str) -> Result<Zeroizing<String>, &'static str> {
    if has_control(value) {
        return Err("err-control");
    }
    // No letter grows, so the buffer never moves and leaves no copy behind.
    let mut number = Zeroizing::new(String::with_capacity(value.len()));
    for letter in value.chars() {
        match letter {
            '０'..='９' => number
                .push(char::from_digit(u32::from(letter) - u32::from('０'), 10).unwrap_or(letter)),
            '-' => {}
            other if other.is_whitespace() => {}
            other => number.push(other),
        }
    }
    Ok(number)
}

/// A text to search for: no control characters, no space around it, at most 100 letters.
pub fn search_text(typed: &str) -> String {
    let clean: String = typed
        .chars()
        .filter(|letter| !is_control(*letter))
        .collect();
    clean.trim().chars().take(100).collect()
}

/// What is wrong with a form, in the order of its fields. Holds no value that a user gave.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Problems(Vec<(&'static str, Message)>);

impl Problems {
    /// One problem beside one field.
    pub fn one(field: &'static str, message: Message) -> Self {
        Self(vec![(field, message)])
    }

    /// Adds a problem.
    pub fn add(&mut self, field: &'static str, message: Message) {
        self.0.push((field, message));
    }

    /// Takes over `validator`'s findings: the code of each is the key of its message. The refused
    /// values that they carry are dropped here.
    pub fn of(
        errors: &validator::ValidationErrors,
        fields: &[&'static str],
        keys: &[&'static str],
    ) -> Self {
        let found = errors.field_errors();
        let mut problems = Self::default();
        for field in fields {
            let codes = found
                .get(*field)
                .into_iter()
                .flat_map(|errors| errors.iter());
            let first = codes
                .filter_map(|error| keys.iter().find(|key| **key == error.code))
                .next();
            if let Some(key) = first {
                problems.add(field, Message::new(key));
            }
        }
        problems
    }

    /// Whether nothing is wrong.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The words beside a field.
    pub fn beside(&self, t: &Texts, field: &str) -> Option<String> {
        self.0
            .iter()
            .find(|(at, _)| *at == field)
            .map(|(_, message)| t.say(message))
    }

    /// For the summary: each field once, with the same words as beside it.
    pub fn summary(&self, t: &Texts) -> Vec<(&'static str, String)> {
        self.0
            .iter()
            .map(|(field, message)| (*field, t.say(message)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_field_sent_twice_is_refused_an_unknown_one_is_ignored() {
        let fields = Fields::parse(b"a=1&b=2&a=3&x=1&x=2").ok().unwrap();
        assert_eq!(fields.one("b"), Ok("2"));
        assert_eq!(fields.one("a"), Err(BadForm::Malformed));
        assert_eq!(fields.one("none"), Ok(""));
    }

    #[test]
    fn a_form_is_decoded_or_malformed() {
        let fields = Fields::parse("name=%EA%B9%80+%ED%95%98%EB%82%98&agree".as_bytes())
            .ok()
            .unwrap();
        assert_eq!(fields.one("name"), Ok("김 하나"));
        assert_eq!(fields.ticked("agree"), Ok(true));
        for body in ["a=%", "a=%4", "a=%zz", "a=%ff"] {
            assert_eq!(
                Fields::parse(body.as_bytes()).err(),
                Some(BadForm::Malformed),
                "{body}"
            );
        }
    }

    #[test]
    fn spaces_and_hyphens_in_a_number_are_ignored_and_full_width_digits_are_digits() {
        assert_eq!(typed_number(" １２-３ 4").unwrap().as_str(), "1234");
        assert_eq!(typed_number("1\u{0}").err(), Some("err-control"));
    }

    #[test]
    fn what_turns_the_direction_of_the_words_after_it_is_a_control_character() {
        assert!(has_control("a\u{202e}b") && has_control("\u{2066}"));
        assert!(!has_control("김 하나") && !has_control("אבג"));
    }

    #[test]
    fn a_text_to_search_for_has_no_control_characters() {
        assert_eq!(search_text(" a\u{0}b "), "ab");
        assert_eq!(search_text("a\u{202e}b"), "ab");
        assert_eq!(search_text("\u{0}"), "");
    }
}
