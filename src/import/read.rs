//! Reads both formats and lists every fault with its place.

use serde::Deserialize;
use validator::ValidateEmail;

use super::{Document, Group, Member, Organization};
use crate::{access::Role, groups::Class, web::Lang, web::fields::has_control};

/// The longest id, and the longest name, in characters.
const LONGEST_ID: usize = 64;
const LONGEST_NAME: usize = 100;
/// The first line of a CSV file.
const HEAD: [&str; 9] = [
    "organization",
    "organization_name",
    "group",
    "group_name",
    "class",
    "email",
    "name",
    "role",
    "language",
];

/// Reads a file: JSON when it begins with a brace, else CSV.
///
/// # Errors
/// Every fault, each in one line with its place.
pub fn read(text: &str) -> Result<Document, Vec<String>> {
    let text = text.trim_start_matches('\u{feff}');
    let mut reader = Reader::default();
    if text.trim_start().starts_with('{') {
        reader.json(text);
    } else {
        reader.csv(text);
    }
    if reader.faults.is_empty() {
        Ok(reader.document)
    } else {
        Err(reader.faults)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonFile {
    organizations: Vec<JsonOrganization>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonOrganization {
    id: String,
    name: String,
    member_type: String,
    max_sub_groups: Option<i32>,
    #[serde(default)]
    groups: Vec<JsonGroup>,
    #[serde(default)]
    members: Vec<JsonMember>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonGroup {
    id: String,
    name: String,
    class: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct JsonMember {
    email: String,
    name: String,
    role: String,
    language: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
}

#[derive(Default)]
struct Reader {
    document: Document,
    faults: Vec<String>,
}

impl Reader {
    fn json(&mut self, text: &str) {
        let file: JsonFile = match serde_json::from_str(text) {
            Ok(file) => file,
            Err(e) => return self.faults.push(format!("line {}: {e}", e.line())),
        };
        for (at, organization) in file.organizations.into_iter().enumerate() {
            let place = format!("organizations[{at}]");
            let id = organization.id.clone();
            self.organization(
                &place,
                organization.id,
                organization.name,
                organization.member_type,
                organization.max_sub_groups,
            );
            for (at, group) in organization.groups.into_iter().enumerate() {
                self.group(
                    &format!("{place}.groups[{at}]"),
                    &id,
                    group.id,
                    group.name,
                    &group.class,
                );
            }
            for (at, member) in organization.members.into_iter().enumerate() {
                let place = format!("{place}.members[{at}]");
                let language = member.language.unwrap_or_default();
                self.member(
                    &place,
                    &id,
                    &member.email,
                    member.name,
                    &member.role,
                    &language,
                    member.groups,
                );
            }
        }
    }

    fn csv(&mut self, text: &str) {
        let mut table = csv::ReaderBuilder::new()
            .trim(csv::Trim::All)
            .from_reader(text.as_bytes());
        let is_headed = table.headers().is_ok_and(|head| head.iter().eq(HEAD));
        if !is_headed {
            return self
                .faults
                .push(format!("line 1: the head must be {}", HEAD.join(",")));
        }
        for row in table.records() {
            let row = match row {
                Ok(row) => row,
                Err(e) => {
                    let line = e.position().map_or(0, csv::Position::line);
                    self.faults.push(format!("line {line}: {e}"));
                    continue;
                }
            };
            let place = format!("line {}", row.position().map_or(0, csv::Position::line));
            let cell = |at: usize| row.get(at).unwrap_or_default().to_owned();
            let organization = cell(0);
            self.organization(&place, cell(0), cell(1), "business".into(), None);
            self.group(&place, &organization, cell(2), cell(3), &cell(4));
            if !cell(5).is_empty() {
                self.member(
                    &place,
                    &organization,
                    &cell(5),
                    cell(6),
                    &cell(7),
                    &cell(8),
                    vec![cell(2)],
                );
            }
        }
    }

    fn organization(
        &mut self,
        place: &str,
        id: String,
        name: String,
        member_type: String,
        most: Option<i32>,
    ) {
        self.id(place, "organization", &id);
        self.name(place, "organization name", &name);
        self.id(place, "member_type", &member_type);
        if most.is_some_and(|most| !(0..=100_000).contains(&most)) {
            self.fault(place, "max_sub_groups must be between 0 and 100000");
        }
        let organization = Organization {
            id,
            name,
            member_type,
            max_sub_groups: most,
        };
        match self
            .document
            .organizations
            .iter()
            .find(|(_, known)| known.id == organization.id)
        {
            None => self
                .document
                .organizations
                .push((place.to_owned(), organization)),
            Some((_, known)) if *known == organization => {}
            Some((first, _)) => {
                let told = format!(
                    "the organization {:?} differs from {first}",
                    organization.id
                );
                self.fault(place, &told);
            }
        }
    }

    fn group(&mut self, place: &str, organization: &str, id: String, name: String, class: &str) {
        self.id(place, "group", &id);
        self.name(place, "group name", &name);
        let Some(class) = Class::parse(class) else {
            return self.fault(place, "class must be main or sub");
        };
        let group = Group {
            organization: organization.to_owned(),
            id,
            name,
            class,
        };
        match self
            .document
            .groups
            .iter()
            .find(|(_, known)| known.id == group.id)
        {
            None => self.document.groups.push((place.to_owned(), group)),
            Some((_, known)) if *known == group => {}
            Some((first, _)) => {
                let told = format!("the group {:?} differs from {first}", group.id);
                self.fault(place, &told);
            }
        }
    }

    #[allow(clippy::too_many_arguments, reason = "the columns of one row")]
    fn member(
        &mut self,
        place: &str,
        organization: &str,
        email: &str,
        name: String,
        role: &str,
        language: &str,
        groups: Vec<String>,
    ) {
        let email = email.to_lowercase();
        if !email.validate_email() || email.len() > 254 {
            self.fault(place, "email is not an e-mail address");
        }
        self.name(place, "name", &name);
        let role = Role::parse(role).filter(|role| *role != Role::Support);
        let Some(role) = role else {
            let roles =
                "role must be billing_administrator, billing_manager, billing_viewer or none";
            return self.fault(place, roles);
        };
        let language = match language {
            "" => None,
            code => match Lang::parse(code) {
                Some(lang) => Some(lang),
                None => return self.fault(place, "language must be ko or en"),
            },
        };
        let member = Member {
            organization: organization.to_owned(),
            email,
            name,
            role,
            language,
            groups,
        };
        let known = self
            .document
            .members
            .iter_mut()
            .find(|(_, known)| known.email == member.email);
        match known {
            None => self.document.members.push((place.to_owned(), member)),
            Some((_, known))
                if (Member {
                    groups: known.groups.clone(),
                    ..member.clone()
                }) == *known =>
            {
                known.groups.extend(member.groups);
                known.groups.sort();
                known.groups.dedup();
            }
            Some((first, _)) => {
                let told = format!("the member differs from {first}");
                self.fault(place, &told);
            }
        }
    }

    fn id(&mut self, place: &str, what: &str, id: &str) {
        let is_plain = id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
        if id.is_empty() || id.len() > LONGEST_ID || !is_plain || id.starts_with('.') {
            self.fault(
                place,
                &format!(
                    "{what} must be 1 to {LONGEST_ID} letters, digits, hyphens, underscores or dots"
                ),
            );
        }
    }

    fn name(&mut self, place: &str, what: &str, name: &str) {
        let length = name.chars().count();
        if length == 0 || length > LONGEST_NAME || has_control(name) || name.trim() != name {
            self.fault(
                place,
                &format!("{what} must be 1 to {LONGEST_NAME} characters"),
            );
        }
    }

    fn fault(&mut self, place: &str, what: &str) {
        self.faults.push(format!("{place}: {what}"));
    }
}
