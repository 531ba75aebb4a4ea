# SPDX-License-Identifier: Apache-2.0
"""Coefficients of src/kernels/x86/simd_math.h: exp(z^2) erfc(z) as a polynomial of t = 1 / (1 + z/2), z in [0, 10].

Weighted least squares at Chebyshev points, reweighted towards the largest relative error (Lawson's iteration).
"""
import numpy as np
from torch import float64, special, tensor

DEGREE = 10

# t in [1/6, 1], Chebyshev points of that interval
t = 1 / 12 + 0.5 + (1 - 1 / 6) / 2 * np.cos(np.pi * (np.arange(2000) + 0.5) / 2000)
z = 2 * (1 / t - 1)
want = special.erfcx(tensor(z, dtype=float64)).numpy()
weight = np.ones_like(t)
basis = np.vander(t, DEGREE + 1, increasing=True) / want[:, None]
for _ in range(200):
    root = np.sqrt(weight)
    c = np.linalg.lstsq(basis * root[:, None], root, rcond=None)[0]
    error = np.abs(basis @ c - 1)
    weight *= error + 1e-12
    weight /= weight.mean()
print("largest relative error", error.max())
for i in reversed(range(DEGREE + 1)):
    print(f"t^{i:<2} {c[i]:.9e}F")
f32 = np.zeros(len(t), np.float32)
for i in reversed(range(DEGREE + 1)):
    f32 = f32 * t.astype(np.float32) + np.float32(c[i])
print("in float", np.abs(f32 / want - 1).max())
