"""Which key is next: snapshot, cooldowns, queue, leases, the row-locked cursor."""
