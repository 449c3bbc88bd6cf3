"""Mail to the customer: an outbox, and with a mail server the sender that empties it.

A mail is sent at most once. That the sending has begun is on disk before the mail server hears of it, so after a crash,
or when the server's answer is lost, it is not sent again.
"""
