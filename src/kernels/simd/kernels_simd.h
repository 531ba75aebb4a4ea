/* SPDX-License-Identifier: Apache-2.0
 *
 * kernels_simd.h: the kernels of all instruction sets, written once over `vf`, a vector of VF_LANES floats.
 * Included by the one .c file of each tier after its simd_*.h and blocks_*.h.
 *
 * Weight types are a constant argument of inlined functions, so each loop is compiled once per type without a
 * branch in it. A row's sum has the same order whatever rows are computed beside it. Block-quantised types
 * have a file of their own, quant_simd.h, and so has attention of one query, heads_simd.h. Values of type f64
 * go to the reference.
 */
#ifndef HG_KERNELS_KERNELS_SIMD_H
#define HG_KERNELS_KERNELS_SIMD_H

#include "kernels/reference/reference.h"
#include "kernels/simd/heads_simd.h"
#include "kernels/simd/loads_simd.h"
#include "kernels/simd/quant_simd.h"
#include "kernels/simd/simd_inline.h"
#include "kernels/simd/simd_math.h"

/* ---- types ---- */

static void simd_to_real(hg_dtype type, int64_t n, const void *from, float *to)
{
    int64_t whole = n - n % VF_LANES;
    switch (type) {
    case HG_DTYPE_F16:
        for (int64_t i = 0; i < whole; i += VF_LANES)
            vf_store(to + i, simd_load(HG_DTYPE_F16, from, i));
        break;
    case HG_DTYPE_BF16:
        for (int64_t i = 0; i < whole; i += VF_LANES)
            vf_store(to + i, simd_load(HG_DTYPE_BF16, from, i));
        break;
    default:
        if (!simd_quant_to_real(type, n, from, to))
            hg_dtype_to_real(type, n, from, to);
        return;
    }
    if (whole < n)
        vf_store_part(to + whole, n - whole, simd_load_part(type, from, whole, n - whole));
}

static void simd_from_real(hg_dtype type, int64_t n, const float *from, void *to)
{
    int64_t whole = type == HG_DTYPE_F16 ? n - n % VF_LANES : 0;
    for (int64_t i = 0; i < whole; i += VF_LANES)
        vf_store_f16((uint16_t *)to + i, vf_load(from + i));
    if (whole < n)
        hg_dtype_from_real(type, n - whole, from + whole, (uint16_t *)to + whole);
}

/* ---- few activation rows against weight rows ---- */

/* Weight rows that share each load of x, and sums per row that run side by side to cover the latency of an
 * addition. A row alone is one stream; several are as many, each of which a core needs a while to get up to
 * speed with: so long rows are read one at a time, as long as x stays in the first level of cache beside
 * them, else as many as can be. Short ones, with one row of x, go the way of a head's keys. */
typedef struct simd_matvec_shape {
    int rows, sums;
} simd_matvec_shape;

#define MATVEC_MAX_ROWS 8
#define MATVEC_MAX_SUMS 4
#define MATVEC_SHORT ((simd_matvec_shape){4, HEADS_SUMS})
#define MATVEC_LONG ((simd_matvec_shape){1, 4})
/* Eight sums in all: with vectors of 64 bytes eight rows were slower than four, with those of 32 as fast. */
#define MATVEC_LONGER ((simd_matvec_shape){64 / VF_LANES, VF_LANES / 8})
/* Bytes of a long row, and elements of a longer one: 16 KiB of x. */
#define MATVEC_LONG_BYTES 2048
#define MATVEC_LONGER_COLUMNS 4096
/* Rows of x that share each load of a weight, with half as many weight rows, as registers hold sums. Four
 * would not stay in the first level of cache. */
#define MATVEC_X 2
/* Bytes ahead that they ask for. */
#define MATVEC_AHEAD 6144

/* Rows of x, ldx apart, whose results are ldy apart. */
typedef struct simd_matvec_x {
    const float *x;
    int64_t ldx;
    float *y;
    int64_t ldy;
} simd_matvec_x;

/* Asks for what comes behind the weights of a step. Where several rows of x are multiplied with them, always,
 * and into the second-level cache: there is so much arithmetic to a byte that the processor by itself does
 * not look beyond it. */
SIMD_INLINE void simd_matvec_ask(hg_dtype type, int n_x, int n_sums, const void *w, uintptr_t ahead)
{
    if (n_x > 1)
        simd_prefetch_lines((uintptr_t)w + MATVEC_AHEAD,
                            (size_t)(n_sums * VF_LANES * (type == HG_DTYPE_F32 ? 4 : 2)));
    else
        simd_prefetch_at(w, ahead);
}

