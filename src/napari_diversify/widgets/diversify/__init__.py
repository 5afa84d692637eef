"""The dock “Diversify”."""
