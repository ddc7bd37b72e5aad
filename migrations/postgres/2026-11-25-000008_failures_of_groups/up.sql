-- Why a group's payment method does not pay is kept with the group, as its status is: a page of a long table asks an
-- index for the few that fail and for how many stand how, and reads no other row.
ALTER TABLE billing_groups ADD COLUMN failure TEXT
  CHECK (failure IS NULL OR (failure IN ('charge_failed', 'key_deleted') AND status = 'card'));
UPDATE billing_groups SET failure = (
  SELECT CASE WHEN key_deleted_at IS NOT NULL THEN 'key_deleted' ELSE 'charge_failed' END
  FROM payment_methods
  WHERE group_id = billing_groups.id AND (key_deleted_at IS NOT NULL OR charge_failed_at IS NOT NULL)
);
ALTER TABLE payment_methods DROP COLUMN key_deleted_at;
ALTER TABLE payment_methods DROP COLUMN charge_failed_at;
CREATE INDEX billing_groups_failing ON billing_groups (organization_id, failure DESC, class, name, id)
  WHERE failure IS NOT NULL;
CREATE INDEX billing_groups_by_status ON billing_groups (organization_id, status, id);

-- No code reads them: the lease that counts is the job's.
ALTER TABLE card_attempts DROP COLUMN lease_until;
ALTER TABLE card_attempts DROP COLUMN settled_at;
