CREATE TABLE payment (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    payment_id TEXT NOT NULL UNIQUE,
    order_id TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    payment_method_id TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('authorised', 'captured', 'voided', 'refunded', 'declined')),
    amount_minor BIGINT NOT NULL CHECK (amount_minor > 0),
    refunded_minor BIGINT NOT NULL DEFAULT 0 CHECK (refunded_minor BETWEEN 0 AND amount_minor),
    currency TEXT NOT NULL,
    decline_code TEXT,
    refund_reason TEXT,
    created_at TEXT NOT NULL
);

CREATE INDEX payment_order ON payment (order_id);
