CREATE TABLE registrations (
  id TEXT NOT NULL PRIMARY KEY,
  reference TEXT NOT NULL UNIQUE,
  organization_id TEXT NOT NULL REFERENCES organizations (id),
  group_id TEXT NOT NULL REFERENCES billing_groups (id),
  user_id TEXT NOT NULL REFERENCES users (id),
  kind TEXT NOT NULL CHECK (kind IN ('register', 'change')),
  state TEXT NOT NULL CHECK (state IN ('open', 'confirming', 'complete', 'cancelled', 'expired')),
  group_version BIGINT NOT NULL,
  payment_method TEXT CHECK (payment_method IN ('named_card', 'anonymous_corporate_card', 'dedicated_account')),
  accepted_terms TEXT,
  accepted_at TIMESTAMP,
  sealed BLOB,
  outcome TEXT,
  created_at TIMESTAMP NOT NULL,
  updated_at TIMESTAMP NOT NULL,
  ended_at TIMESTAMP
) WITHOUT ROWID;
CREATE UNIQUE INDEX one_open_registration ON registrations (group_id, user_id) WHERE state = 'open';
CREATE INDEX registrations_of_group ON registrations (group_id, created_at);
CREATE INDEX open_registrations ON registrations (state, created_at) WHERE state IN ('open', 'confirming');

CREATE TABLE verifications (
  registration_id TEXT NOT NULL REFERENCES registrations (id) ON DELETE CASCADE,
  kind TEXT NOT NULL CHECK (kind IN ('phone', 'business')),
  provider_id TEXT NOT NULL UNIQUE,
  group_id TEXT NOT NULL,
  user_id TEXT NOT NULL,
  subject_hash TEXT NOT NULL,
  sends INTEGER NOT NULL DEFAULT 0,
  tries INTEGER NOT NULL DEFAULT 0,
  sent_at TIMESTAMP,
  expires_at TIMESTAMP,
  locked_until TIMESTAMP,
  verified_at TIMESTAMP,
  used_at TIMESTAMP,
  PRIMARY KEY (registration_id, kind)
) WITHOUT ROWID;

-- The intent of one gateway call, committed before the call.
CREATE TABLE card_attempts (
  id TEXT NOT NULL PRIMARY KEY,
  reference TEXT NOT NULL UNIQUE,
  registration_id TEXT NOT NULL REFERENCES registrations (id),
  group_id TEXT NOT NULL REFERENCES billing_groups (id),
  user_id TEXT NOT NULL REFERENCES users (id),
  group_version BIGINT NOT NULL,
  idempotency_key TEXT NOT NULL,
  gateway_reference TEXT NOT NULL UNIQUE,
  state TEXT NOT NULL CHECK (state IN ('calling', 'refused', 'not_sent', 'unknown', 'committed', 'compensated')),
  refusal TEXT,
  lease_until TIMESTAMP NOT NULL,
  created_at TIMESTAMP NOT NULL,
  settled_at TIMESTAMP,
  UNIQUE (registration_id, idempotency_key)
) WITHOUT ROWID;
CREATE UNIQUE INDEX one_attempt_in_flight ON card_attempts (group_id) WHERE state IN ('calling', 'unknown');
CREATE INDEX attempts_of_group ON card_attempts (group_id, created_at);
