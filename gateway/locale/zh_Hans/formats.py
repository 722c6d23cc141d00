"""Beside Django's own: pages and scripts group digits by three, as software in Chinese does."""

THOUSAND_SEPARATOR = ","
NUMBER_GROUPING = 3
