"""The gateway's words: errors, choices, checks, masks, addresses, times; no ORM, no socket."""
