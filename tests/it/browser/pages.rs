//! Every page that a snapshot keeps, as a browser shows it: for everyone, in both languages, in light and in
//! dark, at every width, and as the standard has it.

use std::{collections::BTreeMap, net::TcpListener, path::Path, process::Command};

use actix_web::{
    App, HttpResponse, HttpServer,
    http::header::{CONTENT_SECURITY_POLICY, ContentType},
    web,
};
use billing_console::web::static_files;
use serde_json::{Value, json};

use super::{Browser, Setup, visit, visit_at};
use crate::app::TestApp;

const TESTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests");

/// What is redacted in the snapshots, with what stands for it here.
const REDACTED: [(&str, &str); 5] = [
    ("[token]", "0123456789abcdef"),
    ("[key]", "0123456789abcdef"),
    ("[run]", "01931f6e-7a5b-7000-8000-000000000000"),
    ("[reference]", "PM-01J9-8C2K"),
    ("[request]", "0123456789abcdef"),
];

/// Pages by the names of their snapshots.
type Pages = BTreeMap<String, String>;

fn kept_pages(is_wanted: impl Fn(&str) -> bool) -> Pages {
    std::fs::read_dir(format!("{TESTS}/it/snapshots"))
        .unwrap()
        .filter_map(|entry| {
            let path = entry.unwrap().path();
            let name = path
                .file_name()?
                .to_str()?
                .strip_suffix(".snap")
                .filter(|name| !name.starts_with("refusal."))?
                .to_owned();
            is_wanted(&name).then(|| (name, page_in(&std::fs::read_to_string(&path).unwrap())))
        })
        .collect()
}

/// The page after a snapshot's front matter and status.
fn page_in(snapshot: &str) -> String {
    let (_, body) = snapshot
        .trim_start_matches("---")
        .split_once("\n---\n")
        .unwrap();
    let (_, page) = body.split_once('\n').unwrap();
    let page = REDACTED
        .iter()
        .fold(page.to_owned(), |page, (name, value)| {
            page.replace(name, value)
        });
    [
        static_files::CONSOLE_CSS,
        static_files::CONSOLE_JS,
        static_files::ICONS_SVG,
        static_files::FAVICON_SVG,
    ]
    .into_iter()
    .fold(page, |page, address| {
        let parts: Vec<&str> = address.split('.').collect();
        page.replace(&format!("{}.[hash].{}", parts[0], parts[2]), address)
    })
}

/// Shows the pages under their names, with the real static files and under the console's own
/// Content-Security-Policy; gives the address.
fn show(pages: Pages, app: &TestApp) -> String {
    let answer = app.visitor().open("/sign-in");
    let policy = answer.header("content-security-policy").to_owned();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let pages = web::Data::new(pages);
    let server = HttpServer::new(move || {
        let (pages, policy) = (pages.clone(), policy.clone());
        let page = web::get().to(move |name: web::Path<String>| {
            let answer = HttpResponse::Ok()
                .content_type(ContentType::html())
                .insert_header((CONTENT_SECURITY_POLICY, policy.as_str()))
                .body(pages[name.as_str()].clone());
            async { answer }
        });
        App::new()
            .service(web::resource("/static/{file}").get(static_files::file))
            .service(web::resource("/{name}").route(page))
    })
    .workers(1)
    .disable_signals()
    .listen(listener)
    .unwrap()
    .run();
    std::thread::spawn(|| actix_web::rt::System::new().block_on(server));
    address
}

/// What axe finds: rule, then element.
const AXE: &str = r#"
    return axe.run({
        runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
        resultTypes: ["violations"],
    }).then(({ violations }) =>
        violations.flatMap(({ id, nodes }) => nodes.map((node) => `${id}: ${node.html}`)));
"#;

/// What makes a page wider than the window.
const WIDE: &str = r#"
    const [width, page] = [arguments[0], document.documentElement];
    if (innerWidth !== width) return [`the window is ${innerWidth} wide`];
    const edge = (element) => element.getBoundingClientRect().right;
    const out = [...document.querySelectorAll(":is(.card, .sheet, .banner) *")].filter((element) =>
        element.checkVisibility() && !element.closest(".vh, svg")
        && edge(element) > edge(element.closest(".sheet, .banner, .card")) + 1);
    if (out.length) return [`sticks out: ${out[0].outerHTML.slice(0, 160)}`];
    if (page.scrollWidth <= width) return [];
    const wide = [...document.querySelectorAll("body *")]
        .filter((element) => !element.firstElementChild && element.getBoundingClientRect().right > width)
        .map((element) => element.outerHTML.slice(0, 160));
    return [`the page is ${page.scrollWidth} wide: ${wide.slice(0, 3).join(" ")}`];
