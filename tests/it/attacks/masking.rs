//! Masking: as everybody, every page that a link leads to shows four digits of a number at most, in its one mask.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use billing_console::gateway::{
    AttemptQuery, BillingKey, Brand, CardFacts, CardGateway, Funding, IssueOutcome, IssueRequest,
    IssuedKey, Issuer, LastFour, LookUp, Owner, Revocation,
};

use super::{
    masks::{
        BUSINESS, CORPORATE_CARD, NAMED_CARD, OTHER_PHONE, PHONE, leaks, odd_masks, open_addresses,
        text_of,
    },
    people::Kind,
    routes::ROUTES,
};
use crate::{
    app::TestApp,
    person::{Page, Person},
};

/// Pages that one person opens at most; none has as many.
const MOST_PAGES: usize = 200;

/// A gateway that takes every card as a corporate one.
struct Taking;

impl CardGateway for Taking {
    fn issue(&self, request: IssueRequest) -> IssueOutcome {
        let number = request.card.number();
        IssueOutcome::Issued(IssuedKey {
            key: BillingKey::new(request.attempt.reference),
            card: CardFacts {
                funding: Some(Funding::Credit),
                owner: Some(Owner::Corporate),
                issuer: Issuer::new("shinhan"),
                brand: Some(Brand::Visa),
                last_four: LastFour::parse(&number[number.len() - 4..]).unwrap(),
                expiry: request.card.expiry(),
            },
        })
    }

    fn look_up(&self, _: &AttemptQuery) -> LookUp {
        LookUp::Unknown
    }

    fn revoke(&self, _: &BillingKey) -> Revocation {
        Revocation::Done
    }
}

