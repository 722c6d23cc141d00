"""What operators see and do, for pages and commands alike."""
