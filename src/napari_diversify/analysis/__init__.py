"""Numbers about images and about what a recipe makes of them; no Qt."""
