"""The live socket: what open pages are told as it happens."""
