"""The process of a training: ``python -m napari_diversify.learned.training FOLDER``."""

import os
import sys


def main(folder: str) -> int:
    """Train what is to be trained in a folder; how that went is in its status."""
    if hasattr(os, "nice"):
        os.nice(10)  # whoever started it goes on working
    from ...sentences import EXPECTED, sentence
    from .job import Job, say

    try:
        Job.load(folder)
        from ..needs import torch

        torch()
        from .running import train

        train(folder)
    except KeyboardInterrupt:
        return 130
    except EXPECTED as error:
        print(sentence(error), file=sys.stderr)
        if isinstance(error, ImportError):
            say(folder, "failed", message=sentence(error))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
