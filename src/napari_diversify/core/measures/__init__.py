"""Numbers about images, and about pairs of them."""
