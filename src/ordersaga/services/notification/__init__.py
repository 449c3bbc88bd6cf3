"""Email to the customer: an outbox and, with a mail server, a sender that empties it.

An email is sent at most once. The start of sending is on disk before the mail server gets the email. So after a crash,
or if the server's answer is lost, it is not sent again.
"""