/// The runs of two administrators, and in which of their own forms a number that they typed stands again.
struct Runs {
    all: Vec<String>,
    typed: BTreeMap<String, (Kind, &'static str)>,
}

fn ask_for_a_code(person: &Person, group: &str, phone: &str) -> String {
    let run = person.start_registration(group);
    person.choose(&run, "named_card");
    let holder = [
        ("holder_name", "김하나"),
        ("birth_date", "900101"),
        ("birth_digit", "2"),
        ("carrier", "skt"),
        ("phone_number", phone),
    ];
    person
        .fill(&format!("{run}/phone"), &holder)
        .leads_to(&format!("{run}/phone-code"));
    run
}

fn reach_the_card_page_of_a_business(person: &Person, group: &str) -> String {
    let run = person.start_registration(group);
    person.choose(&run, "anonymous_corporate_card");
    let number = [("business_number", BUSINESS.digits)];
    person
        .fill(&format!("{run}/business-number"), &number)
        .leads_to(&format!("{run}/card"));
    run
}

/// Registers two cards and begins three more.
fn register(app: &TestApp) -> Runs {
    let main = app.sign_in("main-admin@acme.test");
    let named = ask_for_a_code(&main, "acme-lab", "010-9876-5432");
    main.fill(&format!("{named}/phone-code"), &[("code", "123456")]);
    main.enter_card(&named, NAMED_CARD.digits)
        .leads_to(&format!("{named}/complete"));
    let corporate = reach_the_card_page_of_a_business(&main, "acme-ml");
    main.enter_card(&corporate, CORPORATE_CARD.digits)
        .leads_to(&format!("{corporate}/complete"));
    app.clock.advance(chrono::TimeDelta::seconds(31)); // the phone may get another code
    let at_code = ask_for_a_code(&main, "acme-main", "+82 10 9876 5432");
    let at_card = reach_the_card_page_of_a_business(&main, "acme-web");
    let sub = app.sign_in("sub-admin@acme.test");
    let other = ask_for_a_code(&sub, "acme-lab", "01087652198");
    let typed = BTreeMap::from([
        (format!("{at_code}/phone"), (Kind::Main, PHONE.digits)),
        (
            format!("{at_card}/business-number"),
            (Kind::Main, "999-86-73513"),
        ),
        (format!("{other}/phone"), (Kind::Sub, OTHER_PHONE.digits)),
    ]);
    Runs {
        all: vec![named, corporate, at_code, at_card, other],
        typed,
    }
}

/// Every address that is opened without a link.
fn first_pages(runs: &Runs) -> BTreeSet<String> {
    let searches = [
        "/support/groups?q=acme",
        "/billing/payment-methods?q=a&status=required",
    ];
    let mut first: BTreeSet<String> = searches.map(str::to_owned).into();
    for route in ROUTES.iter().filter(|route| !route.is_post()) {
        for group in [
            "acme-main",
            "acme-lab",
            "acme-ml",
            "acme-web",
            "blueharbor-main",
        ] {
            for run in &runs.all {
                first.insert(route.path(group, run.rsplit_once('/').unwrap().1));
            }
        }
    }
    first
}

/// Where a page's links lead within the console. The language is the browser's: its switch is no other page.
fn links(path: &str, page: &Page) -> Vec<String> {
    let base = path.split('?').next().unwrap();
    page.attributes("[href]", "href")
        .into_iter()
        .chain(page.location.clone())
        .map(|link| link.split('#').next().unwrap().to_owned())
        .map(|link| {
            if link.starts_with('?') {
                format!("{base}{link}")
            } else {
                link
            }
        })
        .filter(|link| link.starts_with('/') && !link.contains("lang="))
        .collect()
}

/// Opens everything that leads from the first pages to another; gives each page by its address.
fn crawl(person: &Person, first: &BTreeSet<String>) -> BTreeMap<String, Page> {
    let mut seen = BTreeMap::new();
    let mut open: VecDeque<String> = first.iter().cloned().collect();
    while let Some(path) = open.pop_front() {
        if seen.contains_key(&path) {
            continue;
        }
        let page = person.open(&path);
        open.extend(links(&path, &page));
        seen.insert(path, page);
        assert!(seen.len() < MOST_PAGES, "the crawl does not end");
    }
    seen
}

/// Checks a page; gives its text.
fn check(kind: Kind, path: &str, page: &Page, runs: &Runs) -> String {
    let at = format!("{kind:?} {path}");
    let mut body = page.body.clone();
    if let Some((_, number)) = runs.typed.get(path).filter(|(whose, _)| *whose == kind) {
        let typed = format!("value=\"{number}\"");
        assert_eq!(body.matches(&typed).count(), 1, "{at} shows what was typed");
        body = body.replace(&typed, "");
    }
    let text = text_of(&body, " ");
    // An element around some of its digits hides no number.
    for part in [&body, &text_of(&body, "")] {
        assert_eq!(leaks(part), [""; 0], "{at}");
    }
    assert_eq!(odd_masks(&body), [""; 0], "{at}");
    // Everybody's menu has their own address; the demo's sign-in page lists its people.
    let own = page.texts(".account").concat();
    let mut open = open_addresses(&text);
    open.retain(|address| !own.contains(address) && !path.starts_with("/sign-in"));
    assert_eq!(open, [""; 0], "{at}");
    text
}

#[test]
fn whoever_looks_sees_four_digits_of_a_number_at_most_and_one_mask_of_each_kind() {
    let app = TestApp::start_with_gateway(std::sync::Arc::new(Taking));
    let runs = register(&app);
    let first = first_pages(&runs);
    for kind in Kind::ALL {
        let person = kind.person(&app);
        for language in ["en", "ko"] {
            let pages = crawl(&person.clone().speaking(language), &first);
            let answered = pages.values().filter(|page| page.status == 200).count();
            let text: String = pages
                .iter()
                .filter(|(path, _)| !path.starts_with("/static/")) // as they were built
                .map(|(path, page)| check(kind, path, page, &runs))
                .collect();
            // Whether links lead further, how many pages are shown at least, and what some of them show.
            let (leads_on, least, masks): (bool, usize, &[&str]) = match kind {
                Kind::Main => (
                    true,
                    20,
                    &[
                        "···· 6467",
                        "···· 9855",
                        "···· 4821",
                        "010-****-5432",
                        "999-86-*****",
                    ],
                ),
                Kind::Sub => (true, 15, &["···· 6467", "010-****-2198"]),
                Kind::Support => (
                    true,
                    10,
                    &["···· 6467", "···· 9855", "···· 4821", "m***@acme.test"],
                ),
                Kind::Ungrouped => (false, 5, &[]),
                Kind::Manager | Kind::Viewer | Kind::None => (false, 5, &["m***@acme.test"]),
                Kind::Disabled | Kind::SignedOut => (true, 5, &[]),
            };
            assert!(answered >= least, "{kind:?} was shown {answered} pages");
            assert!(
                !leads_on || pages.len() > first.len(),
                "{kind:?} followed no link"
            );
            for mask in masks {
                assert!(text.contains(mask), "{kind:?} sees {mask}");
            }
        }
    }
}
