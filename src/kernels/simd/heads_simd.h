/* SPDX-License-Identifier: Apache-2.0
 *
 * heads_simd.h: attention of one query over cached keys and values. Whatever is read comes from memory and is
 * read once, so it is read in the order in which it lies: a processor's own prefetch gives up on rows that
 * are read side by side (0.8 of the speed on a Zen 4). Included by kernels_simd.h.
 */
#ifndef HG_KERNELS_HEADS_SIMD_H
#define HG_KERNELS_HEADS_SIMD_H

#include "kernels/reference/reference.h"
#include "kernels/simd/loads_simd.h"
#include "kernels/simd/quant_simd.h"

/* Rows whose products are added up lane by lane together, and sums of a row that run side by side. */
#define HEADS_ROWS 4
#define HEADS_SUMS 2
static_assert(HEADS_ROWS % HG_HEADS_ABREAST == 0, "such rows are whole positions, or parts of one");

/* The longest heads that have code of their own. */
#define HEADS_KNOWN 128

/* Bytes ahead that are asked for of keys, and heads' rows of values. */
#define HEADS_KEYS_AHEAD 8192
#define HEADS_VALUES_AHEAD 24

/* From a number of heads to a constant. */
#define HEADS_FOR_COUNT(type, heads, call, ...)                                                              \
    switch (heads) {                                                                                         \
    case 4:                                                                                                  \
        call(type, 4, __VA_ARGS__);                                                                          \
        break;                                                                                               \
    case 2:                                                                                                  \
        call(type, 2, __VA_ARGS__);                                                                          \
        break;                                                                                               \
    default:                                                                                                 \
        call(type, 1, __VA_ARGS__);                                                                          \
    }

/* The position to ask for while `i` is read: none beyond the last, where another head's memory begins. */
SIMD_INLINE int64_t heads_later(const hg_head_rows *r, int64_t i, int64_t ahead)
{
    return i + ahead < r->n ? i + ahead : r->n - 1;
}

/* Where a head's elements of a position begin. */
SIMD_INLINE const void *heads_row(hg_dtype type, const hg_head_rows *r, int64_t position, int head)
{
    return simd_row(type, r->rows, position * r->ld + head * r->d);
}

/* ---- scores ---- */

/* A row (D) times x: what is to be added up. `later`: the row to ask for meanwhile, or NULL. */
SIMD_INLINE vf heads_dot(hg_dtype type, int64_t d, const void *row, const float *x, const void *later)
{
    vf sum[HEADS_SUMS];
    for (int s = 0; s < HEADS_SUMS; s++)
        sum[s] = vf_set1(0);
    int64_t j = 0;
    for (; j + HEADS_SUMS * VF_LANES <= d; j += HEADS_SUMS * VF_LANES) {
        if (later != NULL)
            simd_prefetch_at(simd_row(type, later, j), 0);
        for (int s = 0; s < HEADS_SUMS; s++) {
            const int64_t at = j + s * VF_LANES;
            sum[s] = vf_fma(simd_load(type, row, at), vf_load(x + at), sum[s]);
        }
    }
    for (; j + VF_LANES <= d; j += VF_LANES)
        sum[0] = vf_fma(simd_load(type, row, j), vf_load(x + j), sum[0]);
    if (j < d)
        sum[0] = vf_fma(simd_load_part(type, row, j, d - j), vf_load_part(x + j, d - j), sum[0]);
    return vf_add(sum[0], sum[1]);
}

/* The four rows from `at` on, in the order in which they lie, each times the query of its head. */
SIMD_INLINE void heads_dots(hg_dtype type, int heads, int64_t d, const void *at, int64_t ld, const float *q,
                            int64_t ldq, const void *later, float *sum)
{
#define HEADS_DOT(r)                                                                                         \
    heads_dot(type, d, simd_row(type, at, (r) / heads * ld + (r) % heads * d), q + (r) % heads * ldq,        \
              later == NULL ? NULL : simd_row(type, later, (r) / heads * ld + (r) % heads * d))
    const vf row0 = HEADS_DOT(0);
    simd_in_order();
    const vf row1 = HEADS_DOT(1);
    simd_in_order();
    const vf row2 = HEADS_DOT(2);
    simd_in_order();
    const vf row3 = HEADS_DOT(3);
#undef HEADS_DOT
    vf_sum4((const vf[HEADS_ROWS]){row0, row1, row2, row3}, sum);
}

