#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A GGUF file with every kind of value and every type of tensor that packages have, written by the gguf library.

    /opt/ref/venv/bin/python reference/make_gguf_written.py tests/data/formats/written.gguf
"""
import sys

import numpy
from gguf import GGMLQuantizationType as T
from gguf import GGUFWriter

# Name, type, shape, bytes a row.
TENSORS = [
    ("a.f32", T.F32, (2, 3), 12),
    ("a.f16", T.F16, (5,), 10),
    ("a.bf16", T.BF16, (3,), 6),
    ("a.q8_0", T.Q8_0, (2, 64), 68),
    ("a.q4_0", T.Q4_0, (3, 32), 18),
    ("a.q4_k", T.Q4_K, (1, 256), 144),
    ("a.q6_k", T.Q6_K, (2, 2, 256), 210),
]


def pattern(count, seed):
    return ((numpy.arange(count) * 7 + seed) % 251).astype(numpy.uint8)


def main():
    writer = GGUFWriter(sys.argv[1], "test")
    writer.add_uint32("k.u32", 4000000000)
    writer.add_int32("k.i32", -7)
    writer.add_uint64("k.u64", 1 << 60)
    writer.add_float32("k.f32", 0.1)
    writer.add_float64("k.f64", 0.1)
    writer.add_bool("k.bool", True)
    writer.add_string("k.text", "Grüße")
    writer.add_array("k.i32s", [1, -2, 3])
    writer.add_array("k.f32s", [0.5, -1.5])
    writer.add_array("k.bools", [True, False, True])
    writer.add_array("k.texts", ["a", "bc", "ä"])
    for seed, (name, kind, shape, row) in enumerate(TENSORS):
        rows = int(numpy.prod(shape[:-1]))
        raw = pattern(rows * row, seed)
        if kind == T.F32:
            writer.add_tensor(name, raw.view(numpy.float32).reshape(shape))
        elif kind == T.F16:
            writer.add_tensor(name, raw.view(numpy.float16).reshape(shape))
        else:
            writer.add_tensor(name, raw.reshape((*shape[:-1], row)), raw_dtype=kind)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
