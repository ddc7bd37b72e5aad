//! The words of the console in each language: Fluent messages from `locales/`, inside the binary.

use std::{collections::HashMap, fmt, sync::LazyLock};

use chrono::{Datelike, Month, NaiveDate, NaiveDateTime, SecondsFormat, Timelike};
use fluent_bundle::{
    FluentArgs, FluentResource, FluentValue, concurrent::FluentBundle, types::FluentNumber,
};

use super::message::{Message, Value};
use crate::clock::in_seoul;

/// A language that every page is complete in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lang {
    /// English.
    En,
    /// Korean.
    Ko,
}

impl Lang {
    /// `en` or `ko`.
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Ko => "ko",
        }
    }

    /// Reads `en` or `ko`.
    pub fn parse(code: &str) -> Option<Self> {
        match code {
            "en" => Some(Self::En),
            "ko" => Some(Self::Ko),
            _ => None,
        }
    }

    /// The other one, for the switch.
    pub fn other(self) -> Self {
        match self {
            Self::En => Self::Ko,
            Self::Ko => Self::En,
        }
    }

    /// The first of our languages in an `Accept-Language` header by its weights, else English.
    pub fn negotiate(accept: &str) -> Self {
        accept
            .split(',')
            .filter_map(|choice| {
                let mut parts = choice.split(';').map(str::trim);
                let lang = Self::parse(
                    parts
                        .next()?
                        .split('-')
                        .next()?
                        .to_ascii_lowercase()
                        .as_str(),
                )?;
                let weight = parts
                    .find_map(|part| part.strip_prefix("q=")?.parse::<f32>().ok())
                    .unwrap_or(1.0);
                (weight > 0.0).then_some((lang, weight))
            })
            .reduce(|best, next| if next.1 > best.1 { next } else { best })
            .map_or(Self::En, |(lang, _)| lang)
    }
}

macro_rules! catalog_files {
    ($lang:literal) => {
        [
            include_str!(concat!("../../locales/", $lang, "/web.ftl")),
            include_str!(concat!("../../locales/", $lang, "/access.ftl")),
            include_str!(concat!("../../locales/", $lang, "/payment-methods.ftl")),
            include_str!(concat!("../../locales/", $lang, "/registration.ftl")),
            include_str!(concat!("../../locales/", $lang, "/support.ftl")),
        ]
    };
}

static ENGLISH: LazyLock<Catalog> = LazyLock::new(|| Catalog::new("en", &catalog_files!("en")));
static KOREAN: LazyLock<Catalog> = LazyLock::new(|| Catalog::new("ko", &catalog_files!("ko")));

struct Catalog {
    bundle: FluentBundle<FluentResource>,
    /// Messages without arguments, formatted once.
    plain: HashMap<String, String>,
}

impl Catalog {
    fn new(code: &str, files: &[&str]) -> Self {
        let language: unic_langid::LanguageIdentifier = code.parse().unwrap_or_default();
        let mut bundle = FluentBundle::new_concurrent(vec![language]);
        bundle.set_use_isolating(false);
        bundle.set_formatter(Some(|value, _| match value {
            FluentValue::Number(number) => Some(group_digits(number)),
            _ => None,
        }));
        let mut keys = Vec::new();
        for file in files {
            let resource = match FluentResource::try_new((*file).to_owned()) {
                Ok(resource) => resource,
                Err((resource, faults)) => {
                    log::error!("locales/{code}: {faults:?}");
                    resource
                }
            };
            keys.extend(keys_of(file));
            if let Err(faults) = bundle.add_resource(resource) {
                log::error!("locales/{code}: {faults:?}");
            }
        }
        let mut plain = HashMap::new();
        for key in keys {
            if let Some(pattern) = bundle.get_message(key).and_then(|message| message.value()) {
                let mut faults = Vec::new();
                let text = bundle
                    .format_pattern(pattern, None, &mut faults)
                    .into_owned();
                if faults.is_empty() {
                    plain.insert(key.to_owned(), text);
                }
            }
        }
        Self { bundle, plain }
    }
}

/// The keys of a catalog's text: each message begins its line with its key.
pub fn keys_of(file: &str) -> impl Iterator<Item = &str> {
    file.lines()
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase()))
        .filter_map(|line| line.split_once('=').map(|(key, _)| key.trim()))
}

/// 10000 → 10,000, in both languages.
fn group_digits(number: &FluentNumber) -> String {
    let digits = number.as_string();
    let (whole, rest) = digits
        .split_once('.')
        .map_or((digits.as_ref(), None), |(whole, rest)| (whole, Some(rest)));
    let mut text = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) && !text.ends_with('-') {
            text.push(',');
        }
        text.push(digit);
    }
    rest.map_or(text.clone(), |rest| format!("{text}.{rest}"))
}

/// The words of one language.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Texts {
    /// The language.
    pub lang: Lang,
}

impl Texts {
    /// The words of `lang`.
    pub fn new(lang: Lang) -> Self {
        Self { lang }
    }

