/* SPDX-License-Identifier: Apache-2.0
 *
 * check_bf16.c: see check_bf16.h. Sums may be made in any order.
 */
#include "check_bf16.h"

#include "guard.h"
#include "kernel_values.h"

#include <string.h>

/* A bf16 result may differ by one step where the sums differ in the last bits. */
static void check_product(const hg_kernels *t, const hg_bf16_product *s, bool has_bias, hg_rng *rng)
{
    int64_t n_x = (s->m - 1) * s->ldx + s->k, n_y = (s->m - 1) * s->ldy + s->n;
    int64_t n_w = s->plain_w ? (s->k - 1) * s->ldw + s->n : (s->n - 1) * s->ldw + s->k;
    size_t y_bytes = (size_t)n_y * (s->to_bf16 ? sizeof(uint16_t) : sizeof(float));
    uint16_t *x = new_bf16(n_x, rng), *w = new_bf16(n_w, rng);
    float *some = new_floats(s->n, rng, 1), *want = new_floats(n_y, rng, 1), *got = new_floats(n_y, rng, 1);
    const float *bias = has_bias ? some : NULL;
    void *y = guard_alloc(y_bytes);
    memcpy(y, want, y_bytes);
    memcpy(got, want, y_bytes);
    hg_kernels_get(HG_CPU_TIER_REFERENCE)->gemm_bf16(s, x, w, bias, got);
    t->gemm_bf16(s, x, w, bias, y);
    if (s->to_bf16) {
        hg_dtype_to_real(HG_DTYPE_BF16, n_y, got, want);
        hg_dtype_to_real(HG_DTYPE_BF16, n_y, y, got);
    } else {
        memcpy(want, got, y_bytes);
        memcpy(got, y, y_bytes);
    }
    for (int64_t i = 0; i < n_y; i++) { /* gaps between rows hold anything */
        if (i % s->ldy >= s->n)
            want[i] = got[i] = 0;
    }
    compare("gemm_bf16", n_y, want, got, NULL, s->to_bf16 ? 0x1p-7 : 1e-5, 1e-6 * (double)(s->k + 10));
    guard_free(y, y_bytes);
    guard_free(x, (size_t)n_x * sizeof *x);
    guard_free(w, (size_t)n_w * sizeof *w);
    free_floats(some, s->n);
    free_floats(want, n_y);
    free_floats(got, n_y);
}

/* All ends, both ways of storing w, with gaps and without. */
static void check_shape(const hg_kernels *t, const int64_t size[3], bool has_bias, hg_rng *rng)
{
    for (int i = 0; i < 16; i++) {
        hg_bf16_product s = {.m = size[0], .n = size[1], .k = size[2], .plain_w = i & 1};
        const int64_t gap = (i & 8) != 0 ? 3 : 0;
        s.end = (hg_bf16_end)(i % 8 / 2);
        s.to_bf16 = s.end != HG_BF16_END_ADD && (i & 12) == 12;
        s.ldx = s.k + gap;
        s.ldw = (s.plain_w ? s.n : s.k) + gap;
        s.ldy = s.n + gap;
        check_product(t, &s, has_bias, rng);
    }
}

void check_bf16_products(const hg_kernels *t, hg_rng *rng)
{
    static const int64_t shapes[][3] = {{1, 1, 1},     {1, 17, 5},    {5, 1, 9},     {3, 64, 65},
                                        {17, 33, 7},   {65, 3, 1},    {64, 31, 257}, {130, 65, 100},
                                        {64, 64, 64},  {33, 96, 413}, {40, 413, 96}, {32, 32, 640},
                                        {32, 641, 32}, {20, 16, 641}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        check_shape(t, shapes[i], false, rng);
        check_shape(t, shapes[i], true, rng);
    }
}
