CREATE TABLE organizations (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  member_type TEXT NOT NULL,
  max_sub_groups INTEGER NOT NULL DEFAULT 30,
  created_at TIMESTAMP NOT NULL
);

-- status is kept with the group so that one index gives the order of the table:
-- main group first, then groups that need registration, then by name.
CREATE TABLE billing_groups (
  id TEXT NOT NULL PRIMARY KEY,
  organization_id TEXT NOT NULL REFERENCES organizations (id),
  name TEXT NOT NULL COLLATE "C",
  search_name TEXT NOT NULL COLLATE "C",
  class TEXT NOT NULL CHECK (class IN ('main', 'sub')),
  status TEXT NOT NULL DEFAULT 'required' CHECK (status IN ('required', 'card', 'account')),
  needs_method BOOLEAN NOT NULL GENERATED ALWAYS AS (status = 'required') STORED,
  account_applied_at TIMESTAMP,
  version BIGINT NOT NULL DEFAULT 0,
  created_at TIMESTAMP NOT NULL
);
CREATE UNIQUE INDEX one_main_group ON billing_groups (organization_id) WHERE class = 'main';
CREATE INDEX billing_groups_in_order ON billing_groups (organization_id, class, needs_method DESC, name, id);

CREATE TABLE payment_methods (
  group_id TEXT NOT NULL PRIMARY KEY REFERENCES billing_groups (id) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('credit_card', 'dedicated_account')),
  card_issuer TEXT,
  card_owner TEXT CHECK (card_owner IN ('personal', 'corporate')),
  card_brand TEXT,
  card_last_four TEXT CHECK (length(card_last_four) = 4),
  card_expiry_year INTEGER,
  card_expiry_month INTEGER CHECK (card_expiry_month BETWEEN 1 AND 12),
  billing_key TEXT UNIQUE,
  account_bank TEXT,
  account_last_four TEXT CHECK (length(account_last_four) = 4),
  charge_failed_at TIMESTAMP,
  modified_at TIMESTAMP NOT NULL,
  modified_by TEXT,
  CHECK ((kind = 'credit_card') = (billing_key IS NOT NULL)),
  CHECK ((kind = 'dedicated_account') = (account_bank IS NOT NULL))
);
