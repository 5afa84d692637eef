"""Arrays that are computed where they are looked at."""
