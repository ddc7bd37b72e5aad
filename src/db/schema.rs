// One schema for both databases; a test compares it with what the migrations give.

diesel::table! {
    organizations (id) {
        id -> Text,
        name -> Text,
        member_type -> Text,
        max_sub_groups -> Integer,
        created_at -> Timestamp,
        search_name -> Text,
    }
}

diesel::table! {
    billing_groups (id) {
        id -> Text,
        organization_id -> Text,
        name -> Text,
        search_name -> Text,
        class -> Text,
        status -> Text,
        failure -> Nullable<Text>,
        needs_method -> Bool,
        account_applied_at -> Nullable<Timestamp>,
        version -> BigInt,
        created_at -> Timestamp,
    }
}

diesel::table! {
    payment_methods (group_id) {
        group_id -> Text,
        kind -> Text,
        card_issuer -> Nullable<Text>,
        card_owner -> Nullable<Text>,
        card_brand -> Nullable<Text>,
        card_last_four -> Nullable<Text>,
        card_expiry_year -> Nullable<Integer>,
        card_expiry_month -> Nullable<Integer>,
        billing_key -> Nullable<Text>,
        account_bank -> Nullable<Text>,
        account_last_four -> Nullable<Text>,
        modified_at -> Timestamp,
        modified_by -> Nullable<Text>,
    }
}

diesel::table! {
    users (id) {
        id -> Text,
        organization_id -> Nullable<Text>,
        email -> Text,
        name -> Text,
        role -> Text,
        language -> Nullable<Text>,
        password_hash -> Nullable<Text>,
        disabled_at -> Nullable<Timestamp>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    group_members (user_id, group_id) {
        user_id -> Text,
        group_id -> Text,
    }
}

diesel::table! {
    gateway_events (id) {
        id -> Text,
        kind -> Text,
        billing_key -> Nullable<Text>,
        sent_at -> BigInt,
        received_at -> Timestamp,
    }
}

diesel::table! {
    sessions (key_hash) {
        key_hash -> Text,
        user_id -> Text,
        created_at -> Timestamp,
        last_seen -> Timestamp,
    }
}

diesel::table! {
    throttles (key) {
        key -> Text,
        count -> Integer,
        ends_at -> Timestamp,
    }
}

diesel::table! {
    console_facts (name) {
        name -> Text,
        value -> Text,
    }
}

diesel::table! {
    registrations (id) {
        id -> Text,
        reference -> Text,
        organization_id -> Text,
        group_id -> Text,
        user_id -> Text,
        kind -> Text,
        state -> Text,
        group_version -> BigInt,
        payment_method -> Nullable<Text>,
        accepted_terms -> Nullable<Text>,
        accepted_at -> Nullable<Timestamp>,
        sealed -> Nullable<Binary>,
        outcome -> Nullable<Text>,
        created_at -> Timestamp,
        updated_at -> Timestamp,
        ended_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    verifications (registration_id, kind) {
        registration_id -> Text,
        kind -> Text,
        provider_id -> Text,
        group_id -> Text,
        user_id -> Text,
        subject_hash -> Text,
        sends -> Integer,
        tries -> Integer,
        sent_at -> Nullable<Timestamp>,
        expires_at -> Nullable<Timestamp>,
        locked_until -> Nullable<Timestamp>,
        verified_at -> Nullable<Timestamp>,
        used_at -> Nullable<Timestamp>,
    }
}

diesel::table! {
    card_attempts (id) {
        id -> Text,
        reference -> Text,
        registration_id -> Text,
        group_id -> Text,
        user_id -> Text,
        group_version -> BigInt,
        idempotency_key -> Text,
        gateway_reference -> Text,
        state -> Text,
        refusal -> Nullable<Text>,
        created_at -> Timestamp,
    }
}

diesel::table! {
    audit_heads (organization_id) {
        organization_id -> Text,
        seq -> BigInt,
        hash -> Text,
    }
}

diesel::table! {
    audit_rows (organization_id, seq) {
        organization_id -> Text,
        seq -> BigInt,
        at -> Timestamp,
        actor -> Text,
        action -> Text,
        subject -> Text,
        reference -> Nullable<Text>,
        details -> Text,
        previous_hash -> Text,
        hash -> Text,
    }
}

diesel::table! {
    refusal_counts (actor, route, hour, status) {
        actor -> Text,
        route -> Text,
        hour -> Timestamp,
        organization_id -> Text,
        status -> Integer,
        count -> Integer,
    }
}

diesel::table! {
    jobs (id) {
        id -> Text,
        kind -> Text,
        subject -> Text,
        due_at -> Timestamp,
        lease_until -> Nullable<Timestamp>,
        lease_token -> Nullable<Text>,
        attempts -> Integer,
        created_at -> Timestamp,
    }
}

diesel::table! {
    sandbox_cards (billing_key) {
        billing_key -> Text,
        gateway_reference -> Text,
        funding -> Text,
        owner -> Text,
        issuer -> Text,
        brand -> Nullable<Text>,
        last_four -> Text,
        expiry_year -> Integer,
        expiry_month -> Integer,
        declines_charges -> Bool,
        live -> Bool,
        created_at -> Timestamp,
    }
}

diesel::table! {
    sandbox_codes (verification_id) {
        verification_id -> Text,
        code_hash -> Text,
        expires_at -> Timestamp,
    }
}

diesel::joinable!(billing_groups -> organizations (organization_id));
diesel::joinable!(payment_methods -> billing_groups (group_id));
diesel::joinable!(users -> organizations (organization_id));
diesel::joinable!(group_members -> users (user_id));
diesel::joinable!(group_members -> billing_groups (group_id));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(registrations -> billing_groups (group_id));
diesel::joinable!(card_attempts -> registrations (registration_id));

diesel::allow_tables_to_appear_in_same_query!(
    organizations,
    billing_groups,
    payment_methods,
    users,
    group_members,
    sessions,
    throttles,
    console_facts,
    registrations,
    verifications,
    card_attempts,
    audit_heads,
    audit_rows,
    refusal_counts,
    jobs,
    sandbox_cards,
    sandbox_codes,
);
