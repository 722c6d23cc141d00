"""Keys: their list, their pages, what is done to them, many added at once."""