/* As hg_kernels' head_scores, for k->heads and k->d. */
SIMD_INLINE void heads_scores_rows(hg_dtype type, int heads, int64_t d, const hg_head_rows *k, const float *q,
                                   int64_t ldq, int64_t ahead, float *p, int64_t ldp)
{
    const int64_t n = k->n, ld = k->ld;
    const void *at = k->rows;
    int64_t i = 0;
    for (; i + HEADS_ROWS / heads <= n; i += HEADS_ROWS / heads) {
        float sum[HEADS_ROWS];
        heads_dots(type, heads, d, at, ld, q, ldq,
                   ahead == 0 ? NULL : heads_row(type, k, heads_later(k, i, ahead), 0), sum);
        for (int r = 0; r < HEADS_ROWS; r++)
            p[r % heads * ldp + i + r / heads] = sum[r];
        at = simd_row(type, at, HEADS_ROWS / heads * ld);
    }
    for (; i < n; i++) {
        for (int head = 0; head < heads; head++)
            p[head * ldp + i] = vf_sum(heads_dot(type, d, heads_row(type, k, i, head), q + head * ldq, NULL));
    }
}

/* The same for d that is a constant; gcc finds queries where it knows where they are. */
SIMD_INLINE void heads_scores_known(hg_dtype type, int heads, int64_t d, const hg_head_rows *k,
                                    const float *q, int64_t ldq, float *p, int64_t ldp)
{
    float x[HG_HEADS_ABREAST * HEADS_KNOWN];
    for (int head = 0; head < heads; head++)
        memcpy(x + head * d, q + head * ldq, (size_t)d * sizeof *x);
    heads_scores_rows(type, heads, d, k, x, d, 0, p, ldp);
}

/* Heads of 96 and 128 elements, and others. */
SIMD_INLINE void heads_scores_type(hg_dtype type, int heads, const hg_head_rows *k, const float *q,
                                   int64_t ldq, float *p, int64_t ldp)
{
    const int64_t row_bytes = k->ld * (type == HG_DTYPE_F32 ? 4 : 2),
                  ahead = k->ask && row_bytes > 0 ? HEADS_KEYS_AHEAD / row_bytes : 0;
    if (k->d == 96 && ahead == 0)
        heads_scores_known(type, heads, 96, k, q, ldq, p, ldp);
    else if (k->d == HEADS_KNOWN && ahead == 0)
        heads_scores_known(type, heads, HEADS_KNOWN, k, q, ldq, p, ldp);
    else
        heads_scores_rows(type, heads, k->d, k, q, ldq, ahead, p, ldp);
}

static void simd_head_scores(const hg_head_rows *k, const float *q, int64_t ldq, float *p, int64_t ldp)
{
    switch (k->type) {
    case HG_DTYPE_F32:
        HEADS_FOR_COUNT(HG_DTYPE_F32, k->heads, heads_scores_type, k, q, ldq, p, ldp)
        break;
    case HG_DTYPE_F16:
        HEADS_FOR_COUNT(HG_DTYPE_F16, k->heads, heads_scores_type, k, q, ldq, p, ldp)
        break;
    case HG_DTYPE_BF16:
        HEADS_FOR_COUNT(HG_DTYPE_BF16, k->heads, heads_scores_type, k, q, ldq, p, ldp)
        break;
    default:
        for (int head = 0; head < k->heads; head++) {
            const uint8_t *rows = (const uint8_t *)k->rows + hg_dtype_span(k->type, head * k->d);
            if (!simd_quant_matvec(k->type, k->n, k->d, rows, k->ld, q + head * ldq, p + head * ldp))
                hg_reference_matvec(k->type, k->n, k->d, rows, k->ld, q + head * ldq, k->ask, p + head * ldp);
        }
    }
}

/* ---- sums ---- */

/* As hg_kernels' head_sums, for heads of `vectors` vectors. All sums are in registers. */
SIMD_INLINE void heads_sums_kept(hg_dtype type, int heads, int vectors, const hg_head_rows *v, const float *p,
                                 int64_t ldp, float *y, int64_t ldy)
{
    vf sum[VF_KEPT];
    for (int l = 0; l < heads * vectors; l++)
        sum[l] = vf_set1(0);
    for (int64_t i = 0; i < v->n; i++) {
        const int64_t later = heads_later(v, i, HEADS_VALUES_AHEAD / heads);
        for (int head = 0; head < heads; head++) {
            const void *row = heads_row(type, v, i, head);
            const vf weight = vf_set1(p[head * ldp + i]);
            for (int l = 0; l < vectors && v->ask; l += type == HG_DTYPE_F32 ? 1 : 2)
                simd_prefetch_at(simd_row(type, heads_row(type, v, later, head), l * VF_LANES), 0);
            for (int l = 0; l < vectors; l++)
                sum[head * vectors + l] =
                    vf_fma(weight, simd_load(type, row, l * VF_LANES), sum[head * vectors + l]);
        }
    }
    for (int head = 0; head < heads; head++) {
        for (int l = 0; l < vectors; l++)
            vf_store(y + head * ldy + l * VF_LANES, sum[head * vectors + l]);
    }
}

