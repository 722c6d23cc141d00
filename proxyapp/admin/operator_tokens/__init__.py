"""Operator tokens: which scripts may use the management API."""
