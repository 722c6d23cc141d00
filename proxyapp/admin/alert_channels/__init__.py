"""Channels of alerts: where messages go, and of what."""
