//! What the pages weigh and whether their colours can be read.

use std::{collections::BTreeMap, fs, io::Read};

use billing_console::web::static_files;

use crate::{app::TestApp, person::Page};

fn file(path: &str) -> String {
    fs::read_to_string(format!("{}/{path}", env!("CARGO_MANIFEST_DIR"))).unwrap()
}

/// Each colour token of the style sheet in the light and the dark scheme.
fn tokens() -> BTreeMap<String, [u32; 2]> {
    let css = file("static/console.css");
    css.lines()
        .filter_map(|line| {
            let (name, value) = line
                .trim()
                .strip_prefix("--")?
                .split_once(": light-dark(#")?;
            let (light, dark) = value.strip_suffix(");")?.split_once(", #")?;
            let hex = |text: &str| u32::from_str_radix(text, 16).unwrap();
            assert_eq!((light.len(), dark.len()), (6, 6), "{name}");
            Some((name.to_owned(), [hex(light), hex(dark)]))
        })
        .collect()
}

/// WCAG 2.2, relative luminance.
fn luminance(colour: u32) -> f64 {
    let channel = |shift: u32| {
        let value = f64::from((colour >> shift) & 0xff) / 255.0;
        if value <= 0.04045 {
            value / 12.92
        } else {
            ((value + 0.055) / 1.055).powf(2.4)
        }
    };
    0.2126 * channel(16) + 0.7152 * channel(8) + 0.0722 * channel(0)
}

fn contrast(one: u32, other: u32) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

#[test]
fn every_pair_of_tokens_that_meets_can_be_read() {
    const TEXT: f64 = 4.5;
    const CONTROL: f64 = 3.0;
    let grounds: &[&str] = &["ground", "surface", "surface-raised"];
    let soft: &[&str] = &["accent-soft", "bad-soft", "warn-soft", "good-soft"];
    let meets: [(&str, f64, &[&[&str]]); 12] = [
        ("ink", TEXT, &[grounds, soft]),
        ("ink-soft", TEXT, &[grounds, soft]),
        ("ink-faint", TEXT, &[grounds, soft]),
        (
            "accent",
            TEXT,
            &[
                grounds,
                &["accent-soft", "bad-soft", "good-soft", "warn-soft"],
            ],
        ),
        (
            "accent-strong",
            TEXT,
            &[grounds, &["accent-soft", "bad-soft", "good-soft"]],
        ),
        ("on-accent", TEXT, &[&["accent", "accent-strong"]]),
        ("on-ribbon", TEXT, &[&["ribbon"]]),
        ("bad", TEXT, &[grounds, &["bad-soft"]]),
        ("warn", TEXT, &[grounds, &["warn-soft"]]),
        ("good", TEXT, &[grounds, &["good-soft"]]),
        ("edge", CONTROL, &[grounds, soft]),
        ("accent", CONTROL, &[soft]),
    ];
    let tokens = tokens();
    let mut unseen: Vec<&String> = tokens.keys().collect();
    for (text, least, backgrounds) in meets {
        for background in backgrounds.iter().flat_map(|group| group.iter()) {
            for (scheme, name) in ["light", "dark"].iter().enumerate() {
                let ratio = contrast(tokens[text][scheme], tokens[*background][scheme]);
                assert!(ratio >= least, "{text} on {background}, {name}: {ratio:.2}");
            }
            unseen.retain(|token| token != background && *token != text);
        }
    }
    // Lines part areas that are told apart without them.
    assert_eq!(unseen, ["line"]);
}

#[test]
fn contrast_is_that_of_wcag() {
    assert!((contrast(0x000000, 0xffffff) - 21.0).abs() < 0.01);
    assert!((contrast(0x777777, 0xffffff) - 4.48).abs() < 0.01);
}

/// The files that a page asks for.
fn files_of(page: &Page) -> Vec<String> {
    let mut files = [
        page.attributes("link[href]", "href"),
        page.attributes("script[src]", "src"),
        page.attributes("use[href]", "href"),
    ]
    .concat();
    for file in &mut files {
        file.truncate(file.find('#').unwrap_or(file.len()));
    }
    files.sort();
    files.dedup();
    files
}

