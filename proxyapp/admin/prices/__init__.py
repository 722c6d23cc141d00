"""Prices: what models cost in an operator's own words."""