SIMD_INLINE void simd_matvec_rows(hg_dtype type, int n_rows, int n_x, int n_sums, int64_t k, const void *w,
                                  int64_t ldw, const simd_matvec_x *x, uintptr_t ahead, int64_t first)
{
    vf sum[MATVEC_MAX_ROWS][MATVEC_X][MATVEC_MAX_SUMS], part[MATVEC_X];
    const void *row[MATVEC_MAX_ROWS];
    for (int r = 0; r < n_rows; r++) {
        row[r] = simd_row(type, w, (first + r) * ldw);
        for (int t = 0; t < n_x; t++) {
            for (int s = 0; s < n_sums; s++)
                sum[r][t][s] = vf_set1(0);
        }
    }
    int64_t j = 0;
    for (; j + n_sums * VF_LANES <= k; j += n_sums * VF_LANES) {
        for (int r = 0; r < n_rows && (n_x > 1 || ahead > 0); r++)
            simd_matvec_ask(type, n_x, n_sums, simd_row(type, row[r], j), ahead);
        for (int s = 0; s < n_sums; s++) {
            for (int t = 0; t < n_x; t++)
                part[t] = vf_load(x->x + t * x->ldx + j + s * VF_LANES);
            for (int r = 0; r < n_rows; r++) {
                const vf weight = simd_load(type, row[r], j + s * VF_LANES);
                for (int t = 0; t < n_x; t++)
                    sum[r][t][s] = vf_fma(weight, part[t], sum[r][t][s]);
            }
        }
    }
    for (; j < k; j += VF_LANES) {
        const int64_t n = k - j;
        for (int t = 0; t < n_x; t++) {
            const float *at = x->x + t * x->ldx + j;
            part[t] = n < VF_LANES ? vf_load_part(at, n) : vf_load(at);
        }
        for (int r = 0; r < n_rows; r++) {
            const vf weight = n < VF_LANES ? simd_load_part(type, row[r], j, n) : simd_load(type, row[r], j);
            for (int t = 0; t < n_x; t++)
                sum[r][t][0] = vf_fma(weight, part[t], sum[r][t][0]);
        }
    }
    for (int r = 0; r < n_rows; r++) {
        for (int t = 0; t < n_x; t++) {
            for (int s = 1; s < n_sums; s++)
                sum[r][t][0] = vf_add(sum[r][t][0], sum[r][t][s]);
            x->y[t * x->ldy + first + r] = vf_sum(sum[r][t][0]);
        }
    }
}

/* What is left when weight rows do not come out even goes one row at a time, with as many sums. */
SIMD_INLINE void simd_matvec_shaped(hg_dtype type, simd_matvec_shape shape, int64_t n, int64_t k,
                                    const void *w, int64_t ldw, int n_x, const simd_matvec_x *x,
                                    uintptr_t ahead)
{
    const int rows = n_x == 1 ? shape.rows : (shape.rows + 1) / 2;
    int64_t i = 0;
    for (; i + rows <= n; i += rows)
        simd_matvec_rows(type, rows, n_x, shape.sums, k, w, ldw, x, ahead, i);
    for (; i < n; i++)
        simd_matvec_rows(type, 1, n_x, shape.sums, k, w, ldw, x, ahead, i);
}

SIMD_INLINE void simd_matvec_type(hg_dtype type, int64_t n, int64_t k, const void *w, int64_t ldw, int n_x,
                                  const simd_matvec_x *x, bool ask)
{
    const bool is_short = k * (type == HG_DTYPE_F32 ? 4 : 2) < MATVEC_LONG_BYTES;
    if (is_short && n_x == 1)
        heads_scores_type(type, 1, &(hg_head_rows){type, n, 1, k, w, ldw, ask}, x->x, 0, x->y, 0);
    else if (is_short)
        simd_matvec_shaped(type, MATVEC_SHORT, n, k, w, ldw, n_x, x, 0);
    else if (k <= MATVEC_LONGER_COLUMNS)
        simd_matvec_shaped(type, MATVEC_LONG, n, k, w, ldw, n_x, x, ask ? SIMD_AHEAD : 0);
    else
        simd_matvec_shaped(type, MATVEC_LONGER, n, k, w, ldw, n_x, x, ask ? SIMD_AHEAD : 0);
}

