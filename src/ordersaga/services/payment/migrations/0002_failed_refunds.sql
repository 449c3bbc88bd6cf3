-- A refund may fail days after it was made. `refunds` counts those that were made, so that each event is of one of them.
ALTER TABLE payment ADD COLUMN refunds BIGINT NOT NULL DEFAULT 0;
ALTER TABLE payment ADD COLUMN refund_failed_at TEXT;

UPDATE payment SET refunds = 1 WHERE state = 'refunded';

CREATE INDEX payment_refund_failed ON payment (refund_failed_at) WHERE refund_failed_at IS NOT NULL;
