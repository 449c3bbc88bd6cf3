"""Access control: keys and scopes, rate limits, limits on event streams, and checks against other websites."""

from ordersaga.web.access.keys import LOCAL, Caller, KeyEntry, KeyRing, Scope, append_key, new_key

__all__ = ["LOCAL", "Caller", "KeyEntry", "KeyRing", "Scope", "append_key", "new_key"]
