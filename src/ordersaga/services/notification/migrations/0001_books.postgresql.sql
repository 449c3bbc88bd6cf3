CREATE TABLE mail (
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    message_id TEXT NOT NULL UNIQUE,
    order_id TEXT NOT NULL,
    recipient TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('queued', 'sending', 'sent', 'recalled', 'failed')),
    maybe_out INTEGER NOT NULL DEFAULT 0,
    reason TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_attempt_at TEXT COLLATE "C" NOT NULL,
    notice_of TEXT UNIQUE,
    created_at TEXT NOT NULL
);

CREATE INDEX mail_order ON mail (order_id);

CREATE INDEX mail_due ON mail (state, next_attempt_at);

CREATE VIEW notification AS
SELECT
    m.seq, m.message_id, m.order_id, m.recipient, m.subject, m.reason, m.maybe_out, m.created_at,
    CASE m.state WHEN 'sending' THEN 'queued' ELSE m.state END AS state,
    (SELECT COUNT(*) FROM mail n WHERE n.notice_of = m.message_id) AS notices
FROM mail m
WHERE m.notice_of IS NULL;
