"""Zarr folders with random faults are read right, or answered with a sentence."""

import subprocess
import sys

import fuzzing_zarr


def test_random_faults_end_in_voxels_or_a_sentence():
    # in a process of its own: what goes wrong in a decoder ends it
    run = subprocess.run(
        [sys.executable, fuzzing_zarr.__file__, "20000", "150"], capture_output=True, text=True
    )
    lines = run.stdout.splitlines()
    assert (run.returncode, run.stderr) == (0, ""), [t for t in lines if "FAILED" in t] or lines[
        -1:
    ]
    assert lines[-1].startswith("150 of 150 right")