/* One or MATVEC_X rows of x; with blocks one after the other. */
SIMD_INLINE void simd_matvec_few(hg_dtype type, int64_t n, int64_t k, const void *w, int64_t ldw, int n_x,
                                 const simd_matvec_x *x, bool ask)
{
    switch (type) {
    case HG_DTYPE_F32:
        simd_matvec_type(HG_DTYPE_F32, n, k, w, ldw, n_x, x, ask);
        break;
    case HG_DTYPE_F16:
        simd_matvec_type(HG_DTYPE_F16, n, k, w, ldw, n_x, x, ask);
        break;
    case HG_DTYPE_BF16:
        simd_matvec_type(HG_DTYPE_BF16, n, k, w, ldw, n_x, x, ask);
        break;
    default:
        for (int t = 0; t < n_x; t++) {
            if (!simd_quant_matvec(type, n, k, w, ldw, x->x + t * x->ldx, x->y + t * x->ldy))
                hg_reference_matvec(type, n, k, w, ldw, x->x + t * x->ldx, ask, x->y + t * x->ldy);
        }
    }
}

static void simd_matvec(hg_dtype type, int64_t n, int64_t k, const void *w, int64_t ldw, const float *x,
                        bool ask, float *y)
{
    simd_matvec_few(type, n, k, w, ldw, 1, &(simd_matvec_x){x, 0, y, 0}, ask);
}

static void simd_matvecs(hg_dtype type, int64_t n, int64_t k, const void *w, int64_t ldw, int64_t n_x,
                         const float *x, int64_t ldx, bool ask, float *y, int64_t ldy)
{
    for (int64_t t = 0; t < n_x; t += MATVEC_X) {
        const simd_matvec_x at = {x + t * ldx, ldx, y + t * ldy, ldy};
        if (t + MATVEC_X <= n_x)
            simd_matvec_few(type, n, k, w, ldw, MATVEC_X, &at, ask);
        else
            simd_matvec_few(type, n, k, w, ldw, 1, &at, ask);
    }
}

/* ---- normalisations ---- */

/* Sum of (x - mean), or of its squares. Lanes past the end would add -mean: they are left out by scalar code.
 */
SIMD_INLINE float simd_sum(int64_t n, const float *x, float mean, bool squares)
{
    vf lane[2] = {vf_set1(0), vf_set1(0)}, shift = vf_set1(mean);
    int64_t i = 0;
    for (; i + 2 * VF_LANES <= n; i += 2 * VF_LANES) {
        for (int l = 0; l < 2; l++) {
            vf d = vf_sub(vf_load(x + i + l * VF_LANES), shift);
            lane[l] = squares ? vf_fma(d, d, lane[l]) : vf_add(lane[l], d);
        }
    }
    float sum = vf_sum(vf_add(lane[0], lane[1]));
    for (; i < n; i++) {
        float d = x[i] - mean;
        sum += squares ? d * d : d;
    }
    return sum;
}

static void simd_rmsnorm(int64_t n, float eps, const float *x, const float *gain, float *y)
{
    float r = 1 / sqrtf(simd_sum(n, x, 0, true) / (float)n + eps);
    vf scale = vf_set1(r);
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES)
        vf_store(y + i, vf_mul(vf_mul(vf_load(x + i), scale), vf_load(gain + i)));
    for (; i < n; i++)
        y[i] = x[i] * r * gain[i];
}

static void simd_layernorm(int64_t n, float eps, const float *x, const float *gain, const float *bias,
                           float *y)
{
    float mean = simd_sum(n, x, 0, false) / (float)n;
    float r = 1 / sqrtf(simd_sum(n, x, mean, true) / (float)n + eps);
    vf scale = vf_set1(r), shift = vf_set1(mean);
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
        vf norm = vf_mul(vf_sub(vf_load(x + i), shift), scale);
        vf_store(y + i, vf_fma(norm, vf_load(gain + i), vf_load(bias + i)));
    }
    for (; i < n; i++)
        y[i] = (x[i] - mean) * r * gain[i] + bias[i];
}

/* Vectors of columns whose sums are in registers while rows pass. */
#define SUM_VECTORS 4

