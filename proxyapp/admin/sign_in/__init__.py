"""The log-in, the second factor, and the pages of users and roles."""
