"""WebSockets of Google's Live API: a session, the key that it gets, and its relay."""
