"""Who gets in, and how much: clients with tokens, operators with passwords and codes."""