/* y += weight · row (D). */
SIMD_INLINE void heads_add_row(hg_dtype type, int64_t d, float weight, const void *row, float *y)
{
    const vf all = vf_set1(weight);
    int64_t j = 0;
    for (; j + VF_LANES <= d; j += VF_LANES)
        vf_store(y + j, vf_fma(all, simd_load(type, row, j), vf_load(y + j)));
    if (j < d)
        vf_store_part(y + j, d - j,
                      vf_fma(all, simd_load_part(type, row, j, d - j), vf_load_part(y + j, d - j)));
}

/* The same for heads of any length; sums are in the first-level cache. Two positions at a time would write
 * them half as often, and take twice as long: they are read side by side. */
SIMD_INLINE void heads_sums_placed(hg_dtype type, const hg_head_rows *v, const float *p, int64_t ldp,
                                   float *y, int64_t ldy)
{
    const size_t bytes = (size_t)v->d * (type == HG_DTYPE_F32 ? 4 : 2);
    for (int head = 0; head < v->heads; head++)
        memset(y + head * ldy, 0, (size_t)v->d * sizeof *y);
    for (int64_t i = 0; i < v->n; i++) {
        const int64_t later = heads_later(v, i, HEADS_VALUES_AHEAD / v->heads);
        for (int head = 0; head < v->heads; head++) {
            if (v->ask)
                simd_prefetch_lines((uintptr_t)heads_row(type, v, later, head), bytes);
            heads_add_row(type, v->d, p[head * ldp + i], heads_row(type, v, i, head), y + head * ldy);
        }
    }
}

/* The same for d that is a constant. */
SIMD_INLINE void heads_sums_known(hg_dtype type, int heads, int d, const hg_head_rows *v, const float *p,
                                  int64_t ldp, float *y, int64_t ldy)
{
    if (heads * d <= VF_KEPT * VF_LANES)
        heads_sums_kept(type, heads, d / VF_LANES, v, p, ldp, y, ldy);
    else
        heads_sums_placed(type, v, p, ldp, y, ldy);
}

/* Heads of 64, 80, 96 and 128 elements, and others. */
SIMD_INLINE void heads_sums_type(hg_dtype type, int heads, const hg_head_rows *v, const float *p, int64_t ldp,
                                 float *y, int64_t ldy)
{
    switch (v->d) {
    case 64:
        heads_sums_known(type, heads, 64, v, p, ldp, y, ldy);
        break;
    case 80:
        heads_sums_known(type, heads, 80, v, p, ldp, y, ldy);
        break;
    case 96:
        heads_sums_known(type, heads, 96, v, p, ldp, y, ldy);
        break;
    case 128:
        heads_sums_known(type, heads, 128, v, p, ldp, y, ldy);
        break;
    default:
        heads_sums_placed(type, v, p, ldp, y, ldy);
    }
}

/* One head; a block of 32 columns at a time. */
static void heads_sums_q8_0(const hg_head_rows *v, const hg_block_q8_0 *first, const float *p, float *y)
{
    for (int64_t j = 0; j < v->d; j += QUANT_RUN, first++) {
        vf sum[QUANT_VECTORS];
        for (int l = 0; l < QUANT_VECTORS; l++)
            sum[l] = vf_set1(0);
        const hg_block_q8_0 *block = first;
        for (int64_t i = 0; i < v->n; i++, block += v->ld / QUANT_RUN) {
            vf weight = vf_set1(p[i] * quant_f16(block->scale));
            vcodes codes = quant_codes(HG_DTYPE_Q8_0, block, 0);
            for (int l = 0; l < QUANT_VECTORS; l++)
                sum[l] = vf_fma(weight, vf_from_codes(codes, l), sum[l]);
        }
        for (int l = 0; l < QUANT_VECTORS; l++)
            vf_store(y + j + l * VF_LANES, sum[l]);
    }
}

static void simd_head_sums(const hg_head_rows *v, const float *p, int64_t ldp, float *y, int64_t ldy)
{
    switch (v->type) {
    case HG_DTYPE_F32:
        HEADS_FOR_COUNT(HG_DTYPE_F32, v->heads, heads_sums_type, v, p, ldp, y, ldy)
        break;
    case HG_DTYPE_F16:
        HEADS_FOR_COUNT(HG_DTYPE_F16, v->heads, heads_sums_type, v, p, ldp, y, ldy)
        break;
    case HG_DTYPE_BF16:
        HEADS_FOR_COUNT(HG_DTYPE_BF16, v->heads, heads_sums_type, v, p, ldp, y, ldy)
        break;
    case HG_DTYPE_Q8_0:
        for (int head = 0; head < v->heads; head++)
            heads_sums_q8_0(v, (const hg_block_q8_0 *)v->rows + head * v->d / QUANT_RUN, p + head * ldp,
                            y + head * ldy);
        break;
    default:
        hg_reference_head_sums(v, p, ldp, y, ldy);
    }
}

#endif
