-- A job of a new kind: look once more after an attempt that the gateway knew nothing of.
CREATE TABLE jobs_of_all_kinds (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('settle_attempt', 'revoke_key', 'sweep_attempt')),
  subject TEXT NOT NULL,
  due_at TIMESTAMP NOT NULL,
  lease_until TIMESTAMP,
  lease_token TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  created_at TIMESTAMP NOT NULL,
  UNIQUE (kind, subject)
) WITHOUT ROWID;
INSERT INTO jobs_of_all_kinds (id, kind, subject, due_at, lease_until, lease_token, attempts, created_at)
SELECT id, kind, subject, due_at, lease_until, lease_token, attempts, created_at FROM jobs;
DROP TABLE jobs;
ALTER TABLE jobs_of_all_kinds RENAME TO jobs;
CREATE INDEX jobs_due ON jobs (due_at);

-- The name as staff search for it, whatever the database folds by itself.
ALTER TABLE organizations ADD COLUMN search_name TEXT NOT NULL DEFAULT '';
UPDATE organizations SET search_name = lower(name);
