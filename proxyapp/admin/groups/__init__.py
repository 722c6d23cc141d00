"""Groups: their list in its order, their pages, the test of the way to a target."""
