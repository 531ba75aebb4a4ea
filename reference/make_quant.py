#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes tests/data/tensor: blocks of the quantised types and the numbers that the gguf package reads from them.

TYPE.blocks   random bytes, every block with a finite binary16 scale, the extreme ones among them
TYPE.values   float32, what they stand for
TYPE.floats   float32 to be quantised (q8_0 and q4_0: the package writes no others)
TYPE.written  the package's blocks of them
Run: python reference/make_quant.py
"""

from pathlib import Path

import gguf
import numpy as np

OUT = Path(__file__).resolve().parent.parent / "tests" / "data" / "tensor"
# Bytes and elements of a block, and where its binary16 numbers lie.
TYPES = {"q8_0": (34, 32, [0]), "q4_0": (18, 32, [0]), "q4_k": (144, 256, [0, 2]), "q6_k": (210, 256, [208])}
# Zeros, smallest and largest subnormal, smallest and largest normal number, 1, of both signs.
EXTREMES = [0x0000, 0x8000, 0x0001, 0x8001, 0x03FF, 0x0400, 0x8400, 0x7BFF, 0xFBFF, 0x3C00, 0xBC00]


def number(name):
    return gguf.GGMLQuantizationType[name.upper()]


def finite_half(rng):
    while True:
        bits = int(rng.integers(0, 65536))
        if bits & 0x7C00 != 0x7C00:
            return bits


def make_blocks(name, rng, n):
    size, _, scales = TYPES[name]
    blocks = rng.integers(0, 256, (n, size), dtype=np.uint8)
    for i in range(n):
        for k, at in enumerate(scales):
            bits = EXTREMES[i + k] if i + k < len(EXTREMES) else finite_half(rng)
            blocks[i, at], blocks[i, at + 1] = bits & 255, bits >> 8
    return blocks


def make_floats(rng):
    """Blocks of 32 whose scales are normal binary16 numbers: beyond those this program and the package differ."""
    rows = [np.zeros(32), np.arange(-16, 16), np.arange(32) / 4, np.full(32, -3.0)]
    rows += [rng.normal(0, scale, 32) for scale in (0.02, 1, 30, 1e4)]
    rows += [rng.standard_t(2, 32), rng.uniform(-1, 1, 32), rng.uniform(0, 1, 32)]
    rows.append(np.where(np.arange(32) == 7, 500.0, 0.0))
    rows.append(rng.integers(-8, 8, 32) * 0.5)  # halves of the largest magnitude: ties
    rows.append(np.where(np.arange(32) % 2 == 0, 1.0, -1.0))  # the largest magnitude in both signs
    rows += [rng.normal(0, 10.0**e, 32) for e in rng.uniform(-1.5, 4, 20)]
    return np.array(rows, dtype=np.float32)


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(20261124)
    for name, (_, elements, _) in TYPES.items():
        blocks = make_blocks(name, rng, 48 if elements == 32 else 14)
        values = gguf.quants.dequantize(blocks, number(name)).astype(np.float32)
        assert np.isfinite(values).all() and values.shape == (len(blocks), elements)
        (OUT / f"{name}.blocks").write_bytes(blocks.tobytes())
        (OUT / f"{name}.values").write_bytes(values.tobytes())
    floats = make_floats(rng)
    for name in ("q8_0", "q4_0"):
        (OUT / f"{name}.floats").write_bytes(floats.tobytes())
        (OUT / f"{name}.written").write_bytes(gguf.quants.quantize(floats, number(name)).tobytes())


if __name__ == "__main__":
    main()
