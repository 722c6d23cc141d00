"""One request: plan, try key after key, judge, relay."""
