"""Tests of the watcher, with the SDK's flags as they are: it does not depend on them."""
