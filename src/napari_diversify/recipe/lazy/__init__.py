"""Arrays that are computed where they are indexed."""
