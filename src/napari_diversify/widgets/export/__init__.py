"""Writing generated volumes from the window."""