"#;

/// What a thumb would miss: less than 44 high, and no link in running text.
const SMALL: &str = r#"
    const isShown = (element) => element.checkVisibility({ visibilityProperty: true, opacityProperty: true });
    const isHiddenToEyes = ({ width, height, bottom }) => (width <= 1 && height <= 1) || bottom <= 0;
    const isInText = (element) => element.matches("a:not(.btn)") && element.closest("p, li, dd, small, td");
    const boxes = (element) => [element, ...(["radio", "checkbox"].includes(element.type) ? element.labels : [])]
        .map((part) => part.getBoundingClientRect());
    return [...document.querySelectorAll("a[href], button, input:not([type=hidden]), select, summary")]
        .filter((element) => isShown(element) && !isInText(element) && !isHiddenToEyes(element.getBoundingClientRect()))
        .map((element) => [element, boxes(element)])
        .map(([element, all]) =>
            [element, Math.max(...all.map((box) => box.bottom)) - Math.min(...all.map((box) => box.top))])
        .filter(([, height]) => height < 43.99)
        .map(([element, height]) => `only ${height.toFixed(1)} high: ${element.outerHTML.slice(0, 160)}`);
"#;

/// Words of a link, a button, a heading that are broken in two for want of room.
const BROKEN: &str = r#"
    const found = [];
    for (const element of document.querySelectorAll("a, button, summary, label, legend, h1, h2, th, dt, .tag")) {
        if (!element.checkVisibility()) continue;
        for (const node of element.childNodes) {
            if (node.nodeType !== Node.TEXT_NODE) continue;
            for (const { 0: word, index } of node.data.matchAll(/[^\s·(-]{2,16}/g)) {
                // Between Korean letters a line may end, unless the page is Korean.
                if (document.documentElement.lang !== "ko" && /\p{Script=Hangul}/u.test(word)) continue;
                const range = new Range();
                range.setStart(node, index);
                range.setEnd(node, index + word.length);
                const tops = new Set([...range.getClientRects()].map((box) => Math.round(box.top)));
                if (tops.size > 1) found.push(`broken: ${word} in ${element.outerHTML.slice(0, 160)}`);
            }
        }
    }
    return found;
"#;

/// What there must be once: the heading; and at most once: the filled button.
const ONCE: &str = r#"
    const shown = (css) => [...document.querySelectorAll(css)].filter((element) => element.checkVisibility());
    const [headings, filled] = [shown("h1").length, shown(".btn.main").length];
    return [...(headings === 1 ? [] : [`${headings} h1`]), ...(filled <= 1 ? [] : [`${filled} filled buttons`])];
"#;

/// Looks at each of the pages in every way; gives all that is wrong with them.
fn look_at(pages: Pages, language: &'static str) -> Vec<String> {
    let names: Vec<String> = pages.keys().cloned().collect();
    let axe = std::fs::read_to_string(npm("axe-core/axe.min.js")).unwrap();
    let mut found = Vec::new();
    let (app, setup) = (TestApp::start(), Setup::DESK.speaking(language));
    visit_at(&show(pages, &app), setup, &[], |browser| {
        browser.before_every_page(&axe);
        for name in names {
            browser.go(&format!("/{name}"));
            for (where_seen, wrong) in what_is_wrong(browser, &name) {
                if !is_meant(&name, &wrong) {
                    found.push(format!("{name}, {where_seen}: {wrong}"));
                }
            }
        }
    });
    found
}

fn what_is_wrong(browser: &Browser, name: &str) -> Vec<(&'static str, String)> {
    let mut found = Vec::new();
    let mut note = |where_seen, wrong: Vec<String>| {
        found.extend(wrong.into_iter().map(|wrong| (where_seen, wrong)));
    };
    browser.resize(1280, 900);
    note("anywhere", browser.ask(ONCE, []));
    // Folded out a page shows all that it has.
    browser.fold_out(true);
    for scheme in ["light", "dark"] {
        browser.prefer_scheme(scheme);
        note(scheme, browser.ask(AXE, []));
    }
    for (width, where_seen) in [
        (1280, "at 1280"),
        (1200, "at 1200"),
        (1080, "at 1080"),
        (768, "at 768"),
        (375, "at 375"),
        (320, "at 320"),
    ] {
        browser.resize(width, 900);
        note(where_seen, browser.ask(WIDE, [json!(width)]));
        // A name of ninety letters breaks somewhere.
        if !name.starts_with("long.") {
            note(where_seen, browser.ask(BROKEN, []));
        }
        if width == 375 {
            note(where_seen, browser.ask(SMALL, []));
        }
    }
    browser.resize(1280, 900);
    found.sort();
    found.dedup();
    found
}

/// The page that waits for an outcome reloads itself, which axe cannot tell from one that takes time away.
fn is_meant(name: &str, finding: &str) -> bool {
    name.starts_with("confirming.") && finding.starts_with("meta-refresh: ")
}

fn npm(file: &str) -> std::path::PathBuf {
    let path = Path::new(TESTS).join("npm/node_modules").join(file);
    assert!(
        path.exists(),
        "run `npm ci --ignore-scripts` in tests/npm, as bin/test does"
    );
    path
}

fn assert_for_everyone(language: &'static str) {
    let pages = kept_pages(|name| name.ends_with(&format!(".{language}")));
    assert!(pages.len() >= 40, "{} pages", pages.len());
    let found = look_at(pages, language);
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn every_english_page_is_for_everyone() {
    assert_for_everyone("en");
}

#[test]
fn every_korean_page_is_for_everyone() {
    assert_for_everyone("ko");
}

#[test]
fn a_page_with_faults_is_found_out() {
    let page = kept_pages(|name| name == "sign_in.empty.en").remove("sign_in.empty.en");
    let faults = r#"<h1>Again</h1><img src="{}"><input id="nameless">
        <p><button class="btn main">Go</button></p><div class="facts"><pre>WIDE</pre></div>"#
        .replace("WIDE", &"wide".repeat(400))
        .replace("{}", static_files::FAVICON_SVG);
    let page = page
        .unwrap()
        .replace("</main>", &format!("{faults}</main>"));
    let found = look_at([("page".to_owned(), page)].into(), "en").join("\n");
    for fault in [
        "page, light: image-alt: <img",
        "page, dark: label: <input id=\"nameless\"",
        "page, anywhere: 2 h1",
        "page, anywhere: 2 filled buttons",
        "page, at 320: the page is",
    ] {
        assert!(found.contains(fault), "{fault} in:\n{found}");
    }
}

#[test]
#[should_panic(expected = "violates the following Content Security Policy directive")]
fn what_the_policy_forbids_is_found_out() {
    let page = "<!doctype html><title>Inline</title><h1>Inline</h1><script>1</script>";
    look_at([("page".to_owned(), page.to_owned())].into(), "en");
}

#[test]
fn a_picture_is_as_wide_as_the_window_and_as_high_as_asked() {
    let app = TestApp::start();
    let folder = tempfile::tempdir().unwrap();
    visit(&app, Setup::PHONE, &[], |browser| {
        browser.go("/sign-in");
        browser.arrives_at_page("Sign in to Billing");
        let size = |full_page| {
            let path = folder.path().join("page.png");
            browser.picture(&path, full_page);
            let png = std::fs::read(&path).unwrap();
            // The first chunk of a PNG tells its width and height.
            let number = |at: usize| u32::from_be_bytes(png[at..at + 4].try_into().unwrap());
            (number(16), number(20))
        };
        let height = browser.ask("return document.documentElement.scrollHeight", []);
        assert!(height > 800);
        assert_eq!((size(false), size(true)), ((375, 800), (375, height)));
    });
}

#[test]
fn every_page_is_html_as_the_standard_has_it() {
    let folder = tempfile::tempdir().unwrap();
    for (name, page) in kept_pages(|_| true) {
        std::fs::write(folder.path().join(format!("{name}.html")), page).unwrap();
    }
    let checked = Command::new("java")
        .arg("-jar")
        .arg(npm("vnu-jar/build/dist/vnu.jar"))
        .args(["--errors-only", "--format", "json"])
        .arg(folder.path())
        .output()
        .expect("java is installed (Debian: default-jre-headless)");
    let told: Value = serde_json::from_slice(&checked.stderr).unwrap();
    let errors: Vec<String> = told["messages"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|error| !is_role_of_a_table(error))
        .map(|error| {
            let page = error["url"].as_str().unwrap_or_default();
            let page = page.rsplit('/').next().unwrap_or_default();
            format!("{page}: {} {}", error["message"], error["extract"])
        })
        .collect();
    assert!(errors.is_empty(), "{}", errors.join("\n"));
}

/// A table that becomes cards on a phone names its roles, which `display: block` takes away in some browsers.
fn is_role_of_a_table(error: &Value) -> bool {
    let message = error["message"].as_str().unwrap_or_default();
    message.starts_with("The “role” attribute must not be used on a “t")
}
