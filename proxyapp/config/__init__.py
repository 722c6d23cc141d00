"""The YAML file and pasted keys: read, check, compare, apply, export, re-encrypt."""
