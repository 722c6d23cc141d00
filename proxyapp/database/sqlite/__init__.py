"""Django's backend for SQLite, with a wait for locks that keeps nobody else waiting: see `base`."""