    fn catalog(self) -> &'static Catalog {
        match self.lang {
            Lang::En => &ENGLISH,
            Lang::Ko => &KOREAN,
        }
    }

    /// A message without arguments. A key that is not there shows itself; a test finds it first.
    pub fn text<'k>(self, key: &'k str) -> &'k str
    where
        'static: 'k,
    {
        self.catalog().plain.get(key).map_or(key, String::as_str)
    }

    /// Begins a message with arguments.
    pub fn fill(self, key: &'static str) -> Filled {
        Filled {
            texts: self,
            message: Message::new(key),
        }
    }

    /// A message in this language.
    pub fn say(self, message: &Message) -> String {
        let catalog = self.catalog();
        if message.args.is_empty() {
            return self.text(message.key).to_owned();
        }
        let Some(pattern) = catalog
            .bundle
            .get_message(message.key)
            .and_then(|found| found.value())
        else {
            return message.key.to_owned();
        };
        let mut args = FluentArgs::new();
        for (name, value) in &message.args {
            args.set(*name, value.to_fluent(self));
        }
        catalog
            .bundle
            .format_pattern(pattern, Some(&args), &mut Vec::new())
            .into_owned()
    }

    /// Whether the key exists.
    pub fn has(self, key: &str) -> bool {
        self.catalog().bundle.has_message(key)
    }

    /// A day in words: 10 December 2026, 2026년 12월 10일.
    pub fn date(self, day: &NaiveDate) -> String {
        match self.lang {
            Lang::En => format!("{} {} {}", day.day(), month_name(day), day.year()),
            Lang::Ko => format!("{}년 {}월 {}일", day.year(), day.month(), day.day()),
        }
    }

    /// A day in short: 10 Dec 2026, 2026. 12. 10.
    pub fn short_date(self, day: &NaiveDate) -> String {
        match self.lang {
            Lang::En => format!("{} {:.3} {}", day.day(), month_name(day), day.year()),
            Lang::Ko => format!("{}. {}. {}.", day.year(), day.month(), day.day()),
        }
    }

    /// The Seoul day of a UTC time, in short.
    pub fn short_date_of(self, at: &NaiveDateTime) -> String {
        self.short_date(&in_seoul(*at).date_naive())
    }

    /// The Seoul time of day of a UTC time, with its zone: 14:02 KST.
    pub fn time_of(self, at: &NaiveDateTime) -> String {
        let time = in_seoul(*at);
        format!("{:02}:{:02} KST", time.hour(), time.minute())
    }

    /// For `<time datetime>`: 2026-11-03T14:02:11+09:00.
    pub fn machine_time(self, at: &NaiveDateTime) -> String {
        in_seoul(*at).to_rfc3339_opts(SecondsFormat::Secs, false)
    }
}

/// The English name of a day's month.
fn month_name(day: &NaiveDate) -> &'static str {
    u8::try_from(day.month())
        .ok()
        .and_then(|month| Month::try_from(month).ok())
        .map_or("", |month| month.name())
}

/// A message whose arguments are being filled in; shows itself in its language.
#[derive(Debug, Clone)]
pub struct Filled {
    texts: Texts,
    message: Message,
}

impl Filled {
    /// Sets an argument.
    #[must_use]
    pub fn arg(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.message = self.message.arg(name, value);
        self
    }
}

impl fmt::Display for Filled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.texts.say(&self.message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_language_is_the_browsers_first_of_ours_by_weight() {
        for (accept, lang) in [
            ("ko-KR,ko;q=0.9,en;q=0.8", Lang::Ko),
            ("en;q=0.5, ko;q=0.7", Lang::Ko),
            ("fr, de", Lang::En),
            ("ko;q=0", Lang::En),
            ("", Lang::En),
        ] {
            assert_eq!(Lang::negotiate(accept), lang, "{accept}");
        }
    }

    #[test]
    fn dates_and_numbers_have_each_languages_form() {
        let day: NaiveDate = "2026-12-10".parse().unwrap();
        let (en, ko) = (Texts::new(Lang::En), Texts::new(Lang::Ko));
        assert_eq!(en.date(&day), "10 December 2026");
        assert_eq!(ko.date(&day), "2026년 12월 10일");
        assert_eq!(en.short_date(&day), "10 Dec 2026");
        assert_eq!(ko.short_date(&day), "2026. 12. 10.");
        assert_eq!(en.time_of(&day.and_hms_opt(5, 2, 0).unwrap()), "14:02 KST");
        assert_eq!(
            en.fill("pm-caption").arg("n", 10_000).to_string(),
            "Billing groups you can manage (10,000)"
        );
    }

    #[test]
    fn both_languages_have_the_same_keys_in_every_file() {
        for (en, ko) in catalog_files!("en").iter().zip(catalog_files!("ko").iter()) {
            let (en, ko): (Vec<_>, Vec<_>) = (keys_of(en).collect(), keys_of(ko).collect());
            assert_eq!(en, ko);
        }
    }
}
