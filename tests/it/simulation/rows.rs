//! The rows that a run begins with.

use billing_console::{
    access::Role,
    db::{AnyConnection, schema as s},
    gateway::{BillingKey, Expiry, Issuer, LastFour, Owner},
    payment_methods::{Account, Card, PaymentMethod, store},
};
use chrono::NaiveDateTime;
use diesel::prelude::*;

use super::{
    gateway::SimulatedGateway,
    ledger::{id_of_group, id_of_person},
    model::{MAIN_GROUPS, ORGANIZATION_OF_PERSON, Rights},
    steps::{GROUPS, Group, Kind, PEOPLE, Person, Set},
};

pub const ORGANIZATIONS: [&str; 2] = ["organization-0", "organization-1"];

pub fn remove_all(db: &mut AnyConnection) {
    macro_rules! empty {
        ($($table:ident),*) => { $(diesel::delete(s::$table::table).execute(db).unwrap();)* };
    }
    empty!(
        sessions,
        jobs,
        audit_rows,
        audit_heads,
        refusal_counts,
        throttles,
        card_attempts,
        verifications,
        registrations,
        payment_methods,
        group_members,
        users,
        billing_groups,
        organizations
    );
}

/// One group has nothing yet, one pays by card, one by account; the other organization's has nothing yet.
pub fn fill(
    db: &mut AnyConnection,
    rights: &Rights,
    gateway: &SimulatedGateway,
    now: NaiveDateTime,
) {
    for id in ORGANIZATIONS {
        diesel::insert_into(s::organizations::table)
            .values((
                s::organizations::id.eq(id),
                s::organizations::name.eq(id),
                s::organizations::search_name.eq(id),
                s::organizations::member_type.eq("business"),
                s::organizations::max_sub_groups.eq(30),
                s::organizations::created_at.eq(now),
            ))
            .execute(db)
            .unwrap();
    }
    for group in (0..GROUPS).map(Group) {
        let class = if MAIN_GROUPS.contains(&group.0) {
            "main"
        } else {
            "sub"
        };
        diesel::insert_into(s::billing_groups::table)
            .values((
                s::billing_groups::id.eq(id_of_group(group)),
                s::billing_groups::organization_id.eq(ORGANIZATIONS[rights.organization_of(group)]),
                s::billing_groups::name.eq(id_of_group(group)),
                s::billing_groups::search_name.eq(id_of_group(group)),
                s::billing_groups::class.eq(class),
                s::billing_groups::created_at.eq(now),
            ))
            .execute(db)
            .unwrap();
    }
    for person in (0..PEOPLE).map(Person) {
        let id = id_of_person(person);
        diesel::insert_into(s::users::table)
            .values((
                s::users::id.eq(&id),
                s::users::organization_id.eq(ORGANIZATIONS[ORGANIZATION_OF_PERSON[person.0]]),
                s::users::email.eq(format!("{id}@console.test")),
                s::users::name.eq(&id),
                s::users::role.eq(Role::BillingAdministrator.as_str()),
                s::users::created_at.eq(now),
            ))
            .execute(db)
            .unwrap();
        for group in (0..GROUPS)
            .map(Group)
            .filter(|group| rights.is_member(person, *group))
        {
            join(db, person, group);
        }
    }
    set_method(db, gateway, Group(2), Set::Card, now);
    set_method(db, gateway, Group(0), Set::Account, now);
}

pub fn join(db: &mut AnyConnection, person: Person, group: Group) {
    diesel::delete(s::group_members::table.find((id_of_person(person), id_of_group(group))))
        .execute(db)
        .unwrap();
    diesel::insert_into(s::group_members::table)
        .values((
            s::group_members::user_id.eq(id_of_person(person)),
            s::group_members::group_id.eq(id_of_group(group)),
        ))
        .execute(db)
        .unwrap();
}

/// Sets a group's method as the operator does; gives the old card's key.
pub fn set_method(
    db: &mut AnyConnection,
    gateway: &SimulatedGateway,
    group: Group,
    set: Set,
    now: NaiveDateTime,
) -> Option<BillingKey> {
    let last_four = LastFour::parse("0001").unwrap();
    let method = match set {
        Set::Account => PaymentMethod::Account(Account {
            bank: "woori".into(),
            last_four,
        }),
        Set::Card => {
            let reference = format!("operator-{}", uuid::Uuid::now_v7());
            PaymentMethod::Card(Card {
                issuer: Issuer::new("bc"),
                owner: Owner::Corporate,
                brand: None,
                last_four,
                expiry: Expiry {
                    year: 2029,
                    month: 12,
                },
                key: BillingKey::new(gateway.make_key(&reference, Kind::Corporate, now)),
            })
        }
    };
    store::replace(db, &id_of_group(group), &method, None, now).unwrap()
}
