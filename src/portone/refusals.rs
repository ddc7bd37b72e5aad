//! Why PortOne, or the payment company behind it, refused a card: whatever it says becomes one of our reasons.

use super::api::Refused;
use crate::gateway::Refusal;

/// The reason; none where the answer is not one that issuing a key can have, or where a channel did it all the same.
pub(super) fn refusal_of(refused: &Refused) -> Option<Refusal> {
    if refused.pg_codes().any(|code| UNSETTLED.contains(&code)) {
        return None;
    }
    match refused.kind.as_str() {
        "PG_PROVIDER" => Some(of_payment_company(refused)),
        "CHANNEL_SPECIFIC" if refused.succeeded_channels.is_empty() => {
            Some(of_payment_company(refused))
        }
        "UNAUTHORIZED" | "FORBIDDEN" => {
            log::error!("PortOne takes no request: check BILLING_PORTONE_SECRET");
            Some(Refusal::Provider)
        }
        "CHANNEL_NOT_FOUND" => {
            log::error!("PortOne knows no such channel: check BILLING_PORTONE_CHANNEL_KEY");
            Some(Refusal::Provider)
        }
        "INVALID_REQUEST" => {
            log::error!(
                "PortOne finds the request invalid: does the channel issue billing keys by card number?"
            );
            Some(Refusal::Provider)
        }
        _ => None,
    }
}

fn of_payment_company(refused: &Refused) -> Refusal {
    refused
        .pg_codes()
        .find_map(of_code)
        .or_else(|| refused.pg_messages().find_map(of_message))
        .unwrap_or(Refusal::Declined)
}

/// Codes that leave it open: the payment company itself had trouble.
const UNSETTLED: [&str; 2] = ["PROVIDER_ERROR", "FAILED_INTERNAL_SYSTEM_PROCESSING"];

/// The codes of Toss Payments, the one payment company whose list is public.
fn of_code(code: &str) -> Option<Refusal> {
    Some(match code {
        "INVALID_CARD_NUMBER" => Refusal::UnknownNumber,
        "INVALID_CARD_EXPIRATION" => Refusal::WrongExpiry,
        "INVALID_CARD_PASSWORD" => Refusal::WrongPassword,
        "INVALID_CARD_IDENTITY" | "INVALID_BIRTH_DAY_FORMAT" => Refusal::WrongHolder,
        "INVALID_STOPPED_CARD" | "INVALID_CARD_LOST_OR_STOLEN" => Refusal::Blocked,
        "EXCEED_MAX_AUTH_COUNT" => Refusal::TooManyTries,
        "NOT_SUPPORTED_CARD_TYPE" | "NOT_SUPPORTED_METHOD" => Refusal::Unsupported,
        "INVALID_REJECT_CARD"
        | "NOT_REGISTERED_CARD_COMPANY"
        | "REJECT_CARD_COMPANY"
        | "REJECT_CARD_PAYMENT" => Refusal::Declined,
        _ => return None,
    })
}

/// The matters that a payment company's message can name, each by its words.
const MATTERS: [(&[&str], Refusal); 8] = [
    (&["카드번호", "카드 번호"], Refusal::UnknownNumber),
    (&["유효기간"], Refusal::WrongExpiry),
    (&["비밀번호"], Refusal::WrongPassword),
    (
        &[
            "생년월일",
            "사업자번호",
            "사업자등록번호",
            "사업자 번호",
            "주민번호",
            "명의",
        ],
        Refusal::WrongHolder,
    ),
    (&["분실", "도난", "정지"], Refusal::Blocked),
    (&["횟수"], Refusal::TooManyTries),
    (&["체크카드", "직불카드"], Refusal::Debit),
    (&["선불카드", "기프트카드"], Refusal::PrepaidOrGift),
];

