//! The tests' own PortOne answers in the shapes of PortOne's document.

use std::{collections::BTreeSet, path::Path};

use serde_json::Value;

use super::{cards::start, faults::Operation};

fn document() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/portone/openapi.json");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|_| {
        panic!("{} is missing: bin/test brings it", file.display());
    });
    serde_json::from_str(&text).unwrap()
}

fn call_of(operation: Operation) -> (&'static str, &'static str) {
    match operation {
        Operation::Issue => ("/billing-keys", "post"),
        Operation::List => ("/billing-keys", "get"),
        Operation::Key => ("/billing-keys/{billingKey}", "get"),
        Operation::Delete => ("/billing-keys/{billingKey}", "delete"),
        Operation::Send => (
            "/identity-verifications/{identityVerificationId}/send",
            "post",
        ),
        Operation::Resend => (
            "/identity-verifications/{identityVerificationId}/resend",
            "post",
        ),
        Operation::Confirm => (
            "/identity-verifications/{identityVerificationId}/confirm",
            "post",
        ),
        Operation::Verification => ("/identity-verifications/{identityVerificationId}", "get"),
        Operation::Business => ("/b2b/companies/business-info", "post"),
    }
}

/// What of a value is not as its schema has it; a discriminator decides between several.
fn faults(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let name = name.rsplit('/').next().unwrap();
        return faults(
            document,
            &document["components"]["schemas"][name],
            value,
            at,
        );
    }
    if schema["oneOf"].is_array() {
        let field = schema["discriminator"]["propertyName"].as_str().unwrap();
        let word = value[field].as_str().unwrap_or_default();
        let target = &schema["discriminator"]["mapping"][word];
        return match target.as_str() {
            Some(name) => faults(document, &serde_json::json!({ "$ref": name }), value, at),
            None => vec![format!("{at}.{field} is {word:?}")],
        };
    }
    let is_typed = match schema["type"].as_str() {
        Some("string") => value.is_string(),
        Some("integer") => value.is_i64(),
        Some("boolean") => value.is_boolean(),
        Some("array") => value.is_array(),
        Some("object") => value.is_object(),
        _ => true,
    };
    let mut found = Vec::new();
    if !is_typed {
        found.push(format!("{at} is no {}", schema["type"]));
    }
    if let Some(words) = schema["enum"].as_array()
        && !words.contains(value)
    {
        found.push(format!("{at} is {value}"));
    }
    for name in schema["required"].as_array().into_iter().flatten() {
        let name = name.as_str().unwrap();
        if value.get(name).is_none() {
            found.push(format!("{at}.{name} is missing"));
        }
    }
    for (name, inner) in value.as_object().into_iter().flatten() {
        let known = &schema["properties"][name];
        if !known.is_null() {
            found.extend(faults(document, known, inner, &format!("{at}.{name}")));
        } else if schema["properties"].is_object() {
            found.push(format!("{at}.{name} is not documented"));
        }
    }
    for inner in value.as_array().into_iter().flatten() {
        found.extend(faults(document, &schema["items"], inner, at));
    }
    found
}

#[test]
fn each_answer_of_the_tests_own_portone_has_the_documented_shape() {
    let document = document();
    let (fake, _app, person) = start();
    let run = person.start_registration("acme-lab");
    person.choose(&run, "named_card");
    for phone in ["010-0000-0001", "010-0000-0003"] {
        let mut holder = vec![
            ("holder_name", "김하나"),
            ("birth_date", "900101"),
            ("birth_digit", "2"),
        ];
        holder.extend([("carrier", "skt"), ("phone_number", phone)]);
        person.fill(&format!("{run}/phone"), &holder);
    }
    person.ask_for_a_code(&run);
    for code in ["000000", "123456"] {
        person.fill(&format!("{run}/phone-code"), &[("code", code)]);
    }
    for number in [
        "4000000000000002",
        "4000056655665556",
        "4000000000000010",
        "4242424242424242",
    ] {
        person.enter_card(&run, number);
    }
    let run = person.reach_the_anonymous_card_page("acme-lab");
    person.enter_card(&run, "9410000000000005");
    super::prism::every_call(&fake);

    let answers = fake.answers();
    let kinds: BTreeSet<String> = answers
        .iter()
        .map(|(operation, status, _)| format!("{operation:?} {status}"))
        .collect();
    assert!(kinds.len() >= 12, "{kinds:?}");
    for (operation, status, told) in answers {
        let (path, method) = call_of(operation);
        let answer = &document["paths"][path][method]["responses"][status.to_string()];
        let schema = &answer["content"]["application/json"]["schema"];
        assert!(!schema.is_null(), "{operation:?} never answers {status}");
        let told: Value = serde_json::from_str(&told).unwrap();
        let found = faults(&document, schema, &told, &format!("{operation:?} {status}"));
        assert!(found.is_empty(), "{found:?}");
    }
}
