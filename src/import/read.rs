//! Reads both formats and lists every fault with its place.

use validator::ValidateEmail;

use super::{Document, Group, LONGEST_NAME, Member, Organization, is_name};
use crate::{access::Role, groups::Class, web::Lang};

/// The longest id, in characters.
const LONGEST_ID: usize = 64;
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

#[derive(Default)]
pub(super) struct Reader {
    document: Document,
    pub(super) faults: Vec<String>,
}

impl Reader {
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
        let mut lines = Lines::of(text);
        for row in table.records() {
            let row = match row {
                Ok(row) => row,
                Err(e) => {
                    let what = match e.kind() {
                        csv::ErrorKind::UnequalLengths { len, .. } => {
                            format!("{len} columns instead of {}", HEAD.len())
                        }
                        _ => e.to_string(),
                    };
                    self.fault(&lines.place(e.position()), &what);
                    continue;
                }
            };
            let place = lines.place(row.position());
            let cell = |at: usize| row.get(at).unwrap_or_default().to_owned();
            let organization = cell(0);
            self.organization(&place, cell(0), cell(1), None, None);
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

    pub(super) fn organization(
        &mut self,
        place: &str,
        id: String,
        name: String,
        member_type: Option<String>,
        most: Option<i32>,
    ) {
        self.id(place, "organization", &id);
        self.name(place, "organization name", &name);
        if let Some(member_type) = &member_type {
            self.id(place, "member_type", member_type);
        }
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

    pub(super) fn group(
        &mut self,
        place: &str,
        organization: &str,
        id: String,
        name: String,
        class: &str,
    ) {
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
    pub(super) fn member(
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
        if !is_name(name) {
            self.fault(
                place,
                &format!("{what} must be 1 to {LONGEST_NAME} characters, none of them a control character"),
            );
        }
    }

    pub(super) fn fault(&mut self, place: &str, what: &str) {
        self.faults.push(format!("{place}: {what}"));
    }
}

/// Counts lines in the text itself: for the reader a row ends ahead of a `\r\n`'s second half and of blank lines, and
/// quoted cells hold lines of their own.
struct Lines<'t> {
    text: &'t [u8],
    at: usize,
    ended: usize,
}

impl<'t> Lines<'t> {
    fn of(text: &'t str) -> Self {
        Self {
            text: text.as_bytes(),
            at: 0,
            ended: 0,
        }
    }

    /// The line on which a row begins; rows are asked for in their order.
    fn place(&mut self, row: Option<&csv::Position>) -> String {
        let begins = row.map_or(0, |position| position.byte());
        while let Some(byte) = self.text.get(self.at) {
            let is_before = (self.at as u64) < begins;
            let next = self.text.get(self.at + 1);
            match byte {
                b'\n' => self.ended += 1,
                b'\r' if next != Some(&b'\n') => self.ended += 1,
                b'\r' => {}
                _ if is_before => {}
                _ => break,
            }
            self.at += 1;
        }
        format!("line {}", self.ended + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn faults(text: &str) -> Vec<String> {
        read(text).err().unwrap_or_default()
    }

    fn csv_of(rows: &[&str], end: &str) -> String {
        let head = HEAD.join(",");
        let lines: Vec<&str> = std::iter::once(head.as_str())
            .chain(rows.iter().copied())
            .collect();
        lines.join(end) + end
    }

    const GOOD: &str = "a,A,main,Main,main,,,,";
    const BAD: &str = "a,A,lab,Lab,mian,,,,";

    #[test]
    fn a_fault_of_a_csv_file_names_its_line_whatever_ends_the_lines() {
        for end in ["\n", "\r\n", "\r"] {
            let told = faults(&csv_of(&[GOOD, BAD, GOOD, BAD, "a,b"], end));
            assert_eq!(
                told,
                [
                    "line 3: class must be main or sub",
                    "line 5: class must be main or sub",
                    "line 6: 2 columns instead of 9",
                ],
                "{end:?}"
            );
            let blank = faults(&csv_of(&[GOOD, "", "", BAD], end));
            assert_eq!(blank, ["line 5: class must be main or sub"], "{end:?}");
        }
    }

    #[test]
    fn a_row_with_lines_in_its_cells_is_named_by_its_first() {
        for end in ["\n", "\r\n"] {
            let quoted = format!("a,A,lab,\"One{end}{end}two\",sub,,,,");
            let told = faults(&csv_of(&[GOOD, &quoted, BAD], end));
            assert_eq!(
                told,
                [
                    "line 3: group name must be 1 to 100 characters, none of them a control character",
                    "line 6: class must be main or sub",
                ]
            );
        }
    }

    #[test]
    fn every_fault_of_a_json_file_is_told_with_its_path() {
        let told = faults(
            r#"{"organizations":[{"id":7,"member_type":"business","max_sub_groups":"30","colour":"red",
                "groups":[{"id":"g","name":"G","class":"main"},{"id":"h","class":"sub"},3],
                "members":[{"email":"k@a.example","name":null,"role":"none","groups":["g",5]},
                           {"email":"nobody","name":"N","role":"none","language":1}]},
               {"id":"b","name":"B","member_type":"business","groups":{}}]}"#,
        );
        assert_eq!(
            told,
            [
                "organizations[0].colour: is not known: the fields are id, name, member_type, max_sub_groups, groups, members",
                "organizations[0].id: must be a string",
                "organizations[0].name: is missing",
                "organizations[0].max_sub_groups: must be a whole number",
                "organizations[0].groups[1].name: is missing",
                "organizations[0].groups[2]: must be an object",
                "organizations[0].members[0].name: must be a string",
                "organizations[0].members[0].groups[1]: must be a string",
                "organizations[0].members[1].language: must be a string",
                "organizations[1].groups: must be a list",
            ]
        );
        assert_eq!(faults("{}"), ["organizations: is missing"]);
        let is_not_known = "is not known: the fields are organizations";
        for (name, place) in [("", "\"\""), (":", "\":\""), ("a\\n", "\"a\\n\"")] {
            let told = faults(&format!("{{\"organizations\": [], \"{name}\": 1}}"));
            assert_eq!(told, [format!("{place}: {is_not_known}")]);
        }
        assert_eq!(
            faults(r#"{"organizations":5}"#),
            ["organizations: must be a list"]
        );
        assert!(faults("{\n\n")[0].starts_with("line 3: "));
        let twice = faults("{\"organizations\":[],\n\"organizations\":[]}");
        assert!(twice[0].starts_with("line 2: the field \"organizations\" is there twice"));
    }
}
