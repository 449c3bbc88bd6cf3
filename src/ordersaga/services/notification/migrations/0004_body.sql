-- The mail's text is part of the books, and the newest mails can be read first.
DROP VIEW notification;

CREATE VIEW notification AS
SELECT
    m.seq, m.message_id, m.order_id, m.recipient, m.subject, m.body, m.reason, m.maybe_out, m.created_at,
    CASE m.state WHEN 'sending' THEN 'queued' ELSE m.state END AS state,
    (SELECT COUNT(*) FROM mail n WHERE n.notice_of = m.message_id) AS notices
FROM mail m
WHERE COALESCE(m.notice_of, '') = '';

CREATE INDEX mail_newest ON mail ((-seq));
