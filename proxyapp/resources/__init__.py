"""What belongs to the key that made it: what names it, whose it is, and how long it lives."""
