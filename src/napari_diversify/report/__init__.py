"""One page on a training set, to see whether it is right.

Reads what a batch has written into its folder (the manifest, the records and one
plane of some images) and writes a single HTML file that needs nothing else.
"""

from .write import NAME, reporting, write_report

__all__ = ["NAME", "reporting", "write_report"]