/// Other companies' codes are their customers' alone, but their messages are Korean sentences. One that names a single
/// matter is about it; one that names several tells no more than a refusal.
fn of_message(message: &str) -> Option<Refusal> {
    let mut named = MATTERS
        .iter()
        .filter(|(words, _)| words.iter().any(|word| message.contains(word)));
    match (named.next(), named.next()) {
        (Some((_, Refusal::WrongPassword)), Some((_, Refusal::TooManyTries))) => {
            Some(Refusal::TooManyTries)
        }
        (Some((_, refusal)), None) => Some(*refusal),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reason(json: &str) -> Option<Refusal> {
        refusal_of(&serde_json::from_str(json).unwrap())
    }

    #[test]
    fn a_payment_companys_code_goes_before_its_message() {
        let told = |code: &str, message: &str| {
            reason(&format!(
                r#"{{"type":"PG_PROVIDER","pgCode":"{code}","pgMessage":"{message}"}}"#
            ))
            .unwrap()
        };
        for (code, expected) in [
            ("INVALID_CARD_NUMBER", Refusal::UnknownNumber),
            ("INVALID_CARD_EXPIRATION", Refusal::WrongExpiry),
            ("INVALID_CARD_PASSWORD", Refusal::WrongPassword),
            ("INVALID_CARD_IDENTITY", Refusal::WrongHolder),
            ("INVALID_STOPPED_CARD", Refusal::Blocked),
            ("EXCEED_MAX_AUTH_COUNT", Refusal::TooManyTries),
            ("NOT_SUPPORTED_CARD_TYPE", Refusal::Unsupported),
            ("REJECT_CARD_COMPANY", Refusal::Declined),
            ("NEVER_SEEN", Refusal::Declined),
        ] {
            assert_eq!(told(code, ""), expected, "{code}");
        }
        for (message, expected) in [
            ("비밀번호 오류입니다", Refusal::WrongPassword),
            ("비밀번호 오류 횟수 초과", Refusal::TooManyTries),
            ("유효기간을 확인해 주세요", Refusal::WrongExpiry),
            ("카드번호 또는 유효기간 오류", Refusal::Declined),
            ("생년월일(사업자번호) 불일치", Refusal::WrongHolder),
            ("분실신고된 카드", Refusal::Blocked),
            ("등록이 불가능한 체크카드", Refusal::Debit),
            ("거래 불가", Refusal::Declined),
        ] {
            assert_eq!(told("8037", message), expected, "{message}");
        }
        assert_eq!(
            told("INVALID_CARD_PASSWORD", "유효기간"),
            Refusal::WrongPassword
        );
    }

    #[test]
    fn what_only_the_operator_can_mend_is_not_about_the_card() {
        for kind in [
            "UNAUTHORIZED",
            "FORBIDDEN",
            "CHANNEL_NOT_FOUND",
            "INVALID_REQUEST",
        ] {
            let refusal = reason(&format!(r#"{{"type":"{kind}"}}"#)).unwrap();
            assert!(!refusal.is_about_the_card(), "{kind}");
        }
    }

    #[test]
    fn a_payment_company_in_trouble_leaves_it_open() {
        let trouble =
            r#"{"type":"PG_PROVIDER","pgCode":"PROVIDER_ERROR","pgMessage":"일시적인 오류"}"#;
        assert_eq!(reason(trouble), None);
    }

    #[test]
    fn a_channel_that_issued_a_key_all_the_same_is_no_refusal() {
        let with = |succeeded: &str| {
            reason(&format!(
                r#"{{"type":"CHANNEL_SPECIFIC","succeededChannels":[{succeeded}],
                "failures":[{{"type":"PG_PROVIDER","pgCode":"INVALID_CARD_PASSWORD","pgMessage":""}}]}}"#
            ))
        };
        assert_eq!(with(""), Some(Refusal::WrongPassword));
        assert_eq!(with(r#"{"key":"c"}"#), None);
        assert_eq!(reason(r#"{"type":"BILLING_KEY_NOT_FOUND"}"#), None);
    }
}
