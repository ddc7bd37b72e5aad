//! The three terms that a card's registration asks for, each in versions, in both languages.

use std::{collections::BTreeMap, path::Path};

use actix_web::{HttpResponse, http::StatusCode, web};
use askama::Template;
use pulldown_cmark::{Event, Parser, html};

use crate::{
    error::Error,
    web::{self as pages, Lang, Shell, Texts, Visit},
};

crate::gateway::words! {
    /// What is agreed to (rule 13), in the form's order.
    Kind {
        /// Automatic payment.
        AutoPayment = "auto-payment",
        /// Personal information.
        Privacy = "privacy",
        /// Passing data to the payment provider.
        ThirdParty = "third-party",
    }
}

impl Kind {
    /// The key of its title.
    pub fn key(self) -> &'static str {
        match self {
            Self::AutoPayment => "terms-auto-payment",
            Self::Privacy => "terms-privacy",
            Self::ThirdParty => "terms-third-party",
        }
    }

    /// The form's field.
    pub fn field(self) -> &'static str {
        match self {
            Self::AutoPayment => "agree_auto_payment",
            Self::Privacy => "agree_privacy",
            Self::ThirdParty => "agree_third_party",
        }
    }

    /// The form's hidden field: which version was shown.
    pub fn version_field(self) -> &'static str {
        match self {
            Self::AutoPayment => "auto_payment_version",
            Self::Privacy => "privacy_version",
            Self::ThirdParty => "third_party_version",
        }
    }

    /// The key of the agreement beside its box.
    pub fn agreement_key(self) -> &'static str {
        match self {
            Self::AutoPayment => "s1-agree-auto",
            Self::Privacy => "s1-agree-privacy",
            Self::ThirdParty => "s1-agree-third",
        }
    }

    /// The key of the message when it is not agreed to.
    pub fn problem_key(self) -> &'static str {
        match self {
            Self::AutoPayment => "err-agree-auto",
            Self::Privacy => "err-agree-privacy",
            Self::ThirdParty => "err-agree-third",
        }
    }
}

/// The version of the built-in samples.
const SAMPLE: &str = "2026-11-01";

/// All terms, by kind, version and language; as HTML.
pub struct Terms {
    texts: BTreeMap<(&'static str, String), [Option<String>; 2]>,
    is_sample: bool,
}

impl Terms {
    /// The operator's own texts, `<kind>.<version>.<lang>.md`, or the built-in samples.
    ///
    /// # Errors
    /// One line for the operator that names the file.
    pub fn load(folder: Option<&Path>) -> Result<Self, String> {
        let mut terms = Self {
            texts: BTreeMap::new(),
            is_sample: folder.is_none(),
        };
        match folder {
            None => {
                for kind in Kind::ALL {
                    let [en, ko] = sample(kind);
                    terms.add(kind, SAMPLE, Lang::En, en);
                    terms.add(kind, SAMPLE, Lang::Ko, ko);
                }
            }
            Some(folder) => terms.read(folder)?,
        }
        terms.check()?;
        Ok(terms)
    }

    fn read(&mut self, folder: &Path) -> Result<(), String> {
        let cannot =
            |e: std::io::Error| format!("cannot read the terms in {}: {e}", folder.display());
        for entry in std::fs::read_dir(folder).map_err(cannot)? {
            let entry = entry.map_err(cannot)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let Some(stem) = name.strip_suffix(".md") else {
                continue;
            };
            let parsed = stem.split_once('.').and_then(|(kind, rest)| {
                let (version, lang) = rest.rsplit_once('.')?;
                let is_plain = version
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
                Some((
                    Kind::parse(kind)?,
                    Some(version).filter(|_| is_plain)?,
                    Lang::parse(lang)?,
                ))
            });
            let (kind, version, lang) =
                parsed.ok_or_else(|| format!("{name} is not named <kind>.<version>.<lang>.md (auto-payment, privacy, third-party; en, ko)"))?;
            let text = std::fs::read_to_string(entry.path())
                .map_err(|e| format!("cannot read {name}: {e}"))?;
            self.add(kind, version, lang, &text);
        }
        Ok(())
    }

    fn add(&mut self, kind: Kind, version: &str, lang: Lang, markdown: &str) {
        // Raw HTML stays text: a page's own markup comes from templates only.
        let events = Parser::new(markdown).map(|event| match event {
            Event::Html(text) | Event::InlineHtml(text) => Event::Text(text),
            other => other,
        });
        let mut text = String::new();
        html::push_html(&mut text, events);
        self.texts
            .entry((kind.as_str(), version.to_owned()))
            .or_default()[place(lang)] = Some(text);
    }

    /// Every kind has a version, and every version both languages.
    fn check(&self) -> Result<(), String> {
        for ((kind, version), texts) in &self.texts {
            for (text, lang) in texts.iter().zip(["en", "ko"]) {
                if text.is_none() {
                    return Err(format!("the terms {kind} lack {kind}.{version}.{lang}.md"));
                }
            }
        }
        match Kind::ALL
            .into_iter()
            .find(|kind| self.current(*kind).is_empty())
        {
            Some(kind) => Err(format!(
                "there are no terms {kind}: write {kind}.<version>.en.md and .ko.md",
                kind = kind.as_str()
            )),
            None => Ok(()),
        }
    }

