//! The frame around every page: brand, organization, navigation, language switch, account menu.

use super::Texts;
use crate::{access::Viewer, app::Services};

/// Which tab of the navigation a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Section {
    /// The Payment method tab.
    PaymentMethods,
    /// Support staff's search and preview.
    Support,
    /// A page without tabs: the wizard, errors.
    None,
}

/// What the layout shows besides the page itself.
pub struct Shell {
    /// The operator's name.
    pub provider: String,
    /// Where Helpdesk is reached, if the operator said so.
    pub helpdesk: Option<String>,
    /// Whether this is the demo: a ribbon on every page.
    pub demo: bool,
    /// The query that shows this page in the other language.
    pub switch: String,
    /// The token for the page's forms; empty before sign-in.
    pub csrf_token: String,
    /// Who is signed in.
    pub person: Option<Person>,
    /// The current tab.
    pub section: Section,
}

/// The signed-in person as the head of the page shows them.
pub struct Person {
    /// Name.
    pub name: String,
    /// E-mail address.
    pub email: String,
    /// The role's message key.
    pub role_key: &'static str,
    /// Their organization's name; staff have none.
    pub organization: Option<String>,
    /// Two letters.
    pub initials: String,
    /// Whether they are support staff.
    pub is_staff: bool,
}

impl Shell {
    /// The frame of a page for nobody in particular.
    pub fn of(services: &Services, t: Texts, query: &str) -> Self {
        let settings = &services.settings;
        Self {
            provider: settings.provider_name.clone(),
            helpdesk: settings.helpdesk(),
            demo: settings.demo,
            switch: switch(t, query),
            csrf_token: String::new(),
            person: None,
            section: Section::None,
        }
    }

    /// Names the visitor and the tab.
    #[must_use]
    pub fn for_viewer(mut self, viewer: &Viewer, section: Section) -> Self {
        self.person = Some(Person {
            name: viewer.name.clone(),
            email: viewer.email.clone(),
            role_key: viewer.role.key(),
            organization: viewer
                .organization
                .as_ref()
                .map(|organization| organization.name.clone()),
            initials: initials(&viewer.name),
            is_staff: viewer.role == crate::access::Role::Support,
        });
        self.section = section;
        self
    }

    /// Gives the page's forms their token.
    #[must_use]
    pub fn with_token(mut self, token: String) -> Self {
        self.csrf_token = token;
        self
    }
}

/// The page's own query with the other language.
fn switch(t: Texts, query: &str) -> String {
    let kept = query
        .split('&')
        .filter(|pair| !pair.is_empty() && !pair.starts_with("lang="));
    let lang = format!("lang={}", t.lang.other().code());
    let pairs: Vec<&str> = kept.chain(std::iter::once(lang.as_str())).collect();
    format!("?{}", pairs.join("&"))
}

/// Kim Hana → KH; 김하나 → 하나.
fn initials(name: &str) -> String {
    let is_latin = name
        .chars()
        .all(|letter| letter.is_ascii() || letter.is_whitespace());
    if is_latin {
        return name
            .split_whitespace()
            .filter_map(|word| word.chars().next())
            .take(2)
            .collect::<String>()
            .to_uppercase();
    }
    let letters: Vec<char> = name
        .chars()
        .filter(|letter| !letter.is_whitespace())
        .collect();
    letters[letters.len().saturating_sub(2)..].iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::Lang;

    #[test]
    fn the_language_switch_keeps_the_rest_of_the_query() {
        let en = Texts::new(Lang::En);
        assert_eq!(switch(en, "page=2&lang=en&q=a"), "?page=2&q=a&lang=ko");
        assert_eq!(switch(en, ""), "?lang=ko");
    }

    #[test]
    fn initials_fit_both_scripts() {
        assert_eq!(initials("Main Administrator"), "MA");
        assert_eq!(initials("김하나"), "하나");
        assert_eq!(initials(""), "");
    }
}
