-- What the gateway tells by itself, once for each of its ids; never the body that it came in.
CREATE TABLE gateway_events (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL,
  billing_key TEXT,
  sent_at BIGINT NOT NULL,
  received_at TIMESTAMP NOT NULL
);
CREATE INDEX gateway_events_of_key ON gateway_events (billing_key);

-- A card whose key the gateway has deleted: nothing can be charged any more.
ALTER TABLE payment_methods ADD COLUMN key_deleted_at TIMESTAMP;
CREATE INDEX payment_methods_of_key ON payment_methods (billing_key);

-- A job of a new kind: read such an event.
CREATE TABLE jobs_of_every_kind (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('settle_attempt', 'revoke_key', 'sweep_attempt', 'read_event')),
  subject TEXT NOT NULL,
  due_at TIMESTAMP NOT NULL,
  lease_until TIMESTAMP,
  lease_token TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  created_at TIMESTAMP NOT NULL,
  UNIQUE (kind, subject)
);
INSERT INTO jobs_of_every_kind (id, kind, subject, due_at, lease_until, lease_token, attempts, created_at)
SELECT id, kind, subject, due_at, lease_until, lease_token, attempts, created_at FROM jobs;
DROP TABLE jobs;
ALTER TABLE jobs_of_every_kind RENAME TO jobs;
CREATE INDEX jobs_due ON jobs (due_at);
