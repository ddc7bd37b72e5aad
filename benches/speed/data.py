"""Customers by the ten thousand, in SQL that SQLite and PostgreSQL both understand."""

# Twelve digits, so that every id is as long as the console's own.
ID = "'00000000-0000-7000-8000-' || ({base} + i)"


def fill(customers, groups, base):
    """Statements that add so many organizations with one administrator and so many groups each, the first one main.

    Seven of ten groups have a card, one an account, two have nothing yet. `base` keeps several calls' ids apart.
    """
    organization, user = (ID.format(base=100_000_000_000 + base + n) for n in (0, 10_000_000))
    group = f"'00000000-0000-7000-8000-' || ({200_000_000_000 + base * 1000} + i * {groups} + j)"
    count = f"n (i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i < {customers - 1})"
    of_each = f"m (j) AS (SELECT 0 UNION ALL SELECT j + 1 FROM m WHERE j < {groups - 1})"
    status = "CASE WHEN j % 10 < 7 THEN 'card' WHEN j % 10 = 7 THEN 'account' ELSE 'required' END"
    now = "CURRENT_TIMESTAMP"
    return [
        f"""INSERT INTO organizations (id, name, member_type, max_sub_groups, created_at)
            WITH RECURSIVE {count} SELECT {organization}, 'Customer ' || ({base} + i), 'business', 2000, {now} FROM n""",
        f"""INSERT INTO users (id, organization_id, email, name, role, password_hash, created_at)
            WITH RECURSIVE {count} SELECT {user}, {organization}, 'user-' || ({base} + i) || '@bench.test',
            'User ' || ({base} + i), 'billing_administrator',
            (SELECT password_hash FROM users WHERE email = 'main-admin@acme.test'), {now} FROM n""",
        f"""INSERT INTO billing_groups (id, organization_id, name, search_name, class, status, created_at)
            WITH RECURSIVE {count}, {of_each} SELECT {group}, {organization},
            CASE WHEN j = 0 THEN 'Main group' ELSE 'Research team ' || j END,
            CASE WHEN j = 0 THEN 'main group' ELSE 'research team ' || j END,
            CASE WHEN j = 0 THEN 'main' ELSE 'sub' END, {status}, {now} FROM n, m""",
        f"""INSERT INTO payment_methods (group_id, kind, card_issuer, card_owner, card_brand, card_last_four,
            card_expiry_year, card_expiry_month, billing_key, account_bank, account_last_four, modified_at)
            WITH RECURSIVE {count}, {of_each} SELECT {group},
            CASE WHEN j % 10 = 7 THEN 'dedicated_account' ELSE 'credit_card' END,
            CASE WHEN j % 10 = 7 THEN NULL ELSE 'shinhan' END, CASE WHEN j % 10 = 7 THEN NULL ELSE 'corporate' END,
            NULL, CASE WHEN j % 10 = 7 THEN NULL ELSE '4242' END,
            CASE WHEN j % 10 = 7 THEN NULL ELSE 2031 END, CASE WHEN j % 10 = 7 THEN NULL ELSE 12 END,
            CASE WHEN j % 10 = 7 THEN NULL ELSE 'bench-' || {group} END,
            CASE WHEN j % 10 = 7 THEN 'shinhan' END, CASE WHEN j % 10 = 7 THEN '1234' END, {now}
            FROM n, m WHERE j % 10 < 8""",
        f"""INSERT INTO group_members (user_id, group_id)
            WITH RECURSIVE {count}, {of_each.replace(f"j < {groups - 1}", "j < 0")} SELECT {user}, {group} FROM n, m""",
    ]


def email(number):
    return f"user-{number}@bench.test"
