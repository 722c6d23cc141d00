"""Starting, stopping, several workers, rolling restarts."""
