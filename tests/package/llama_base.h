/* SPDX-License-Identifier: Apache-2.0
 *
 * llama_base.h: a tiny base model as llama.cpp's converter lays it out: architecture phi3, its names, norms
 * in f32, only the keys that it writes.
 */
#ifndef HG_TESTS_LLAMA_BASE_H
#define HG_TESTS_LLAMA_BASE_H

#include "package_fixture.h"

/* tests/data/tiny/m3/base as the GGUF file `out`. */
void llama_base_make(const package_path *out);

#endif
