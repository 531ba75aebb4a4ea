#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Prints the metadata of a GGUF file as the gguf library reads it, long arrays cut.

    /opt/ref/venv/bin/python reference/check_tokenizer_gguf.py FILE [KEY_PREFIX]
"""
import sys

from gguf import GGUFReader, GGUFValueType

SHOWN = 8


def element(field, i):
    value = field.parts[field.data[i]]
    return bytes(value) if field.types[-1] == GGUFValueType.STRING else value[0].item()


def main():
    prefix = sys.argv[2] if len(sys.argv) > 2 else ""
    for key, field in GGUFReader(sys.argv[1]).fields.items():
        if not key.startswith(prefix):
            continue
        values = [element(field, i) for i in range(min(len(field.data), SHOWN))]
        kind = " of ".join(t.name for t in field.types)
        more = f" ... {len(field.data)}" if len(field.data) > SHOWN else ""
        print(f"{key}: {kind} {values if field.types[0] == GGUFValueType.ARRAY else values[0]}{more}")


if __name__ == "__main__":
    main()
