//! `import`: organizations, groups and members from the operator's own system. Idempotent by id and
//! e-mail address, all or nothing; it deletes nobody.

mod apply;
mod read;

pub use apply::{Changes, apply};
pub use read::read;

use crate::{access::Role, groups::Class, web::Lang};

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
    member_type: String,
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