SIMD_INLINE void simd_sum_columns(int vectors, int64_t n, int64_t c, const float *x, float *sum,
                                  float *square)
{
    vf s[SUM_VECTORS], q[SUM_VECTORS];
    for (int l = 0; l < vectors; l++)
        s[l] = q[l] = vf_set1(0);
    for (int64_t i = 0; i < n; i++, x += c) {
        for (int l = 0; l < vectors; l++) {
            const vf here = vf_load(x + l * VF_LANES);
            s[l] = vf_add(s[l], here);
            q[l] = vf_fma(here, here, q[l]);
        }
    }
    for (int l = 0; l < vectors; l++) {
        vf_store(sum + l * VF_LANES, s[l]);
        vf_store(square + l * VF_LANES, q[l]);
    }
}

static void simd_column_sums(int64_t n, int64_t c, const float *x, float *sum, float *square)
{
    int64_t j = 0;
    for (; j + SUM_VECTORS * VF_LANES <= c; j += SUM_VECTORS * VF_LANES)
        simd_sum_columns(SUM_VECTORS, n, c, x + j, sum + j, square + j);
    for (; j + VF_LANES <= c; j += VF_LANES)
        simd_sum_columns(1, n, c, x + j, sum + j, square + j);
    if (j == c)
        return;
    vf s = vf_set1(0), q = vf_set1(0);
    for (int64_t i = 0; i < n; i++) {
        const vf here = vf_load_part(x + i * c + j, c - j);
        s = vf_add(s, here);
        q = vf_fma(here, here, q);
    }
    vf_store_part(sum + j, c - j, s);
    vf_store_part(square + j, c - j, q);
}

/* x = scale · x; returns its largest element. */
SIMD_INLINE float simd_scale_max(int64_t n, float scale, float *x)
{
    vf most = vf_set1(-HUGE_VALF), factor = vf_set1(scale);
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES) {
        vf scaled = vf_mul(vf_load(x + i), factor);
        vf_store(x + i, scaled);
        most = vf_max(most, scaled);
    }
    float lane[VF_LANES], max = -HUGE_VALF;
    vf_store(lane, most);
    for (int l = 0; l < VF_LANES; l++)
        max = lane[l] > max ? lane[l] : max;
    for (; i < n; i++) {
        x[i] *= scale;
        max = x[i] > max ? x[i] : max;
    }
    return max;
}

/* x = exp(x - shift); returns the sum. */
SIMD_INLINE float simd_exp_sum(int64_t n, float shift, float *x)
{
    vf total = vf_set1(0), all = vf_set1(shift);
    float sum = 0;
    int64_t whole = n - n % VF_LANES;
    for (int64_t i = 0; i < whole; i += VF_LANES) {
        vf e = vf_exp(vf_sub(vf_load(x + i), all));
        vf_store(x + i, e);
        total = vf_add(total, e);
    }
    if (whole < n)
        vf_store_part(x + whole, n - whole, vf_exp(vf_sub(vf_load_part(x + whole, n - whole), all)));
    for (int64_t i = whole; i < n; i++)
        sum += x[i];
    return sum + vf_sum(total);
}

static void simd_softmax(int64_t n, float scale, float *x)
{
    float max = simd_scale_max(n, scale, x), factor = 1 / simd_exp_sum(n, max, x);
    for (int64_t i = 0; i < n; i++)
        x[i] *= factor;
}

static float simd_softmax_part(int64_t n, float scale, float *x, float *max, float *sum)
{
    float here = simd_scale_max(n, scale, x), most = here > *max ? here : *max;
    float part = simd_exp_sum(n, most, x), factor = expf(*max - most);
    *sum = *sum * factor + part;
    *max = most;
    return factor;
}

/* ---- activations ---- */

/* y = f(x) over n elements; f has only its own lane in view, so the last lanes may be anything. */
#define SIMD_ELEMENTWISE(name, f)                                                                            \
    static void name(int64_t n, const float *x, float *y)                                                    \
    {                                                                                                        \
        int64_t i = 0;                                                                                       \
        for (; i + VF_LANES <= n; i += VF_LANES)                                                             \
            vf_store(y + i, f(vf_load(x + i)));                                                              \
        if (i < n)                                                                                           \
            vf_store_part(y + i, n - i, f(vf_load_part(x + i, n - i)));                                      \
    }

SIMD_INLINE vf simd_silu_lanes(vf x)
{
    return vf_silu(x, 1.0F);
}

SIMD_INLINE vf simd_quick_gelu_lanes(vf x)
{
    return vf_silu(x, 1.702F);
}

SIMD_ELEMENTWISE(simd_silu, simd_silu_lanes)
SIMD_ELEMENTWISE(simd_quick_gelu, simd_quick_gelu_lanes)
SIMD_ELEMENTWISE(simd_gelu, vf_gelu)

