-- The unique index on notice_of must not be taken for a way to an order's mails: it leads to all of them.
DROP VIEW notification;

CREATE VIEW notification AS
SELECT
    m.seq, m.message_id, m.order_id, m.recipient, m.subject, m.reason, m.maybe_out, m.created_at,
    CASE m.state WHEN 'sending' THEN 'queued' ELSE m.state END AS state,
    (SELECT COUNT(*) FROM mail n WHERE n.notice_of = m.message_id) AS notices
FROM mail m
WHERE COALESCE(m.notice_of, '') = '';