    /// The newest version of a kind: the last in order of its name, in which 10 comes after 9.
    pub fn current(&self, kind: Kind) -> &str {
        self.texts
            .keys()
            .filter(|(of, _)| *of == kind.as_str())
            .map(|(_, version)| version.as_str())
            .max_by_key(|version| order_of(version))
            .unwrap_or_default()
    }

    /// The versions that are agreed to today, as JSON.
    pub fn accepted(&self) -> String {
        let versions: BTreeMap<_, _> = Kind::ALL
            .map(|kind| (kind.as_str(), self.current(kind)))
            .into_iter()
            .collect();
        serde_json::to_string(&versions).unwrap_or_default()
    }

    /// Which of the current versions an earlier answer agreed to, in the form's order.
    pub fn agreed(&self, accepted: Option<&str>) -> [bool; 3] {
        let versions: BTreeMap<String, String> = accepted
            .and_then(|json| serde_json::from_str(json).ok())
            .unwrap_or_default();
        Kind::ALL.map(|kind| {
            versions
                .get(kind.as_str())
                .is_some_and(|version| version == self.current(kind))
        })
    }

    fn text(&self, kind: Kind, version: &str, lang: Lang) -> Option<&str> {
        self.texts.get(&(kind.as_str(), version.to_owned()))?[place(lang)].as_deref()
    }
}

/// The runs of a version's name: digits count as a number and come before letters.
fn order_of(version: &str) -> Vec<(bool, usize, &[u8])> {
    version
        .as_bytes()
        .chunk_by(|one, next| one.is_ascii_digit() == next.is_ascii_digit())
        .map(|run| {
            if !run[0].is_ascii_digit() {
                return (true, 0, run);
            }
            let zeros = run.iter().take_while(|digit| **digit == b'0').count();
            (false, run.len() - zeros, &run[zeros..])
        })
        .collect()
}

fn place(lang: Lang) -> usize {
    match lang {
        Lang::En => 0,
        Lang::Ko => 1,
    }
}

fn sample(kind: Kind) -> [&'static str; 2] {
    match kind {
        Kind::AutoPayment => [
            include_str!("samples/auto-payment.en.md"),
            include_str!("samples/auto-payment.ko.md"),
        ],
        Kind::Privacy => [
            include_str!("samples/privacy.en.md"),
            include_str!("samples/privacy.ko.md"),
        ],
        Kind::ThirdParty => [
            include_str!("samples/third-party.en.md"),
            include_str!("samples/third-party.ko.md"),
        ],
    }
}

#[derive(Template)]
#[template(path = "registration/terms.html")]
struct TermsPage<'a> {
    t: Texts,
    shell: Shell,
    kind: Kind,
    version: &'a str,
    text: &'a str,
    is_sample: bool,
}

/// `GET /terms/{kind}/{version}`
///
/// # Errors
/// [`Error::NotFound`]
pub async fn show(visit: Visit, path: web::Path<(String, String)>) -> Result<HttpResponse, Error> {
    let (kind, version) = path.into_inner();
    let kind = Kind::parse(&kind).ok_or(Error::NotFound)?;
    let terms = &visit.services.terms;
    let text = terms
        .text(kind, &version, visit.t.lang)
        .ok_or(Error::NotFound)?;
    let (t, shell) = (visit.t, visit.outer_shell(visit.query()));
    pages::page(
        StatusCode::OK,
        &TermsPage {
            t,
            shell,
            kind,
            version: &version,
            text,
            is_sample: terms.is_sample,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_13_the_samples_hold_every_kind_in_both_languages() {
        let terms = Terms::load(None).unwrap();
        for kind in Kind::ALL {
            assert_eq!(terms.current(kind), SAMPLE);
            assert!(
                terms
                    .text(kind, SAMPLE, Lang::Ko)
                    .is_some_and(|text| text.contains("합니다"))
            );
        }
        assert!(terms.accepted().contains("\"privacy\":\"2026-11-01\""));
    }

    #[test]
    fn the_newest_version_is_found_by_its_numbers() {
        for (older, newer) in [
            ("9", "10"),
            ("v9", "v10"),
            ("2026-11-01", "2026-11-02"),
            ("2026-2-1", "2026-11-1"),
            ("1.9", "1.10"),
            ("1.0", "1.0.1"),
            ("09", "10"),
        ] {
            assert!(order_of(older) < order_of(newer), "{older} {newer}");
        }
    }

    #[test]
    fn the_operators_own_terms_are_checked_and_the_newest_version_asked_for() {
        let folder = tempfile::tempdir().unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
        for kind in ["auto-payment", "privacy", "third-party"] {
            for version in ["1", "2"] {
                write(
                    &format!("{kind}.{version}.en.md"),
                    "# Ours\n\n<script>x</script>",
                );
                write(&format!("{kind}.{version}.ko.md"), "# 약관");
            }
        }
        let terms = Terms::load(Some(folder.path())).unwrap();
        assert_eq!(terms.current(Kind::Privacy), "2");
        assert!(
            !terms
                .text(Kind::Privacy, "1", Lang::En)
                .unwrap()
                .contains("<script>")
        );
        std::fs::remove_file(folder.path().join("privacy.2.ko.md")).unwrap();
        assert!(
            Terms::load(Some(folder.path()))
                .err()
                .unwrap()
                .contains("privacy.2.ko.md")
        );
    }
}