static void simd_swiglu(int64_t n, const float *gate, const float *up, float *y)
{
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES)
        vf_store(y + i, vf_mul(vf_load(up + i), vf_silu(vf_load(gate + i), 1.0F)));
    if (i < n)
        vf_store_part(y + i, n - i,
                      vf_mul(vf_load_part(up + i, n - i), vf_silu(vf_load_part(gate + i, n - i), 1.0F)));
}

static void simd_scale(int64_t n, float factor, const float *x, float *y)
{
    const vf factors = vf_set1(factor);
    int64_t i = 0;
    for (; i + VF_LANES <= n; i += VF_LANES)
        vf_store(y + i, vf_mul(vf_load(x + i), factors));
    if (i < n)
        vf_store_part(y + i, n - i, vf_mul(vf_load_part(x + i, n - i), factors));
}

/* Two products and a sum that are rounded one by one, as the reference's. */
SIMD_INLINE void simd_rotate_lanes(const vf x[2], vf cosine, vf sine, vf y[2])
{
    y[0] = vf_sub(vf_mul(x[0], cosine), vf_mul(x[1], sine));
    y[1] = vf_add(vf_mul(x[1], cosine), vf_mul(x[0], sine));
}

static void simd_rotate(int64_t n, const float *table, const float *x, float *y)
{
    vf turned[2];
    int64_t j = 0;
    for (; j + VF_LANES <= n; j += VF_LANES) {
        const vf pairs[2] = {vf_load(x + j), vf_load(x + n + j)};
        simd_rotate_lanes(pairs, vf_load(table + j), vf_load(table + n + j), turned);
        vf_store(y + j, turned[0]);
        vf_store(y + n + j, turned[1]);
    }
    if (j == n)
        return;
    const vf pairs[2] = {vf_load_part(x + j, n - j), vf_load_part(x + n + j, n - j)};
    simd_rotate_lanes(pairs, vf_load_part(table + j, n - j), vf_load_part(table + n + j, n - j), turned);
    vf_store_part(y + j, n - j, turned[0]);
    vf_store_part(y + n + j, n - j, turned[1]);
}

/* What a vector of elements adds to the gradients of gate and up. */
SIMD_INLINE void simd_swiglu_slopes(vf gate, vf up, vf dy, vf *to_gate, vf *to_up)
{
    vf one = vf_set1(1.0F);
    vf s = vf_div(one, vf_add(one, vf_exp(vf_sub(vf_set1(0.0F), gate)))), silu = vf_mul(gate, s);
    *to_up = vf_mul(dy, silu);
    *to_gate = vf_mul(vf_mul(dy, up), vf_fma(silu, vf_sub(one, s), s));
}

static void simd_swiglu_backward(int64_t n, const float *gate, const float *up, const float *dy, float *dgate,
                                 float *dup)
{
    int64_t i = 0;
    vf to_gate, to_up;
    for (; i + VF_LANES <= n; i += VF_LANES) {
        simd_swiglu_slopes(vf_load(gate + i), vf_load(up + i), vf_load(dy + i), &to_gate, &to_up);
        if (dup != NULL)
            vf_store(dup + i, vf_add(vf_load(dup + i), to_up));
        if (dgate != NULL)
            vf_store(dgate + i, vf_add(vf_load(dgate + i), to_gate));
    }
    if (i < n)
        hg_reference_swiglu_backward(n - i, gate + i, up + i, dy + i, dgate == NULL ? NULL : dgate + i,
                                     dup == NULL ? NULL : dup + i);
}

static void simd_set(hg_kernels *table)
{
    table->to_real = simd_to_real;
    table->from_real = simd_from_real;
    table->matvec = simd_matvec;
    table->matvecs = simd_matvecs;
    table->head_scores = simd_head_scores;
    table->head_sums = simd_head_sums;
    table->rmsnorm = simd_rmsnorm;
    table->layernorm = simd_layernorm;
    table->softmax = simd_softmax;
    table->column_sums = simd_column_sums;
    table->softmax_part = simd_softmax_part;
    table->scale = simd_scale;
    table->rotate = simd_rotate;
    table->silu = simd_silu;
    table->swiglu = simd_swiglu;
    table->swiglu_backward = simd_swiglu_backward;
    table->gelu = simd_gelu;
    table->quick_gelu = simd_quick_gelu;
}

#endif
