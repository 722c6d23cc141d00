"""What the gateway writes by itself, to look at: events, usage, the audit log."""
