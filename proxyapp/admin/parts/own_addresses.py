"""Under which addresses the gateway is reached: what the forms refuse as a target."""

from proxyapp.operators.own_addresses import own_addresses

__all__ = ["own_addresses"]
