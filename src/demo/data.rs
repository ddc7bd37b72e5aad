//! What the demo database holds.

use chrono::{Datelike, Months, NaiveDate, NaiveDateTime, TimeDelta};
use diesel::prelude::*;

use super::PASSWORD;
use crate::{
    access::{Role, password},
    clock,
    db::{
        AnyConnection,
        schema::{billing_groups, console_facts, group_members, organizations, users},
    },
    error::Error,
    gateway::{BillingKey, Brand, CardFacts, Expiry, Funding, Issuer, LastFour, Owner, sandbox},
    groups::{Class, Failure, search_name},
    payment_methods::{Account, Card, PaymentMethod, store},
    secrets::random_hex,
};

struct Filler<'a> {
    db: &'a mut AnyConnection,
    now: NaiveDateTime,
}

/// Fills an empty, migrated database, in one transaction.
///
/// # Errors
/// What the database says.
pub fn fill(db: &mut AnyConnection, now: NaiveDateTime) -> Result<(), Error> {
    let hashes: Vec<String> = (0..8)
        .map(|_| password::hash(PASSWORD).map_err(Error::Internal))
        .collect::<Result<_, _>>()?;
    let mut hashes = hashes.into_iter();
    db.write(|db| {
        diesel::insert_into(console_facts::table)
            .values((
                console_facts::name.eq("made_by"),
                console_facts::value.eq("demo"),
            ))
            .execute(db)?;
        let mut filler = Filler { db, now };
        filler.acme()?;
        filler.blue_harbor()?;
        filler.mir_labs()?;
        let administrator = Role::BillingAdministrator;
        for (email, name, role, organization, groups) in [
            (
                "main-admin@acme.test",
                "Morgan Adler",
                administrator,
                Some("acme"),
                vec!["acme-main"],
            ),
            (
                "sub-admin@acme.test",
                "Sage Alvarez",
                administrator,
                Some("acme"),
                vec!["acme-lab"],
            ),
            (
                "manager@acme.test",
                "Max Ng",
                Role::BillingManager,
                Some("acme"),
                vec!["acme-main"],
            ),
            (
                "viewer@acme.test",
                "Val Winter",
                Role::BillingViewer,
                Some("acme"),
                vec!["acme-main"],
            ),
            (
                "ungrouped@acme.test",
                "Uma Park",
                administrator,
                Some("acme"),
                vec![],
            ),
            (
                "admin@blueharbor.test",
                "Bo Hansen",
                administrator,
                Some("blueharbor"),
                vec!["blueharbor-main"],
            ),
            (
                "admin@mirlabs.test",
                "김하나",
                administrator,
                Some("mirlabs"),
                vec!["mir-main"],
            ),
            (
                "support@console.test",
                "Sam Porter",
                Role::Support,
                None,
                vec![],
            ),
        ] {
            filler.user(email, name, role, organization, &groups, hashes.next())?;
        }
        Ok(())
    })
}

