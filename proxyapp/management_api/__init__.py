"""What scripts of operators may ask and change over HTTP, as the admin's pages do."""
