//! Who tries it, and every row of the database before and after.

use std::collections::BTreeMap;

use billing_console::db::{AnyConnection, look, schema as s};
use diesel::{prelude::*, sql_query, sql_types::Text};

use crate::{app::TestApp, person::Person};

/// Somebody of each kind that a route tells apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Billing administrator, member of the main group.
    Main,
    /// Billing administrator of a sub-group.
    Sub,
    /// Billing administrator in no group.
    Ungrouped,
    Manager,
    Viewer,
    Support,
    /// Without a role.
    None,
    /// Disabled while signed in.
    Disabled,
    SignedOut,
}

impl Kind {
    pub const ALL: [Self; 9] = [
        Self::SignedOut,
        Self::Disabled,
        Self::None,
        Self::Viewer,
        Self::Manager,
        Self::Support,
        Self::Ungrouped,
        Self::Sub,
        Self::Main,
    ];

    pub fn person(self, app: &TestApp) -> Person {
        let email = match self {
            Self::Main => "main-admin@acme.test",
            Self::Sub => "sub-admin@acme.test",
            Self::Ungrouped => "ungrouped@acme.test",
            Self::Manager => "manager@acme.test",
            Self::Viewer => "viewer@acme.test",
            Self::Support => "support@console.test",
            Self::None | Self::Disabled => {
                let email = format!("{self:?}@acme.test").to_lowercase();
                let role = if self == Self::None {
                    "none"
                } else {
                    "billing_administrator"
                };
                add_member_of_main(app, &email, role);
                let person = app.sign_in(&email);
                if self == Self::Disabled {
                    disable(app, &email);
                }
                return person;
            }
            Self::SignedOut => return app.visitor(),
        };
        app.sign_in(email)
    }
}

fn add_member_of_main(app: &TestApp, email: &str, role: &str) {
    let db = &mut *app.connection();
    let (hash, at): (Option<String>, chrono::NaiveDateTime) = s::users::table
        .filter(s::users::email.eq("main-admin@acme.test"))
        .select((s::users::password_hash, s::users::created_at))
        .first(db)
        .unwrap();
    diesel::insert_into(s::users::table)
        .values((
            s::users::id.eq(email),
            s::users::organization_id.eq("acme"),
            s::users::email.eq(email),
            s::users::name.eq(email),
            s::users::role.eq(role),
            s::users::password_hash.eq(hash),
            s::users::created_at.eq(at),
        ))
        .execute(db)
        .unwrap();
    diesel::insert_into(s::group_members::table)
        .values((
            s::group_members::user_id.eq(email),
            s::group_members::group_id.eq("acme-main"),
        ))
        .execute(db)
        .unwrap();
}

pub fn disable(app: &TestApp, email: &str) {
    let db = &mut *app.connection();
    diesel::update(s::users::table.filter(s::users::email.eq(email)))
        .set(s::users::disabled_at.eq(s::users::created_at.nullable()))
        .execute(db)
        .unwrap();
}

/// Every table with all of its rows as text. Nothing is left out but the counts of refusals, which are made to change.
pub fn every_row(db: &mut AnyConnection) -> BTreeMap<String, Vec<String>> {
    let mut tables = look::tables(db).unwrap();
    assert!(tables.remove("refusal_counts"));
    tables
        .into_iter()
        .map(|table| {
            let rows = rows_of(db, &table);
            (table, rows)
        })
        .collect()
}

#[derive(QueryableByName)]
struct Line {
    #[diesel(sql_type = Text)]
    line: String,
}

/// Each row as a JSON object of its columns.
pub fn rows_of(db: &mut AnyConnection, table: &str) -> Vec<String> {
    let load = |columns: &str| {
        let columns = columns.to_owned();
        sql_query(["SELECT ", &columns, " AS line FROM ", table, " ORDER BY 1"].concat())
    };
    let lines: Vec<Line> = match db {
        AnyConnection::Sqlite(db) => {
            let columns: Line = sql_query(
                [
                    "SELECT group_concat('''' || name || ''', quote(\"' || name || '\")') AS line FROM pragma_table_info('",
                    table,
                    "')",
                ]
                .concat(),
            )
            .get_result(db)
            .unwrap();
            load(&["json_object(", &columns.line, ")"].concat())
                .load(db)
                .unwrap()
        }
        #[cfg(feature = "postgres")]
        AnyConnection::Postgres(db) => load(&["CAST(to_jsonb(", table, ") AS TEXT)"].concat())
            .load(db)
            .unwrap(),
    };
    lines.into_iter().map(|line| line.line).collect()
}

#[test]
fn every_row_of_every_table_is_compared() {
    let app = TestApp::start();
    let rows = every_row(&mut app.connection());
    assert!(rows["users"].iter().any(|row| row.contains("argon2id")));
    assert!(rows.len() > 15 && rows["sessions"].is_empty());
    app.sign_in("viewer@acme.test");
    let signed_in = every_row(&mut app.connection());
    assert_eq!(signed_in["sessions"].len(), 1);
}
