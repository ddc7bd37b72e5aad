//! Who is signed in, which role they have, and which billing groups they reach. The one place that
//! decides (rules 1 to 4).

pub mod pages;
pub mod password;
pub mod store;
pub mod throttle;

use askama::Template;
use chrono::NaiveDateTime;

use crate::{
    error::{Error, RoleNeeded},
    web::{Shell, Texts},
};

/// A user's one role (rule 1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Sees and changes payment methods; includes [`Role::BillingManager`].
    BillingAdministrator,
    /// Invoices and estimates; includes [`Role::BillingViewer`].
    BillingManager,
    /// Estimates.
    BillingViewer,
    /// The operator's staff: read-only preview of any group.
    Support,
    /// No role yet.
    None,
}

impl Role {
    /// Every role, the strongest first.
    pub const ALL: [Self; 5] = [
        Self::BillingAdministrator,
        Self::BillingManager,
        Self::BillingViewer,
        Self::Support,
        Self::None,
    ];

    /// As stored and imported.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::BillingAdministrator => "billing_administrator",
            Self::BillingManager => "billing_manager",
            Self::BillingViewer => "billing_viewer",
            Self::Support => "support",
            Self::None => "none",
        }
    }

    /// Reads what [`Self::as_str`] wrote.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.as_str() == text)
    }

    /// The key of the role's name.
    pub fn key(self) -> &'static str {
        match self {
            Self::BillingAdministrator => "role-billing_administrator",
            Self::BillingManager => "role-billing_manager",
            Self::BillingViewer => "role-billing_viewer",
            Self::Support => "role-support",
            Self::None => "role-none",
        }
    }
}

/// The organization of a signed-in user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organization {
    /// The operator's id.
    pub id: String,
    /// The name.
    pub name: String,
    /// The member type; decides which payment methods are offered (rule 8).
    pub member_type: String,
}

/// The signed-in user as the database has them at this moment (rule 4).
#[derive(Debug, Clone)]
pub struct Viewer {
    /// The user's id.
    pub id: String,
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// The role.
    pub role: Role,
    /// Their organization; staff have none.
    pub organization: Option<Organization>,
    /// Whether they are a member of the organization's main group, and so reach every group of it (rule 3).
    pub in_main_group: bool,
    /// Billing administrators to ask when the role is missing, masked.
    pub whom_to_ask: Vec<String>,
    /// UTC; when the session was last used.
    pub last_seen: NaiveDateTime,
}

impl Viewer {
    /// The proof that the Payment method tab is open to this user (rule 1).
    ///
    /// # Errors
    /// [`Error::RoleNeeded`]
    pub fn administrator(&self) -> Result<Administrator<'_>, Error> {
        match (&self.organization, self.role) {
            (Some(organization), Role::BillingAdministrator) => Ok(Administrator {
                viewer: self,
                organization,
            }),
            _ => Err(Error::RoleNeeded(Box::new(RoleNeeded {
                viewer: self.clone(),
                csrf_token: String::new(),
            }))),
        }
    }

    /// The proof that the support pages are open to this user. To everybody else they do not exist.
    ///
    /// # Errors
    /// [`Error::NotFound`]
    pub fn support_staff(&self) -> Result<SupportStaff<'_>, Error> {
        if self.role == Role::Support {
            Ok(SupportStaff { viewer: self })
        } else {
            Err(Error::NotFound)
        }
    }

    /// The first page after sign-in.
    pub fn home(&self) -> &'static str {
        if self.role == Role::Support {
            "/support/groups"
        } else {
            "/billing/payment-methods"
        }
    }
}

/// A user who has the role Billing Administrator, and the organization they have it in.
#[derive(Debug, Clone, Copy)]
pub struct Administrator<'a> {
    /// The user.
    pub viewer: &'a Viewer,
    /// Their organization.
    pub organization: &'a Organization,
}

/// A user who is support staff.
#[derive(Debug, Clone, Copy)]
pub struct SupportStaff<'a> {
    /// The user.
    pub viewer: &'a Viewer,
}

/// The one mask for e-mail addresses: `k***@acme.test`.
pub fn mask_email(email: &str) -> String {
    let (local, domain) = email.split_once('@').unwrap_or((email, ""));
    format!(
        "{}***@{domain}",
        local.chars().next().map(String::from).unwrap_or_default()
    )
}

/// The 403 page: which role is needed, which they have, whom to ask (rule 1).
#[derive(Template)]
#[template(path = "access/role_needed.html")]
pub struct RoleNeededPage<'a> {
    t: Texts,
    shell: Shell,
    viewer: &'a Viewer,
}

impl<'a> RoleNeededPage<'a> {
    /// The page for `viewer`.
    pub fn new(t: Texts, shell: Shell, viewer: &'a Viewer) -> Self {
        Self { t, shell, viewer }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn viewer(role: Role) -> Viewer {
        Viewer {
            id: "u".into(),
            name: "Kim".into(),
            email: "kim@acme.test".into(),
            role,
            organization: Some(Organization {
                id: "acme".into(),
                name: "Acme".into(),
                member_type: "business".into(),
            }),
            in_main_group: true,
            whom_to_ask: Vec::new(),
            last_seen: NaiveDateTime::default(),
        }
    }

    #[test]
    fn rule_1_only_billing_administrators_pass() {
        for role in Role::ALL {
            assert_eq!(
                viewer(role).administrator().is_ok(),
                role == Role::BillingAdministrator,
                "{role:?}"
            );
            assert_eq!(
                viewer(role).support_staff().is_ok(),
                role == Role::Support,
                "{role:?}"
            );
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert_eq!(Role::parse("owner"), None);
    }

    #[test]
    fn staff_begin_at_their_search_and_everybody_else_at_the_tab() {
        for role in Role::ALL {
            let expected = match role {
                Role::Support => "/support/groups",
                _ => "/billing/payment-methods",
            };
            assert_eq!(viewer(role).home(), expected, "{role:?}");
        }
    }

    #[test]
    fn an_address_shows_its_first_letter_and_its_domain() {
        assert_eq!(mask_email("kim@acme.test"), "k***@acme.test");
        assert_eq!(mask_email("김@acme.test"), "김***@acme.test");
    }
}
