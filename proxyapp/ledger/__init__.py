"""What a process writes, exactly once: usage and cooldowns, also by the spool; what is pruned."""
