"""Write ``core/normal_table.npy``, the inverse normal distribution as cubics.

Row 16 * e + s belongs to the numbers m of 32 bits with exponent e (2**e <= m <
2**(e + 1)) and first four mantissa bits s, which stand for the upper tail
p = m / 2**33. Its four numbers are the coefficients of z(t), t in [0, 1] along
the segment, lowest power first. The file is part of the definition of the
generator ``philox4x32-10/1``: it is shipped, never rebuilt, so that another
version of SciPy cannot change a bit. This script is how it came about.
"""

from pathlib import Path

import numpy as np
from scipy.special import ndtri

OUTPUT = Path(__file__).parents[1] / "src/napari_diversify/core/normal_table.npy"
NODES = 24


def make_table() -> np.ndarray:
    """Least-squares cubics through Chebyshev nodes, (512, 4) float32."""
    t = (np.cos(np.pi * (np.arange(NODES) + 0.5) / NODES) + 1) / 2
    rows = []
    for exponent in range(32):
        for segment in range(16):
            m = 2.0**exponent * (1 + (segment + t) / 16)
            fit = np.polynomial.Chebyshev.fit(t, -ndtri(m / 2**33), 3, domain=[0, 1])
            rows.append(fit.convert(kind=np.polynomial.Polynomial).coef)
    return np.array(rows, dtype="<f4")


if __name__ == "__main__":
    np.save(OUTPUT, make_table())
    print(f"wrote {OUTPUT}")
