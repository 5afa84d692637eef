"""One page on a training set, to see whether it is right; and one on a study of robustness.

Reads what a batch has written into its folder (the manifest, the records and one
plane of some images) and writes a single HTML file that needs nothing else.
"""

from .robustness_page import is_study, write_study
from .write import NAME, reporting, write_report

__all__ = ["NAME", "is_study", "reporting", "write_report", "write_study"]
