"""Projects: what holds for all keys with one label."""
