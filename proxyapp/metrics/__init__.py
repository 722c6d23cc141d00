"""What Prometheus reads: counts and states of all processes, never a key."""
