"""Numbers about images and about what a recipe does to them; no Qt."""
