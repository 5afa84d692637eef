"""Sheets of samples: drawn, looked through, chosen."""
