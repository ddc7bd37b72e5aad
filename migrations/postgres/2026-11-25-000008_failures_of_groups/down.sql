ALTER TABLE card_attempts ADD COLUMN settled_at TIMESTAMP;
ALTER TABLE card_attempts ADD COLUMN lease_until TIMESTAMP NOT NULL DEFAULT '1970-01-01 00:00:00';
DROP INDEX billing_groups_by_status;
DROP INDEX billing_groups_failing;
ALTER TABLE payment_methods ADD COLUMN charge_failed_at TIMESTAMP;
ALTER TABLE payment_methods ADD COLUMN key_deleted_at TIMESTAMP;
UPDATE payment_methods SET charge_failed_at = CURRENT_TIMESTAMP
WHERE group_id IN (SELECT id FROM billing_groups WHERE failure = 'charge_failed');
UPDATE payment_methods SET key_deleted_at = CURRENT_TIMESTAMP
WHERE group_id IN (SELECT id FROM billing_groups WHERE failure = 'key_deleted');
ALTER TABLE billing_groups DROP COLUMN failure;
