//! What is said, before it is known in which language.

use std::borrow::Cow;

use chrono::{NaiveDate, NaiveDateTime};
use fluent_bundle::FluentValue;

use super::texts::Texts;

/// A message and its arguments, in no language yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub(super) key: &'static str,
    pub(super) args: Vec<(&'static str, Value)>,
}

impl Message {
    /// The message `key`.
    pub fn new(key: &'static str) -> Self {
        Self {
            key,
            args: Vec::new(),
        }
    }

    /// Sets an argument.
    #[must_use]
    pub fn arg(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.args.push((name, value.into()));
        self
    }

    /// The key.
    pub fn key(&self) -> &'static str {
        self.key
    }
}

/// An argument of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// As it is.
    Text(String),
    /// A count, grouped and with its plural.
    Number(i64),
    /// A day, written out in the language.
    Day(NaiveDate),
    /// A time of day in Seoul of a UTC time.
    Time(NaiveDateTime),
    /// Another message without arguments.
    Word(&'static str),
}

impl Value {
    pub(super) fn to_fluent(&self, texts: Texts) -> FluentValue<'_> {
        match self {
            Self::Text(text) => FluentValue::String(Cow::Borrowed(text)),
            #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^52")]
            Self::Number(number) => FluentValue::from(*number as f64),
            Self::Day(day) => FluentValue::from(texts.date(day)),
            Self::Time(at) => FluentValue::from(texts.time_of(at)),
            Self::Word(key) => FluentValue::from(texts.text(key)),
        }
    }
}

impl From<NaiveDate> for Value {
    fn from(day: NaiveDate) -> Self {
        Self::Day(day)
    }
}

impl From<NaiveDateTime> for Value {
    fn from(at: NaiveDateTime) -> Self {
        Self::Time(at)
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

macro_rules! numbers {
    ($($kind:ty)*) => {$(
        impl From<$kind> for Value {
            fn from(number: $kind) -> Self {
                Self::Number(i64::try_from(number).unwrap_or(i64::MAX))
            }
        }
    )*};
}
numbers!(i32 i64 u32 usize);

// Templates pass references.
impl<T: Clone + Into<Value>> From<&T> for Value {
    fn from(value: &T) -> Self {
        value.clone().into()
    }
}
