//! Business registration numbers (rule 8).
#![no_main]

use billing_console::verification::BusinessNumber;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|typed: &str| {
    let Ok(number) = BusinessNumber::parse(typed) else {
        return;
    };
    let digits: Vec<u32> = number
        .digits()
        .chars()
        .map(|digit| digit.to_digit(10).expect("a digit"))
        .collect();
    assert_eq!(digits.len(), 10);
    assert!(digits.iter().any(|digit| *digit != 0));
    let weights = [1, 3, 7, 1, 3, 7, 1, 3, 5];
    let products = || {
        weights
            .iter()
            .zip(&digits)
            .map(|(weight, digit)| weight * digit)
    };
    let sum = products().sum::<u32>() + products().next_back().expect("nine of them") / 10;
    assert_eq!((sum + digits[9]) % 10, 0);

    for printed in [number.digits(), &number.formatted()] {
        assert!(BusinessNumber::parse(printed) == Ok(number.clone()));
    }
    assert!(!number.masked().contains(&number.digits()[5..]));
    assert_eq!(format!("{number:?}"), number.masked());
});
