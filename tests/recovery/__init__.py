"""The watcher, with the SDK's flags as they are: nothing of it depends on them."""
