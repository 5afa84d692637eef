"""What was warmed up is compiled: the first real look needs nothing more."""

import subprocess
import sys

import pytest

PROGRAM = """
import numpy as np
from numba.core.dispatcher import Dispatcher
from napari_diversify import LazyVolume, Recipe
from napari_diversify.core import kernels
from napari_diversify.core.diversification import kernels as windows
from napari_diversify.core.spectral import kernels as spectral
from napari_diversify.recipe import DegradeContrast, Diversify, LowPass, Restore
from napari_diversify.warm import warming

def compiled():
    # loaded from the disk or made now: the signatures that are there
    all_of_them = {{**vars(kernels), **vars(windows), **vars(spectral)}}.items()
    return {{n: set(k.signatures) for n, k in all_of_them if isinstance(k, Dispatcher)}}

for _ in warming({dtype!r}):
    pass
before = compiled()
image = np.random.default_rng(0).integers(0, 100, (9, 40, 50)).astype({dtype!r})
image[:, :9, :9] = 0
others = Restore(), Restore(method="richardson-lucy")
for step in (Diversify(), DegradeContrast(), LowPass(), LowPass(volume=True), *others):
    volume = LazyVolume(image, Recipe(steps=(step,), intensity_range=(0.0, 99.0)))
    volume[3], volume[:, 4], volume[:]
after = compiled()
more = {{name: after[name] - before[name] for name in after if after[name] - before[name]}}
print(sum(map(len, before.values())) > 5, more)
"""


@pytest.mark.parametrize("dtype", ["uint8", "uint16", "int32", "float32", "float64", ">u2"])
def test_after_it_the_first_look_compiles_nothing(dtype):
    program = PROGRAM.format(dtype=dtype)
    ended = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ended.stdout.strip() == "True {}"