impl Filler<'_> {
    fn acme(&mut self) -> Result<(), Error> {
        self.organization("acme", "Acme Robotics")?;
        self.group("acme", "acme-main", "acme-main", Class::Main)?;
        self.card(
            "acme-main",
            "shinhan",
            Owner::Personal,
            Some(Brand::Visa),
            "4242",
            self.month(36),
            21,
        )?;
        self.group("acme", "acme-ml", "acme-ml", Class::Sub)?;
        self.card(
            "acme-ml",
            "hyundai",
            Owner::Corporate,
            Some(Brand::Mastercard),
            "4444",
            self.month(1),
            34,
        )?;
        self.group("acme", "acme-web", "acme-web", Class::Sub)?;
        self.account("acme-web", "woori", "4821", 53)?;
        self.group("acme", "acme-lab", "acme-lab", Class::Sub)
    }

    fn blue_harbor(&mut self) -> Result<(), Error> {
        self.organization("blueharbor", "Blue Harbor")?;
        self.group(
            "blueharbor",
            "blueharbor-main",
            "blueharbor-main",
            Class::Main,
        )
    }

    /// Twelve groups in every state that the table can show.
    fn mir_labs(&mut self) -> Result<(), Error> {
        self.organization("mirlabs", "미르랩스")?;
        for (id, name) in [
            ("mir-main", "미르랩스 본사"),
            ("mir-search", "검색 플랫폼"),
            ("mir-data", "데이터 분석"),
            ("mir-infra", "인프라 운영"),
            ("mir-mobile", "모바일 앱"),
            ("mir-mail", "메일 서비스"),
            ("mir-lab", "선행 연구소"),
            ("mir-shop", "커머스"),
            ("mir-edu", "교육 사업"),
            ("mir-game", "게임 스튜디오"),
            ("mir-map", "지도 서비스"),
            ("mir-qa", "품질 관리"),
        ] {
            let class = if id == "mir-main" {
                Class::Main
            } else {
                Class::Sub
            };
            self.group("mirlabs", id, name, class)?;
        }
        let (personal, corporate) = (Owner::Personal, Owner::Corporate);
        self.card(
            "mir-main",
            "hyundai",
            corporate,
            Some(Brand::Mastercard),
            "4444",
            self.month(30),
            90,
        )?;
        self.card(
            "mir-search",
            "shinhan",
            personal,
            Some(Brand::Visa),
            "4242",
            self.month(14),
            12,
        )?;
        self.card(
            "mir-data",
            "bc",
            corporate,
            None,
            "0005",
            self.month(22),
            40,
        )?;
        self.card(
            "mir-infra",
            "hyundai",
            corporate,
            Some(Brand::Mastercard),
            "4444",
            self.month(0),
            300,
        )?;
        self.card(
            "mir-mobile",
            "shinhan",
            personal,
            Some(Brand::Visa),
            "4242",
            self.month(-1),
            700,
        )?;
        self.card(
            "mir-mail",
            "kb",
            personal,
            Some(Brand::Visa),
            "0341",
            self.month(18),
            50,
        )?;
        self.failed("mir-mail")?;
        self.account("mir-shop", "shinhan", "7713", 120)?;
        self.account("mir-edu", "woori", "0926", 8)?;
        self.card(
            "mir-game",
            "samsung",
            personal,
            Some(Brand::Amex),
            "8431",
            self.month(-2),
            800,
        )?;
        self.failed("mir-game")?;
        self.card("mir-map", "bc", corporate, None, "0005", self.month(9), 65)?;
        self.in_review("mir-map", 3)?;
        self.in_review("mir-qa", 1)
    }

    /// A month from this one on, in Seoul.
    fn month(&self, months: i32) -> NaiveDate {
        let today = clock::seoul_date(self.now);
        let by = Months::new(months.unsigned_abs());
        if months < 0 { today - by } else { today + by }
    }

    fn ago(&self, days: i64) -> NaiveDateTime {
        self.now - TimeDelta::days(days)
    }

    fn organization(&mut self, id: &str, name: &str) -> Result<(), Error> {
        diesel::insert_into(organizations::table)
            .values((
                organizations::id.eq(id),
                organizations::name.eq(name),
                organizations::search_name.eq(search_name(name)),
                organizations::member_type.eq("business"),
                organizations::max_sub_groups.eq(30),
                organizations::created_at.eq(self.now),
            ))
            .execute(self.db)?;
        Ok(())
    }

    fn group(
        &mut self,
        organization: &str,
        id: &str,
        name: &str,
        class: Class,
    ) -> Result<(), Error> {
        diesel::insert_into(billing_groups::table)
            .values((
                billing_groups::id.eq(id),
                billing_groups::organization_id.eq(organization),
                billing_groups::name.eq(name),
                billing_groups::search_name.eq(search_name(name)),
                billing_groups::class.eq(class.as_str()),
                billing_groups::created_at.eq(self.now),
            ))
            .execute(self.db)?;
        Ok(())
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "one line for each card in the data above"
    )]
    fn card(
        &mut self,
        group: &str,
        issuer: &str,
        owner: Owner,
        brand: Option<Brand>,
        digits: &str,
        expires: NaiveDate,
        days_ago: i64,
    ) -> Result<(), Error> {
        let last_four = LastFour::parse(digits)
            .ok_or_else(|| Error::Internal("demo data: last four".into()))?;
        let expiry = Expiry {
            year: expires.year(),
            month: expires.month(),
        };
        let facts = CardFacts {
            funding: Some(Funding::Credit),
            owner: Some(owner),
            issuer: Issuer::new(issuer),
            brand,
            last_four: last_four.clone(),
            expiry,
        };
        let key = BillingKey::new(format!("sandbox-{}", random_hex::<12>()?));
        sandbox::seed(self.db, &key, &facts, self.now)?;
        let card = Card {
            issuer: facts.issuer,
            owner,
            brand,
            last_four,
            expiry,
            key,
        };
        store::replace(
            self.db,
            group,
            &PaymentMethod::Card(card),
            None,
            self.ago(days_ago),
        )?;
        Ok(())
    }

    fn account(
        &mut self,
        group: &str,
        bank: &str,
        digits: &str,
        days_ago: i64,
    ) -> Result<(), Error> {
        let last_four = LastFour::parse(digits)
            .ok_or_else(|| Error::Internal("demo data: last four".into()))?;
        let account = PaymentMethod::Account(Account {
            bank: bank.into(),
            last_four,
        });
        store::replace(self.db, group, &account, None, self.ago(days_ago))?;
        Ok(())
    }

    fn failed(&mut self, group: &str) -> Result<(), Error> {
        diesel::update(billing_groups::table.find(group))
            .set(billing_groups::failure.eq(Failure::ChargeFailed.as_str()))
            .execute(self.db)?;
        Ok(())
    }

    fn in_review(&mut self, group: &str, days_ago: i64) -> Result<(), Error> {
        diesel::update(billing_groups::table.find(group))
            .set(billing_groups::account_applied_at.eq(self.ago(days_ago)))
            .execute(self.db)?;
        Ok(())
    }

    fn user(
        &mut self,
        email: &str,
        name: &str,
        role: Role,
        organization: Option<&str>,
        groups: &[&str],
        password_hash: Option<String>,
    ) -> Result<(), Error> {
        let id = uuid::Uuid::now_v7().to_string();
        diesel::insert_into(users::table)
            .values((
                users::id.eq(&id),
                users::organization_id.eq(organization),
                users::email.eq(email),
                users::name.eq(name),
                users::role.eq(role.as_str()),
                users::password_hash.eq(password_hash),
                users::created_at.eq(self.now),
            ))
            .execute(self.db)?;
        for group in groups {
            diesel::insert_into(group_members::table)
                .values((
                    group_members::user_id.eq(&id),
                    group_members::group_id.eq(group),
                ))
                .execute(self.db)?;
        }
        Ok(())
    }
}
