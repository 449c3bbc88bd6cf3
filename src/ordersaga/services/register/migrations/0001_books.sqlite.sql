CREATE TABLE accepted_order (
    seq INTEGER PRIMARY KEY,
    order_id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    customer_id TEXT NOT NULL,
    email TEXT,
    amount_minor BIGINT NOT NULL CHECK (amount_minor >= 0),
    currency TEXT NOT NULL,
    task_queue TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'unwinding', 'forward', 'completed', 'undone')),
    status TEXT NOT NULL,
    unwind_reason TEXT,
    tracking_number TEXT,
    refusal TEXT,
    error TEXT,
    ending_status TEXT CHECK (ending_status IN ('completed', 'failed', 'cancelled')),
    ending_run_id TEXT,
    attention TEXT,
    attention_kind TEXT,
    attention_since TEXT,
    at_risk_minor BIGINT,
    progress_run_id TEXT,
    progress_number BIGINT NOT NULL DEFAULT 0,
    decisions INTEGER NOT NULL DEFAULT 0,
    accepted_at TEXT NOT NULL,
    ended_at TEXT,
    CHECK ((state IN ('completed', 'undone')) = (ended_at IS NOT NULL)),
    CHECK ((ended_at IS NULL) = (ending_status IS NULL))
);

-- All lists are in the order of (accepted_at, seq). The columns behind these two are filtered without the table.
CREATE INDEX accepted_order_newest
ON accepted_order (accepted_at, seq, currency, amount_minor, order_id, task_queue);

CREATE INDEX accepted_order_customer ON accepted_order (customer_id, accepted_at, seq);

CREATE INDEX accepted_order_email ON accepted_order (email, accepted_at, seq) WHERE email IS NOT NULL;

CREATE INDEX accepted_order_tracking ON accepted_order (tracking_number) WHERE tracking_number IS NOT NULL;

-- Orders under way are few, whatever has ended; and name changes while they run stays out of the large index.
CREATE INDEX accepted_order_live ON accepted_order (accepted_at, seq, status, state) WHERE ended_at IS NULL;

CREATE INDEX accepted_order_ended
ON accepted_order (status, accepted_at, seq, currency, amount_minor) WHERE ended_at IS NOT NULL;

CREATE INDEX accepted_order_worklist
ON accepted_order (attention_since, seq, attention_kind) WHERE attention_kind IS NOT NULL;

CREATE INDEX accepted_order_attention ON accepted_order (accepted_at, seq) WHERE attention_kind IS NOT NULL;

-- The order as accepted, and its result: large, read one by one, and never changed.
CREATE TABLE order_document (
    order_id TEXT NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('order', 'result')),
    content TEXT NOT NULL,
    PRIMARY KEY (order_id, kind)
);

CREATE TABLE ordered_sku (
    sku TEXT NOT NULL,
    accepted_at TEXT NOT NULL,
    seq BIGINT NOT NULL,
    PRIMARY KEY (sku, accepted_at, seq)
) WITHOUT ROWID;

CREATE TABLE order_event (
    order_id TEXT NOT NULL,
    run_id TEXT NOT NULL,
    number BIGINT NOT NULL,
    at TEXT NOT NULL,
    kind TEXT NOT NULL,
    data TEXT NOT NULL,
    PRIMARY KEY (order_id, run_id, number)
) WITHOUT ROWID;

CREATE TABLE order_decision (
    seq INTEGER PRIMARY KEY,
    order_id TEXT NOT NULL,
    decision_id TEXT NOT NULL,
    step TEXT NOT NULL,
    undoing INTEGER NOT NULL,
    choice TEXT NOT NULL,
    decided_by TEXT NOT NULL,
    note TEXT NOT NULL,
    at TEXT NOT NULL,
    run_id TEXT NOT NULL,
    UNIQUE (order_id, decision_id)
);

CREATE TABLE order_note (
    seq INTEGER PRIMARY KEY,
    order_id TEXT NOT NULL,
    note_id TEXT NOT NULL,
    written_by TEXT NOT NULL,
    content TEXT NOT NULL,
    at TEXT NOT NULL,
    UNIQUE (order_id, note_id)
);

-- What people did to all orders: each row is written with the decision, the note or the event that it is of.
CREATE TABLE audit_entry (
    seq INTEGER PRIMARY KEY,
    order_id TEXT NOT NULL,
    at TEXT NOT NULL,
    actor TEXT,
    kind TEXT NOT NULL,
    data TEXT NOT NULL
);

CREATE INDEX audit_entry_newest ON audit_entry (at, seq);

CREATE INDEX audit_entry_order ON audit_entry (order_id, at, seq);

CREATE INDEX audit_entry_actor ON audit_entry (actor, at, seq);

CREATE INDEX audit_entry_kind ON audit_entry (kind, at, seq);
