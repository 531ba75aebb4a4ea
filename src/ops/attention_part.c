/* SPDX-License-Identifier: Apache-2.0
 *
 * attention_part.c: one gemm each; rows that are of another type are converted first.
 */
#include "ops/attention_part.h"

#include "ops/bf16_row.h"

/* Fewer queries are not worth the conversions. */
#define PART_MANY_QUERIES 32

bool hg_attention_wants_bf16(const hg_ctx *ctx, int64_t n_queries, const hg_tensor *k)
{
    return ctx->kernels->fast_bf16 && ctx->compute == HG_COMPUTE_INFER && ctx->tape == NULL &&
           n_queries >= PART_MANY_QUERIES && k->dtype != HG_DTYPE_REAL && k->dtype != HG_DTYPE_F32;
}

/* ---- float32 ---- */

/* A head of the keys' rows of x as activations; *ld gets the elements between them. */
static const hg_real *part_rows(const hg_attention_part *part, const hg_tensor *x, const hg_key_part *keys,
                                int64_t *ld)
{
    if (x->dtype == HG_DTYPE_REAL) {
        *ld = x->stride[0];
        return hg_attention_head(x, keys->row, part->group);
    }
    const int64_t d = hg_attention_dim(x), n = keys->end - keys->begin, times = x->stride[0] == d ? 1 : n;
    for (int64_t i = 0; i < times; i++) /* all at once where they lie together */
        part->kernels->to_real(x->dtype, n / times * d, hg_attention_head(x, keys->row + i, part->group),
                               part->rows + i * d);
    *ld = d;
    return part->rows;
}

static void scores_f32(const hg_attention_part *part, const hg_key_part *keys, hg_real *p)
{
    hg_gemm_shape s = {.trans_b = true,
                       .m = part->count,
                       .n = keys->end - keys->begin,
                       .k = part->q->shape[2],
                       .lda = part->q->stride[0],
                       .ldc = HG_KEY_ROW};
    const hg_real *k = part_rows(part, part->k, keys, &s.ldb);
    part->kernels->gemm(&s, hg_attention_head(part->q, part->first, part->head), k, 0, p);
}

static void mix_f32(const hg_attention_part *part, const hg_key_part *keys, const hg_real *p, bool add)
{
    const int64_t d = hg_attention_dim(part->v);
    hg_gemm_shape s = {.m = part->count, .n = d, .k = keys->end - keys->begin, .lda = HG_KEY_ROW, .ldc = d};
    const hg_real *v = part_rows(part, part->v, keys, &s.ldb);
    part->kernels->gemm(&s, p, v, add ? 1 : 0, part->mixed);
}

/* ---- bf16 ---- */

static const uint16_t *part_rows_bf16(const hg_attention_part *part, const hg_tensor *x,
                                      const hg_key_part *keys, int64_t *ld)
{
    return hg_bf16_rows(part->kernels, x->dtype, keys->end - keys->begin, hg_attention_dim(x),
                        hg_attention_head(x, keys->row, part->group), x->stride[0], (uint16_t *)part->rows,
                        ld);
}

static void scores_bf16(const hg_attention_part *part, const hg_key_part *keys, hg_real *p)
{
    hg_bf16_product s = {.m = part->count,
                         .n = keys->end - keys->begin,
                         .k = part->q->shape[2],
                         .ldx = part->q->shape[2],
                         .ldy = HG_KEY_ROW_BF16};
    const uint16_t *k = part_rows_bf16(part, part->k, keys, &s.ldw);
    part->kernels->gemm_bf16(&s, part->queries, k, NULL, p);
}

static void mix_bf16(const hg_attention_part *part, const hg_key_part *keys, bool add)
{
    const int64_t d = hg_attention_dim(part->v);
    hg_bf16_product s = {.m = part->count,
                         .n = d,
                         .k = keys->end - keys->begin,
                         .ldx = HG_KEY_ROW_BF16,
                         .ldy = d,
                         .plain_w = true,
                         .end = add ? HG_BF16_END_ADD : HG_BF16_END_STORE};
    const uint16_t *v = part_rows_bf16(part, part->v, keys, &s.ldw);
    part->kernels->gemm_bf16(&s, part->weights, v, NULL, part->mixed);
}

/* ---- either ---- */

int64_t hg_attention_part_scratch(bool bf16, int64_t d)
{
    const int64_t rows = (hg_query_block(bf16) + hg_key_block(bf16)) * d, queries = HG_QUERY_BLOCK_BF16 * d;
    return bf16 ? rows + (queries + HG_QUERY_BLOCK_BF16 * HG_KEY_ROW_BF16 + 1) / 2 : rows;
}

void hg_attention_part_begin(hg_attention_part *part, hg_real *scratch)
{
    const int64_t d = part->q->shape[2];
    part->mixed = scratch;
    part->rows = scratch + hg_query_block(part->bf16) * d;
    if (!part->bf16)
        return;
    part->queries = (uint16_t *)(part->rows + HG_KEY_BLOCK_BF16 * d);
    part->weights = part->queries + HG_QUERY_BLOCK_BF16 * d;
    for (int64_t i = 0; i < part->count; i++)
        part->kernels->to_bf16(HG_DTYPE_REAL, d, hg_attention_head(part->q, part->first + i, part->head),
                               part->queries + i * d);
}

void hg_attention_scores(const hg_attention_part *part, const hg_key_part *keys, hg_real *p)
{
    if (part->bf16)
        scores_bf16(part, keys, p);
    else
        scores_f32(part, keys, p);
}

hg_real hg_attention_weigh(const hg_attention_part *part, int64_t query, const hg_key_range *seen, int64_t n,
                           hg_real scale, hg_real *p, hg_real *max, hg_real *sum)
{
    const int64_t begin = seen->begin, count = seen->end - begin;
    if (!part->bf16) {
        memset(p, 0, (size_t)begin * sizeof *p);
        memset(p + seen->end, 0, (size_t)(n - seen->end) * sizeof *p);
        return count > 0 ? part->kernels->softmax_part(count, scale, p + begin, max, sum) : 1;
    }
    uint16_t *weights = part->weights + query * HG_KEY_ROW_BF16;
    memset(weights, 0, (size_t)begin * sizeof *weights);
    memset(weights + seen->end, 0, (size_t)(n - seen->end) * sizeof *weights);
    return count > 0 ? part->kernels->softmax_part_bf16(count, scale, p + begin, max, sum, weights + begin)
                     : 1;
}

void hg_attention_mix(const hg_attention_part *part, const hg_key_part *keys, const hg_real *p, bool add)
{
    if (part->bf16)
        mix_bf16(part, keys, add);
    else
        mix_f32(part, keys, p, add);
}
