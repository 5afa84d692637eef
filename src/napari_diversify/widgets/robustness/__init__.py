"""The window Robustness: from where on a segmenter fails, and on which objects."""
