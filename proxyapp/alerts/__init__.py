"""Who is told when something needs attention, and when it is over."""
