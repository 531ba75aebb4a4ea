#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Reads a package with the gguf library: prints its keys, counts its types, and dequantises every tensor.

    /opt/ref/venv/bin/python reference/check_package.py FILE
"""
import collections
import sys

import numpy
from gguf import GGUFReader, GGUFValueType
from gguf.quants import dequantize


def shown(field):
    if field.types[0] == GGUFValueType.ARRAY:
        return f"{field.types[-1].name}[{len(field.data)}]"
    value = field.parts[-1]
    return bytes(value).decode()[:60] if field.types[0] == GGUFValueType.STRING else value[0]


def main():
    reader = GGUFReader(sys.argv[1])
    for key, field in reader.fields.items():
        print(f"{key} = {shown(field)}")
    types = collections.Counter()
    for tensor in reader.tensors:
        values = dequantize(tensor.data, tensor.tensor_type)
        if values.size != tensor.n_elements or not numpy.isfinite(values).all():
            sys.exit(f"{tensor.name}: {values.size} of {tensor.n_elements} numbers, or some that are none")
        if len(tensor.name) > 63 or (tensor.data_offset - reader.data_offset) % reader.alignment != 0:
            sys.exit(f"{tensor.name}: its name is too long, or its data not aligned")
        types[tensor.tensor_type.name] += 1
    print(f"{len(reader.tensors)} tensors: {dict(types)}")


if __name__ == "__main__":
    main()
