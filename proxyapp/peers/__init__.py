"""Files of other gateways: recognised, read, and made into what an import applies."""
