//! `import`: organizations, groups and members from the operator's own system. Idempotent by id and
//! e-mail address, all or nothing; it deletes nobody.

mod apply;
mod json;
mod read;

pub use apply::{Changes, apply};
pub use read::read;

use crate::{access::Role, groups::Class, web::Lang, web::fields::has_control};

/// The longest name, in characters.
pub const LONGEST_NAME: usize = 100;

/// Whether a text names a person, a group or an organization.
pub fn is_name(text: &str) -> bool {
    let length = text.chars().count();
    (1..=LONGEST_NAME).contains(&length) && !has_control(text) && text.trim() == text
}

/// What a file asks for, each part with the place that it came from: a line or a path.
#[derive(Debug, Default)]
pub struct Document {
    organizations: Vec<(String, Organization)>,
    groups: Vec<(String, Group)>,
    members: Vec<(String, Member)>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Organization {
    id: String,
    name: String,
    /// None: as it is, `business` for a new one. CSV has no column for it.
    member_type: Option<String>,
    /// None: as it is, 30 for a new one (rule 5).
    max_sub_groups: Option<i32>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Group {
    organization: String,
    id: String,
    name: String,
    class: Class,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    organization: String,
    email: String,
    name: String,
    role: Role,
    language: Option<Lang>,
    groups: Vec<String>,
}
