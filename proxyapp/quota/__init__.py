"""How much of a provider's limits is left, and who may use it: kept before the provider refuses."""
