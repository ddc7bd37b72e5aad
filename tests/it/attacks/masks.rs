//! What stands in a text beyond the masks of numbers and addresses.

/// A number that was typed, and what its mask shows of it.
pub struct Number {
    pub digits: &'static str,
    shown: &'static [&'static str],
}

/// On no page as an example or as a test card.
pub const NAMED_CARD: Number = Number {
    digits: "4539148803436467",
    shown: &["6467"],
};
pub const CORPORATE_CARD: Number = Number {
    digits: "4556737586899855",
    shown: &["9855"],
};
pub const PHONE: Number = Number {
    digits: "01098765432",
    shown: &["5432"],
};
/// Of a run of the sub-group's administrator.
pub const OTHER_PHONE: Number = Number {
    digits: "01087652198",
    shown: &["2198"],
};
pub const BUSINESS: Number = Number {
    digits: "9998673513",
    shown: &["9998", "9986"],
};
const NUMBERS: [Number; 5] = [NAMED_CARD, CORPORATE_CARD, PHONE, OTHER_PHONE, BUSINESS];

/// What of the numbers stands in a text beyond their masks: every four digits that follow one another in a number and
/// not in its mask, whatever stands between them.
pub fn leaks(text: &str) -> Vec<String> {
    let text = without_ids(text);
    let runs = runs_of_digits(&text);
    let mut found = Vec::new();
    for number in &NUMBERS {
        for at in 0..=number.digits.len() - 4 {
            let four = &number.digits[at..at + 4];
            let is_told = |run: &&String| run.contains(four);
            if !number.shown.contains(&four)
                && let Some(run) = runs.iter().find(is_told)
            {
                found.push(format!("{four} of {} in {run}", number.digits));
            }
        }
    }
    let is_phone = |run: &&String| {
        let prefix = run.get(..3).unwrap_or_default();
        matches!(run.len(), 10 | 11) && ["010", "011", "016", "017", "018", "019"].contains(&prefix)
    };
    found.extend(
        runs.iter()
            .filter(is_phone)
            .map(|run| format!("a phone number: {run}")),
    );
    found
}

/// Without random tokens, hashes, ids and references, in which any four digits stand now and then.
fn without_ids(text: &str) -> String {
    let is_part = |letter: char| letter.is_ascii_alphanumeric() || letter == '-';
    let is_random = |word: &str| {
        let is_hex = word
            .bytes()
            .all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        let has_letter = word.bytes().any(|byte| byte.is_ascii_alphabetic());
        word.starts_with("PM-") || is_hex && has_letter && word.len() >= 12
    };
    let mut kept = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match rest.find(|letter| !is_part(letter)) {
            Some(0) => first.len_utf8(),
            Some(length) => length,
            None => rest.len(),
        };
        let (word, after) = rest.split_at(length);
        kept.push_str(if is_random(word) { "#" } else { word });
        rest = after;
    }
    kept
}

/// Every run of digits with at most two spaces, hyphens or dots between two of them.
fn runs_of_digits(text: &str) -> Vec<String> {
    let mut runs = vec![String::new()];
    let mut between = 0;
    for letter in text.chars() {
        match letter {
            '0'..='9' => {
                if between > 2 {
                    runs.push(String::new());
                }
                between = 0;
                runs.last_mut().unwrap().push(letter);
            }
            ' ' | '\u{a0}' | '-' | '.' | '_' | '+' => between += 1,
            _ => between = 3,
        }
    }
    runs
}

/// What is masked in another way than phones, businesses, accounts, cards and addresses are.
pub fn odd_masks(text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let is_digits = |from: Option<usize>, count: usize| {
        let part = from.and_then(|from| letters.get(from..from + count));
        part.is_some_and(|part| part.iter().all(char::is_ascii_digit))
    };
    let is = |at: Option<usize>, letter: char| at.and_then(|at| letters.get(at)) == Some(&letter);
    let mut odd = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let letter = letters[at];
        if !matches!(letter, '*' | '·' | '•' | '●' | '∗' | '＊') {
            at += 1;
            continue;
        }
        let length = letters[at..]
            .iter()
            .take_while(|other| **other == letter)
            .count();
        let end = at + length;
        let is_known = match (letter, length) {
            // k***@acme.test
            ('*', 3) => is(Some(end), '@'),
            // 010-****-5678
            ('*', 4) => {
                is_digits(at.checked_sub(4), 3)
                    && is(at.checked_sub(1), '-')
                    && is(Some(end), '-')
                    && is_digits(Some(end + 1), 4)
                    && !is_digits(Some(end + 5), 1)
            }
            // 999-81-*****
            ('*', 5) => is_digits(at.checked_sub(3), 2) && is_digits(at.checked_sub(7), 3),
            // Shinhan personal ···· 4242
            ('·', 4) => {
                is(Some(end), ' ') && is_digits(Some(end + 1), 4) && !is_digits(Some(end + 5), 1)
            }
            ('·', 1) => true, // between two words
            _ => false,
        };
        if !is_known {
            let from = at.saturating_sub(12);
            odd.push(letters[from..letters.len().min(end + 12)].iter().collect());
        }
        at = end;
    }
    odd
}

/// Every e-mail address that is not masked, but for the helpdesk's.
pub fn open_addresses(text: &str) -> Vec<&str> {
    let is_part = |letter: char| letter.is_alphanumeric() || "@.*_%+-".contains(letter);
    text.split(|letter| !is_part(letter))
        .filter(|word| word.trim_matches('@').contains('@') && !word.contains("***@"))
        .filter(|word| word.trim_matches('.') != "helpdesk@northwind.test")
        .collect()
}

/// A page's text, with this in place of each tag.
pub fn text_of(html: &str, tag: &str) -> String {
    let texts = html
        .split('<')
        .map(|part| part.split_once('>').map_or(part, |(_, text)| text));
    texts.collect::<Vec<_>>().join(tag)
}

#[test]
fn what_is_shown_beyond_a_mask_is_found() {
    for text in [
        "4539148803436467",
        "4539 1488 0343 6467",
        "4539-1488-0343-6467",
        "4539.1488.0343.6467",
        "453914******6467",
        "4539 **** **** 6467",
        "···· 3646467",
        "010-9876-5432",
        "+82 10 9876 5432",
        "01098765432",
        "010-98**-5432",
        "01012345678",
        "999-86-73513",
        "***-**-73513",
    ] {
        let is_found = !leaks(text).is_empty() || !odd_masks(text).is_empty();
        assert!(is_found, "{text}");
    }
    assert!(!leaks(&text_of("45<b>39</b>", "")).is_empty());
    for text in [
        "**** 6467",
        "•••• 6467",
        "010-***-5432",
        "···· 36467",
        "kim**@acme.test",
    ] {
        assert!(!odd_masks(text).is_empty(), "{text}");
    }
    assert_eq!(open_addresses("to kim@acme.test."), ["kim@acme.test."]);
    for text in [
        "Shinhan corporate ···· 6467",
        "010-****-5432, 999-86-*****",
        "2026-11-24 14:02",
        "k***@acme.test",
        "0190a1b2-4539-7000-8000-1488a0343646",
        "PM-4539-1488",
    ] {
        assert!(leaks(text).is_empty(), "{text}: {:?}", leaks(text));
        assert!(odd_masks(text).is_empty(), "{text}");
        assert!(open_addresses(text).is_empty(), "{text}");
    }
}
