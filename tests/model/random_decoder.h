/* SPDX-License-Identifier: Apache-2.0
 *
 * random_decoder.h: a small decoder of random weights with two plug-ins, in the kinds of weights that go
 * different ways.
 */
#ifndef HG_TESTS_RANDOM_DECODER_H
#define HG_TESTS_RANDOM_DECODER_H

#include "base/rng.h"
#include "model/decoder.h"

enum { LAYERS = 3, HIDDEN = 256, FFN = 1056, RANK = 64, EXPERTS = 4 };

/* Weights and what they are made into, the type of keys and values, and the shape of attention. */
typedef struct variant {
    hg_dtype type, cache;
    bool interleave;
    int64_t n_heads, n_kv_heads, head_dim, window;
} variant;

#define VARIANTS 6
extern const variant variants[VARIANTS];

/* Whether this processor's kernels have what the variant needs. */
bool variant_runs(const variant *v);

typedef struct random_decoder {
    hg_arena weights;
    hg_rng rng;
    hg_decoder decoder;
    hg_plugin plugins[2];
} random_decoder;

void random_decoder_open(random_decoder *r, const variant *v);
void random_decoder_close(random_decoder *r);

void random_decoder_cache(hg_kv_cache *cache, const variant *v, int64_t positions);

/* (count, HIDDEN), in -1..1. */
hg_tensor *random_decoder_rows(random_decoder *r, hg_ctx *ctx, int64_t count);

/* The same bits in the positions in use, of which both have as many. */
void expect_same_caches(const hg_kv_cache *a, const hg_kv_cache *b);

#endif
