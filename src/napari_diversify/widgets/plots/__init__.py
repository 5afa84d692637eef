"""Plots of images and of what a recipe makes of them."""
