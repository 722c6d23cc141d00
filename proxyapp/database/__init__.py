"""A database that may be away: threads, outages, SQLite's lock."""
