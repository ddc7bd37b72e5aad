//! The pictures of `docs/`. With `BILLING_SCREENSHOTS` set (`bin/screenshots`) they are written there;
//! otherwise they are taken all the same: the way to each of them stays open, and none grows too large.

use std::path::{Path, PathBuf};

use super::{Browser, Setup, visit};
use crate::app::TestApp;

/// The largest picture, in bytes.
const LARGEST: u64 = 120_000;

struct Album {
    folder: PathBuf,
    _kept: Option<tempfile::TempDir>,
}

impl Album {
    fn open(name: &str) -> Self {
        if let Some(docs) = std::env::var_os("BILLING_SCREENSHOTS") {
            let folder = Path::new(&docs).join(name);
            std::fs::create_dir_all(&folder).unwrap();
            return Self {
                folder,
                _kept: None,
            };
        }
        let kept = tempfile::tempdir().unwrap();
        Self {
            folder: kept.path().to_owned(),
            _kept: Some(kept),
        }
    }

    /// Takes what the window shows.
    fn keep(&self, browser: &Browser, name: &str) {
        browser.until("whole page", || browser.is_whole().then_some(()));
        // A blinking caret would make two pictures of one page.
        browser.ask::<()>("document.activeElement.blur()", []);
        let path = self.folder.join(format!("{name}.webp"));
        browser.picture(&path, false);
        let size = std::fs::metadata(&path).unwrap().len();
        assert!((1_000..=LARGEST).contains(&size), "{name}: {size} bytes");
    }
}

/// The tab, and a change of acme-ml's card from the first step to the confirmation, in one language, width and scheme.
fn tab_and_wizard(language: &'static str, setup: Setup) {
    let app = TestApp::start();
    let album = Album::open("screenshots");
    let (setup, width) = (setup.speaking(language), setup.window.0);
    visit(&app, setup, &[422], |browser| {
        let words = Words::of(language);
        let both = |name: &str| {
            for scheme in ["light", "dark"] {
                browser.prefer(
                    "",
                    &[
                        ("prefers-color-scheme", scheme),
                        ("prefers-reduced-motion", "reduce"),
                    ],
                );
                album.keep(browser, &format!("{name}-{language}-{scheme}-{width}"));
            }
        };
        browser.go("/sign-in");
        browser.press(words.main_administrator);
        browser.until("tab", || {
            (browser.count("tr[data-group]") == 4).then_some(())
        });
        both("tab");
        browser.press(words.change_ml);
        browser.arrives_at("payment-method");
        browser.choose(words.anonymous_card);
        for agreement in ["agree_auto_payment", "agree_privacy", "agree_third_party"] {
            browser.ask::<()>(
                "document.getElementById(arguments[0]).click()",
                [agreement.into()],
            );
        }
        both("wizard-1-payment-method");
        browser.press(words.next);
        browser.arrives_at("business-number");
        browser.ask::<()>(
            "document.getElementById('business_number').value = '999-81-00015'",
            [],
        );
        both("wizard-2-business-number");
        browser.press(words.next);
        browser.arrives_at("card");
        both("wizard-3-card");
        browser.fill_in_card_by_id("4000 0566 5566 5556");
        browser.press(words.next);
        browser.until("refusal", || {
            (browser.count("[role=alert]") == 1).then_some(())
        });
        both("wizard-4-refused");
        browser.fill_in_card_by_id("5555 5555 5555 4444");
        browser.press(words.next);
        browser.arrives_at("complete");
        both("wizard-5-complete");
    });
}

struct Words {
    main_administrator: &'static str,
    change_ml: &'static str,
    anonymous_card: &'static str,
    next: &'static str,
}

impl Words {
    fn of(language: &str) -> Self {
        if language == "ko" {
            Self {
                main_administrator: "메인 관리자",
                change_ml: "결제 수단 변경 ‘acme-ml’ 빌링 그룹",
                anonymous_card: "무기명 법인카드",
                next: "다음",
            }
        } else {
            Self {
                main_administrator: "Main administrator",
                change_ml: "Change payment method for acme-ml",
                anonymous_card: "Anonymous corporate card",
                next: "Next",
            }
        }
    }
}

#[test]
fn english_at_a_desk() {
    tab_and_wizard("en", Setup::DESK);
}

#[test]
fn english_on_a_phone() {
    tab_and_wizard("en", Setup::PHONE);
}

#[test]
fn korean_at_a_desk() {
    tab_and_wizard("ko", Setup::DESK);
}

#[test]
fn korean_on_a_phone() {
    tab_and_wizard("ko", Setup::PHONE);
}

/// The pictures of docs/tour.md.
#[test]
fn the_tour() {
    let app = TestApp::start();
    let album = Album::open("tour");
    visit(&app, Setup::DESK, &[403], |browser| {
        let enter = |account: &str| {
            browser.tell(browser.driver.delete_all_cookies());
            browser.go("/sign-in");
            browser.prefer("", &[("prefers-reduced-motion", "reduce")]);
            browser.press(account);
            browser.until("page after sign-in", || {
                (browser.address() != "/sign-in" && browser.is_whole()).then_some(())
            });
        };
        browser.go("/sign-in");
        browser.prefer("", &[("prefers-reduced-motion", "reduce")]);
        album.keep(browser, "1-accounts");
        enter("Korean customer");
        album.keep(browser, "2-every-state");
        enter("New customer");
        album.keep(browser, "3-restricted");
        enter("Main administrator");
        browser.start_registration("Register", "acme-lab");
        browser.choose_method("Personal or named corporate card");
        browser.ask_for_a_code();
        album.keep(browser, "4-code");
        browser.go("/demo/inbox");
        album.keep(browser, "5-inbox");
        enter("Billing viewer");
        album.keep(browser, "6-role");
        enter("Support staff");
        browser.go("/support/groups/acme-lab");
        album.keep(browser, "7-support");
    });
}
