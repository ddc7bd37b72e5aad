CREATE TABLE users (
  id TEXT NOT NULL PRIMARY KEY,
  organization_id TEXT REFERENCES organizations (id),
  email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('billing_administrator', 'billing_manager', 'billing_viewer', 'support', 'none')),
  language TEXT CHECK (language IN ('en', 'ko')),
  password_hash TEXT,
  disabled_at TIMESTAMP,
  created_at TIMESTAMP NOT NULL
);
CREATE INDEX users_of_organization ON users (organization_id);

CREATE TABLE group_members (
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  group_id TEXT NOT NULL REFERENCES billing_groups (id) ON DELETE CASCADE,
  PRIMARY KEY (user_id, group_id)
);
CREATE INDEX members_of_group ON group_members (group_id);

-- The key in the cookie is never stored, only its SHA-256.
CREATE TABLE sessions (
  key_hash TEXT NOT NULL PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  created_at TIMESTAMP NOT NULL,
  last_seen TIMESTAMP NOT NULL
);
CREATE INDEX sessions_of_user ON sessions (user_id);

CREATE TABLE throttles (
  key TEXT NOT NULL PRIMARY KEY,
  count INTEGER NOT NULL,
  ends_at TIMESTAMP NOT NULL
);

CREATE TABLE console_facts (
  name TEXT NOT NULL PRIMARY KEY,
  value TEXT NOT NULL
);
