//! Templates and words.

use std::{collections::BTreeSet, fs, path::Path};

use billing_console::web::{Lang, Texts, texts::keys_of};

pub fn files(folder: &str, end: &str) -> Vec<(String, String)> {
    fn walk(folder: &Path, end: &str, found: &mut Vec<(String, String)>) {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                walk(&path, end, found);
            } else if path.to_string_lossy().ends_with(end) {
                found.push((
                    path.display().to_string(),
                    fs::read_to_string(&path).unwrap(),
                ));
            }
        }
    }
    let mut found = Vec::new();
    walk(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
        end,
        &mut found,
    );
    assert!(!found.is_empty(), "{folder}");
    found
}

/// Every text in quotes after one of `marks`.
pub fn quoted_after<'a>(text: &'a str, marks: &[&str]) -> Vec<&'a str> {
    marks
        .iter()
        .flat_map(|mark| {
            text.match_indices(mark)
                .map(|(at, mark)| &text[at + mark.len()..])
        })
        .filter_map(|rest| rest.split('"').next())
        .collect()
}

#[test]
fn templates_and_code_use_only_keys_that_exist() {
    let t = Texts::new(Lang::En);
    let mut used = BTreeSet::new();
    for (file, text) in files("templates", ".html")
        .iter()
        .chain(&files("src", ".rs"))
    {
        for key in quoted_after(
            text,
            &[
                "t.text(\"",
                "t.fill(\"",
                ".fill(\"",
                ".text(\"",
                "Message::new(\"",
            ],
        ) {
            if key.contains(['{', '<']) {
                continue;
            }
            assert!(t.has(key), "{file} uses {key}");
            used.insert(key.to_owned());
        }
    }
    assert!(used.len() > 150, "{}", used.len());
}

#[test]
fn no_key_is_left_over() {
    let all: String = files("templates", ".html")
        .into_iter()
        .chain(files("src", ".rs"))
        .map(|(_, text)| text)
        .collect();
    for (file, text) in files("locales/en", ".ftl") {
        for key in keys_of(&text) {
            let is_used = all.contains(&format!("\"{key}\"")) || key.starts_with("bank-");
            assert!(is_used, "{file}: {key} is used nowhere");
        }
    }
}

#[test]
fn templates_and_styles_hold_no_inline_style_script_or_outside_address() {
    for (file, text) in files("templates", ".html") {
        for sign in [
            "style=",
            "<style",
            " onclick",
            " onload",
            " onchange",
            "<script>",
            "javascript:",
            "http://",
            "https://",
        ] {
            assert!(!text.contains(sign), "{file} holds {sign}");
        }
    }
    for (file, text) in files("static", ".css")
        .into_iter()
        .chain(files("static", ".js"))
    {
        for sign in ["http://", "https://", "@import", "url("] {
            assert!(!text.contains(sign), "{file} holds {sign}");
        }
    }
}

#[test]
fn no_statement_of_sql_is_put_together_from_values() {
    for (file, text) in files("src", ".rs") {
        let text: String = text.split_whitespace().collect();
        for sign in [
            "sql_query(format!",
            "sql_query(&",
            "sql_query([",
            ">(format!",
            ">(&format!",
        ] {
            assert!(!text.contains(sign), "{file} holds {sign}");
        }
    }
}

#[test]
fn no_korean_page_has_an_english_sentence_or_button() {
    let files = files("tests/it/snapshots", ".ko.snap");
    assert!(files.len() > 50, "{} pages", files.len());
    for (name, text) in files {
        let Some((_, html)) = text.split_once("<!doctype") else {
            assert!(name.contains("/refusal."), "{name} is no page");
            continue;
        };
        for text in said_on(&format!("<!doctype{html}")) {
            let words: Vec<&str> = text.split_whitespace().collect();
            for three in words.windows(3) {
                assert!(
                    !three.iter().all(|word| is_latin(word)),
                    "{name}: {three:?}"
                );
            }
            // The switch to the other language is in that language.
            if let [word] = words[..]
                && word.len() < 30 // longer is a name
                && is_latin(word)
                && word.bytes().any(|byte| byte.is_ascii_lowercase())
            {
                assert_eq!(word, "English", "{name}");
            }
        }
    }
}

fn is_latin(word: &str) -> bool {
    word.len() > 1 && word.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// Every run of text of a page, and what it says through attributes.
fn said_on(html: &str) -> Vec<String> {
    let page = scraper::Html::parse_document(html);
    let attributes = [
        "aria-label",
        "placeholder",
        "data-label",
        "data-copied",
        "title",
    ];
    let every = scraper::Selector::parse("*").unwrap();
    let through_attributes = page
        .select(&every)
        .flat_map(|element| attributes.map(|name| element.attr(name).map(str::to_owned)));
    page.root_element()
        .text()
        .map(str::to_owned)
        .chain(through_attributes.flatten())
        .collect()
}