#[test]
fn the_first_view_of_the_tab_weighs_at_most_40_kb_and_asks_nobody_else() {
    let app = TestApp::start();
    let person = app.sign_in("admin@mirlabs.test");
    let page = person.open("/billing/payment-methods");
    let files = files_of(&page);
    assert_eq!(files.len(), 4, "{files:?}");
    for encoding in ["br", "gzip"] {
        let mut weight = 0;
        for path in files
            .iter()
            .map(String::as_str)
            .chain(["/billing/payment-methods"])
        {
            assert!(path.starts_with('/') && !path.starts_with("//"), "{path}");
            let (encoded, length, head) = person.weigh(path, encoding);
            assert_eq!(encoded, encoding, "{path}");
            weight += length + head;
        }
        assert!(weight <= 40_000, "{encoding}: {weight} bytes");
    }
}

#[test]
fn a_static_file_is_the_same_in_each_form_and_may_be_kept_for_ever() {
    let app = TestApp::start();
    let visitor = app.visitor();
    for (address, source) in [
        (static_files::CONSOLE_CSS, "static/console.css"),
        (static_files::CONSOLE_JS, "static/console.js"),
        (static_files::ICONS_SVG, "static/icons.svg"),
        (static_files::FAVICON_SVG, "static/favicon.svg"),
    ] {
        let plain = file(source);
        let page = visitor.open(address);
        assert_eq!(page.header("content-encoding"), "", "{address}");
        assert_eq!(
            page.header("cache-control"),
            "public, max-age=31536000, immutable"
        );
        assert!(
            page.header("vary")
                .to_lowercase()
                .contains("accept-encoding")
        );
        assert_eq!(page.body, plain, "{address}");
        let unpack = |encoding: &str| visitor.raw(address, encoding);
        let mut text = String::new();
        flate2::read::GzDecoder::new(&unpack("gzip")[..])
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, plain, "{address} in gzip");
        let mut text = String::new();
        brotli::Decompressor::new(&unpack("br")[..], 4096)
            .read_to_string(&mut text)
            .unwrap();
        assert_eq!(text, plain, "{address} in br");
        let parts: Vec<&str> = address.split('.').collect();
        let of_before = format!("{}.000000000000.{}", parts[0], parts[2]);
        assert_eq!(visitor.open(&of_before).status, 404);
    }
    assert!(
        file("static/console.js").len() <= 4096,
        "the script stays small"
    );
}

#[test]
fn every_icon_that_a_page_uses_is_in_the_sprite_and_none_is_left_over() {
    let sprite = file("static/icons.svg");
    let mut kept: Vec<&str> = sprite
        .split("<symbol id=\"")
        .skip(1)
        .map(|rest| &rest[..rest.find('"').unwrap()])
        .collect();
    let mut sources = String::new();
    for (folder, end) in [("templates", ".html"), ("src", ".rs")] {
        for (_, text) in crate::texts::files(folder, end) {
            sources.push_str(&text);
        }
    }
    for name in sources.split("m::icon(\"").skip(1) {
        let name = &name[..name.find('"').unwrap()];
        assert!(kept.contains(&name), "{name} is not in the sprite");
    }
    kept.retain(|name| {
        !sources.contains(&format!("\"{name}\"")) && !sources.contains(&format!("#{name}\""))
    });
    assert!(kept.is_empty(), "{kept:?} are used nowhere");
    assert!(file("static/icons.LICENSE").starts_with("ISC License"));
}

#[test]
fn only_pages_of_somebody_signed_in_are_kept_from_the_browsers_cache() {
    let app = TestApp::start();
    let visitor = app.visitor();
    let terms = "/terms/privacy/2026-11-01";
    for path in ["/sign-in", terms, "/nope"] {
        assert_eq!(
            visitor.open(path).header("cache-control"),
            "no-cache",
            "{path}"
        );
    }
    let person = app.sign_in("main-admin@acme.test");
    for path in ["/billing/payment-methods", terms, "/nope", "/demo/inbox"] {
        assert_eq!(
            person.open(path).header("cache-control"),
            "no-store",
            "{path}"
        );
    }
}

#[test]
fn a_browser_that_refuses_the_plain_form_still_gets_a_page_of_ours() {
    let app = TestApp::start();
    let visitor = app.visitor();
    for accepted in [
        "identity;q=0",
        "*;q=0",
        "br;q=0, gzip;q=0, identity;q=0.0",
        "gzip;q=0.000, *;q=0.0",
        "br; q=0",
        "gzip;q=0.5",
    ] {
        let page = visitor.open_accepting("/sign-in", accepted);
        assert_eq!(page.status, 200, "{accepted}");
        assert_eq!(
            page.header("x-content-type-options"),
            "nosniff",
            "{accepted}"
        );
        assert_eq!(page.header("x-request-id").len(), 16, "{accepted}");
    }
}
