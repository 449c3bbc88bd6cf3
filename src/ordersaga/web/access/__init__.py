"""Who may call: keys and their scopes, how often, and which browsers."""

from ordersaga.web.access.keys import LOCAL, Caller, KeyEntry, KeyRing, Scope, append_key, new_key

__all__ = ["LOCAL", "Caller", "KeyEntry", "KeyRing", "Scope", "append_key", "new_key"]
