"""Trained models to choose from."""
