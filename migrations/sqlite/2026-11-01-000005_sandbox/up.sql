-- What the sandbox gateway remembers of a card: how it behaves and its last four digits, never its number.
CREATE TABLE sandbox_cards (
  billing_key TEXT NOT NULL PRIMARY KEY,
  gateway_reference TEXT NOT NULL UNIQUE,
  funding TEXT NOT NULL,
  owner TEXT NOT NULL,
  issuer TEXT NOT NULL,
  brand TEXT,
  last_four TEXT NOT NULL,
  expiry_year INTEGER NOT NULL,
  expiry_month INTEGER NOT NULL,
  declines_charges BOOLEAN NOT NULL,
  live BOOLEAN NOT NULL,
  created_at TIMESTAMP NOT NULL
) WITHOUT ROWID;

CREATE TABLE sandbox_codes (
  verification_id TEXT NOT NULL PRIMARY KEY,
  code_hash TEXT NOT NULL,
  expires_at TIMESTAMP NOT NULL
) WITHOUT ROWID;
