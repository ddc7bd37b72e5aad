//! Posted forms: whatever bytes come, and every form that a browser makes of its fields.
#![no_main]

use billing_console::web::{
    Fields, encoded,
    fields::{has_control, is_control, search_text, typed_number},
};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|body: &[u8]| {
    if let Ok(fields) = Fields::parse(body) {
        for name in ["csrf_token", "card_number", ""] {
            let is_once = fields.one(name).is_ok();
            assert_eq!(fields.ticked(name).is_ok(), is_once);
        }
    }
    let Ok(text) = str::from_utf8(body) else {
        return;
    };
    comes_back(text);
    is_read_once(text);
    is_fit_to_search_for(text);
});

/// A form that is written and read is the form; a field that was sent twice is told.
fn comes_back(text: &str) {
    let sent: Vec<(&str, &str)> = text
        .lines()
        .map(|line| line.split_once('=').unwrap_or((line, "")))
        .collect();
    let body: Vec<String> = sent
        .iter()
        .map(|(name, value)| format!("{}={}", encoded(name), encoded(value)))
        .collect();
    let fields = Fields::parse(body.join("&").as_bytes())
        .ok()
        .expect("what was encoded is decoded");
    for (name, value) in &sent {
        let is_twice = sent.iter().filter(|(other, _)| other == name).count() > 1;
        assert_eq!(fields.one(name).ok(), (!is_twice).then_some(*value));
        assert_eq!(fields.ticked(name).ok(), (!is_twice).then_some(true));
    }
}

/// What is left of a typed number is what would be left of it when it is typed again.
fn is_read_once(text: &str) {
    let read = typed_number(text);
    assert_eq!(read.is_err(), has_control(text));
    if let Ok(number) = read {
        assert!(number.len() <= text.len());
        assert!(!number.contains(|letter: char| letter == '-' || letter.is_whitespace()));
        assert_eq!(typed_number(&number), Ok(number));
    }
}

fn is_fit_to_search_for(text: &str) {
    let wanted = search_text(text);
    assert!(!wanted.chars().any(is_control) && wanted.chars().count() <= 100);
    assert!(!wanted.starts_with(char::is_whitespace));
}
