"""What became of each request of a client, and who is told: its log, metrics and lines of logs."""
