"""Client tokens: their list, making one, what it may and did, its end."""
