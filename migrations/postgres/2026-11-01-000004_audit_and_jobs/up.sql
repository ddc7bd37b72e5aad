-- One hash chain for each organization; '' is the chain of the console itself.
CREATE TABLE audit_heads (
  organization_id TEXT NOT NULL PRIMARY KEY,
  seq BIGINT NOT NULL,
  hash TEXT NOT NULL
);

CREATE TABLE audit_rows (
  organization_id TEXT NOT NULL,
  seq BIGINT NOT NULL,
  at TIMESTAMP NOT NULL,
  actor TEXT NOT NULL,
  action TEXT NOT NULL,
  subject TEXT NOT NULL,
  reference TEXT,
  details TEXT NOT NULL,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL,
  PRIMARY KEY (organization_id, seq)
);

-- Refusals of the running hour; the worker writes each as one audit row when its hour is over.
CREATE TABLE refusal_counts (
  actor TEXT NOT NULL,
  route TEXT NOT NULL,
  hour TIMESTAMP NOT NULL,
  organization_id TEXT NOT NULL,
  status INTEGER NOT NULL,
  count INTEGER NOT NULL,
  PRIMARY KEY (actor, route, hour, status)
);

CREATE TABLE jobs (
  id TEXT NOT NULL PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('settle_attempt', 'revoke_key')),
  subject TEXT NOT NULL,
  due_at TIMESTAMP NOT NULL,
  lease_until TIMESTAMP,
  lease_token TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  created_at TIMESTAMP NOT NULL,
  UNIQUE (kind, subject)
);
CREATE INDEX jobs_due ON jobs (due_at);
