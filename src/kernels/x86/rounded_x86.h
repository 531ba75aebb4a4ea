/* SPDX-License-Identifier: Apache-2.0
 *
 * rounded_x86.h: products of block-quantised weights with rounded activations in all x86 tiers, written once
 * over `vb`, a vector of VB_BYTES bytes, and `vf`, its lanes as floats. Included by the one .c file of each
 * tier after its simd_*.h and bytes_*.h.
 *
 * Few rows of x: each weight row is read once, front to back, and taken apart in registers; lanes of the sums
 * run along the row. Many rows: panels of VF_LANES weight rows are unpacked to scratch with four codes of
 * each row side by side, so that lanes of the sums are rows of weights and nothing is added up across lanes;
 * tiles of two panels by ROUNDED_TILE_ROWS rows of x then stay in registers from the first weight to the
 * last.
 */
#ifndef HG_KERNELS_ROUNDED_X86_H
#define HG_KERNELS_ROUNDED_X86_H

#include "kernels/kernels.h"
#include "kernels/simd/simd_types.h"

/* Codes are multiplied as unsigned bytes, code + 2^k: k; -1 where they are used as they are. */
X86_INLINE int rounded_offset(hg_dtype type)
{
    switch (type) {
    case HG_DTYPE_Q8_0:
        return VB_SATURATES ? -1 : 7;
    case HG_DTYPE_Q4_0:
        return 3;
    case HG_DTYPE_Q6_K:
        return 5;
    default:
        return -1;
    }
}

/* What a sum begins with, so that the offset is gone at its end; `minus` holds minus the sums of x. */
X86_INLINE vb rounded_begin(hg_dtype type, vb minus)
{
    return rounded_offset(type) < 0 ? vb_zero() : vb_shift_left(minus, rounded_offset(type));
}

/* Whether all products of a group of 32 columns are added up in 16 bits, two sums in each lane, where pairs
 * of products pass through 16 bits anyway: 16 products of 15 · 127 fit. */
X86_INLINE bool rounded_short(hg_dtype type)
{
    return VB_SATURATES && (type == HG_DTYPE_Q4_0 || type == HG_DTYPE_Q4_K);
}

/* A group's sum of products: begin, then a product of fours for every four columns, then end. `begin`: what
 * the sum is to begin with. */
X86_INLINE vb rounded_dot_begin(hg_dtype type, vb begin)
{
    return rounded_short(type) ? vb_zero() : begin;
}

X86_INLINE vb rounded_dot(hg_dtype type, vb sum, vb w, vb x)
{
    return rounded_short(type) ? vb_dot_short(sum, w, x) : vb_dot(type, sum, w, x);
}

X86_INLINE vb rounded_dot_end(hg_dtype type, vb begin, vb sum)
{
    return rounded_short(type) ? vb_add_wider(begin, sum) : sum;
}

X86_INLINE int64_t rounded_row_bytes(hg_dtype type, int64_t elements)
{
    return elements / quant_block(type) * quant_block_bytes(type);
}

/* ---- few rows of x ---- */

#define ROUNDED_FEW 4 /* rows of x that share a pass over a weight row */
/* Bytes ahead that are asked for: one stream, which the hardware's own prefetch leaves at the end of a page.
 */
#define ROUNDED_AHEAD 8192
#define ROUNDED_CHAINS 2 /* sums of one row that run side by side */

typedef struct rounded_sum {
    vf lanes[ROUNDED_CHAINS];
    __m256 minima; /* what is to be subtracted; of q4_0 (four blocks at once) an eighth of it */
} rounded_sum;

/* One unit of a weight row, which begins at column j, for n_x rows of x. Steps go to the chains in turn, the
 * first to `chain`. */
X86_INLINE void rounded_add_unit(hg_dtype type, int n_x, const void *unit, const hg_rounded *x, int64_t j,
                                 bool whole, int chain, rounded_sum *sum)
{
    __m256 minima = _mm256_setzero_ps();
    rounded_scales weight = rounded_take_scales(type, unit, whole, &minima), product[ROUNDED_FEW];
    for (int t = 0; t < n_x; t++) {
        int64_t run = (t * x->k + j) / HG_ROUNDED_RUN;
        product[t] = rounded_times(type, weight, x->scales + run, whole);
        if (type == HG_DTYPE_Q4_K)
            sum[t].minima = _mm256_fmadd_ps(minima, _mm256_loadu_ps(x->sums + run), sum[t].minima);
    }
    for (int step = 0; step < rounded_unit(type) / VB_BYTES; step++) {
        vb codes = rounded_raw_codes(type, unit, step, whole);
        for (int t = 0; t < n_x; t++) {
            int64_t at = t * x->k + j + step * VB_BYTES;
            vb begin = rounded_offset(type) < 0 ? vb_zero() : rounded_load_x(x->minus_4 + at / 4, whole);
            vb dot = vb_dot(type, rounded_begin(type, begin), codes, rounded_load_x(x->codes + at, whole));
            vf *lanes = &sum[t].lanes[(step + chain) % ROUNDED_CHAINS];
            *lanes = vf_fma(vb_to_float(dot), rounded_lanes(type, &product[t], step), *lanes);
        }
    }
}

X86_INLINE float rounded_finish(hg_dtype type, const rounded_sum *sum)
{
    float total = vf_sum(vf_add(sum->lanes[0], sum->lanes[1]));
    if (type != HG_DTYPE_Q4_K && type != HG_DTYPE_Q4_0)
        return total;
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(sum->minima), _mm256_extractf128_ps(sum->minima, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return total -
           (type == HG_DTYPE_Q4_0 ? 8.0F : 1.0F) * _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
}

#ifdef ROUNDED_HAS_FOUR
/* Eight blocks of q4_0, four to each chain. */
X86_INLINE void rounded_add_fours(int n_x, const uint8_t *w, const hg_rounded *x, int64_t j, rounded_sum *sum)
{
    for (int chain = 0; chain < 2; chain++, w += 4 * sizeof(hg_block_q4_0), j += 128) {
        const vb words[2] = {vb_load(w), _mm512_castsi128_si512(_mm_loadl_epi64((const __m128i *)(w + 64)))};
        for (int t = 0; t < n_x; t++) {
            int64_t at = t * x->k + j;
            __m128 minima = _mm256_castps256_ps128(sum[t].minima);
            four_add(words, x->codes + at, x->scales + at / 32, x->sums + at / 32, &sum[t].lanes[chain],
                     &minima);
            sum[t].minima = _mm256_zextps128_ps256(minima);
        }
    }
}
#endif

X86_INLINE void rounded_prefetch(const uint8_t *w, int64_t bytes)
{
    simd_prefetch_lines((uintptr_t)w + ROUNDED_AHEAD, (size_t)bytes);
}

/* One weight row. */
X86_INLINE void rounded_row(hg_dtype type, int n_x, const uint8_t *w, const hg_rounded *x, bool add, float *y,
                            int64_t ldy)
{
    rounded_sum sum[ROUNDED_FEW];
    for (int t = 0; t < n_x; t++)
        sum[t] = (rounded_sum){{vf_set1(0), vf_set1(0)}, _mm256_setzero_ps()};
    const int64_t unit = rounded_unit(type), bytes = rounded_row_bytes(type, unit);
    int64_t j = 0;
#ifdef ROUNDED_HAS_FOUR
    for (; type == HG_DTYPE_Q4_0 && j + 256 <= x->k; j += 256, w += rounded_row_bytes(type, 256)) {
        rounded_prefetch(w, rounded_row_bytes(type, 256));
        rounded_add_fours(n_x, w, x, j, sum);
    }
#endif
    for (; j + 2 * unit <= x->k; j += 2 * unit, w += 2 * bytes) {
        rounded_prefetch(w, 2 * bytes);
        rounded_add_unit(type, n_x, w, x, j, true, 0, sum);
        rounded_add_unit(type, n_x, w + bytes, x, j + unit, true, 1, sum);
    }
    if (j + unit <= x->k) {
        rounded_add_unit(type, n_x, w, x, j, true, 0, sum);
        j += unit;
        w += bytes;
    }
    if (j < x->k) /* half a unit of two blocks */
        rounded_add_unit(type, n_x, w, x, j, false, 1, sum);
    for (int t = 0; t < n_x; t++) {
        float total = rounded_finish(type, &sum[t]);
        y[t * ldy] = add ? total + y[t * ldy] : total;
    }
}

X86_INLINE void rounded_matvec_type(hg_dtype type, int64_t n, const uint8_t *w, int64_t ldw,
                                    const hg_rounded *x, bool add, float *y, int64_t ldy)
{
    int64_t row_bytes = rounded_row_bytes(type, ldw);
    for (int64_t i = 0; i < n; i++) {
        for (int64_t t = 0; t < x->t; t += ROUNDED_FEW) {
            hg_rounded rows = hg_rounded_rows(x, t, x->t - t);
            float *at = y + t * ldy + i;
            switch (rows.t) {
            case 1:
                rounded_row(type, 1, w + i * row_bytes, &rows, add, at, ldy);
                break;
            case 2:
                rounded_row(type, 2, w + i * row_bytes, &rows, add, at, ldy);
                break;
            case 3:
                rounded_row(type, 3, w + i * row_bytes, &rows, add, at, ldy);
                break;
            default:
                rounded_row(type, 4, w + i * row_bytes, &rows, add, at, ldy);
            }
        }
    }
}

static void rounded_matvec(hg_dtype type, int64_t n, const void *w, int64_t ldw, const hg_rounded *x,
                           bool add, float *y, int64_t ldy)
{
    SIMD_FOR_TYPE(type, rounded_matvec_type, n, w, ldw, x, add, y, ldy)
}

/* ---- many rows of x ---- */

/* Unpacked weights: VF_LANES rows, side by side. */
typedef struct rounded_panel {
    uint8_t *codes; /* (K / 4, VF_LANES, 4) */
    float *scales;  /* (K / group, VF_LANES) */
    float *minima;  /* (K / 32, VF_LANES), negative; q4_k only */
} rounded_panel;

/* Weights that share a scale. */
X86_INLINE int rounded_group(hg_dtype type)
{
    return type == HG_DTYPE_Q6_K ? 16 : 32;
}

X86_INLINE rounded_panel rounded_panel_at(void *scratch, int64_t k, int64_t index)
{
    int64_t bytes = VF_LANES * (k + k / 16 * 4 + k / 32 * 4);
    uint8_t *codes = (uint8_t *)scratch + index * bytes;
    float *scales = (float *)(void *)(codes + VF_LANES * k);
    return (rounded_panel){codes, scales, scales + VF_LANES * (k / 16)};
}

/* Scales and minima of one row into its lane. */
X86_INLINE void rounded_pack_scales(hg_dtype type, int64_t k, const uint8_t *row, rounded_panel *p, int lane)
{
    const int64_t block = quant_block(type);
    for (int64_t j = 0; j < k; j += block, row += quant_block_bytes(type)) {
        quant_scales s;
        quant_take_scales(type, row, &s);
        for (int64_t run = 0; run < block / QUANT_RUN; run++) {
            int64_t at = j / QUANT_RUN + run;
            if (type == HG_DTYPE_Q6_K) {
                p->scales[2 * at * VF_LANES + lane] = s.scale[2 * run];
                p->scales[(2 * at + 1) * VF_LANES + lane] = s.scale[2 * run + 1];
            } else {
                p->scales[at * VF_LANES + lane] = s.scale[2 * run];
            }
            if (type == HG_DTYPE_Q4_K)
                p->minima[at * VF_LANES + lane] = -s.minimum[run];
        }
    }
}

/* VB_BYTES columns (half of them when not whole) of `rows` rows, from their units on. */
X86_INLINE void rounded_pack_step(hg_dtype type, int rows, const uint8_t *unit, int64_t row_bytes, int step,
                                  bool whole, uint8_t *codes)
{
    vb all[VF_LANES];
    for (int r = 0; r < VF_LANES; r++)
        all[r] = r < rows ? rounded_codes(type, unit + r * row_bytes, step, whole) : vb_zero();
    vb_transpose(all);
    for (int i = 0; i < (whole ? VF_LANES : VF_LANES / 2); i++)
        vb_store(codes + i * VB_BYTES, all[i]);
}

X86_INLINE void rounded_pack(hg_dtype type, int rows, int64_t k, const uint8_t *w, int64_t row_bytes,
                             rounded_panel *p)
{
    for (int r = 0; r < VF_LANES; r++) {
        if (r < rows)
            rounded_pack_scales(type, k, w + r * row_bytes, p, r);
    }
    const int64_t unit = rounded_unit(type), bytes = rounded_row_bytes(type, unit), whole = k / unit * unit;
    uint8_t *codes = p->codes;
    for (int64_t j = 0; j < whole; j += unit, w += bytes) {
        for (int step = 0; step < unit / VB_BYTES; step++, codes += VB_BYTES * VF_LANES)
            rounded_pack_step(type, rows, w, row_bytes, step, true, codes);
    }
    if (whole < k)
        rounded_pack_step(type, rows, w, row_bytes, 0, false, codes);
}

/* Where a tile's results go: columns of both panels, of which n are wanted. */
typedef struct rounded_out {
    float *y;
    int64_t ldy, n;
    bool add;
} rounded_out;

X86_INLINE void rounded_store(const rounded_out *out, int64_t row, int panel, vf x)
{
    int64_t n = out->n - panel * VF_LANES;
    float *y = out->y + row * out->ldy + panel * VF_LANES;
    if (n >= VF_LANES)
        vf_store(y, out->add ? vf_add(x, vf_load(y)) : x);
    else if (n > 0)
        vf_store_part(y, n, out->add ? vf_add(x, vf_load_part(y, n)) : x);
}

/* What the sums of row t of x begin with in the group at column j. */
X86_INLINE vb rounded_group_begin(hg_dtype type, const hg_rounded *x, int64_t t, int64_t j)
{
    const int group = rounded_group(type);
    if (rounded_offset(type) < 0)
        return vb_zero();
    return rounded_begin(type, vb_lanes((group == 16 ? x->minus_16 : x->minus_32) + (t * x->k + j) / group));
}

/* One group of weights of two panels times n_x rows of x; j is the group's first column. */
X86_INLINE void rounded_add_group(hg_dtype type, int n_x, const rounded_panel p[2], const hg_rounded *x,
                                  int64_t j, vf (*sum)[2])
{
    const int group = rounded_group(type);
    vb dot[ROUNDED_TILE_ROWS][2];
    for (int t = 0; t < n_x; t++)
        dot[t][0] = dot[t][1] = rounded_dot_begin(type, rounded_group_begin(type, x, t, j));
#pragma GCC unroll 2 /* all at once would not leave the sums in registers */
    for (int i = 0; i < group; i += 4) {
        vb first = vb_load(p[0].codes + (j + i) * VF_LANES),
           second = vb_load(p[1].codes + (j + i) * VF_LANES);
        for (int t = 0; t < n_x; t++) {
            vb four = vb_lanes(x->codes + t * x->k + j + i);
            dot[t][0] = rounded_dot(type, dot[t][0], first, four);
            dot[t][1] = rounded_dot(type, dot[t][1], second, four);
        }
    }
    for (int t = 0; t < n_x; t++) {
        const vb begin = rounded_group_begin(type, x, t, j);
        dot[t][0] = rounded_dot_end(type, begin, dot[t][0]);
        dot[t][1] = rounded_dot_end(type, begin, dot[t][1]);
    }
    for (int l = 0; l < 2; l++) {
        vf scale = vf_load(p[l].scales + j / group * VF_LANES);
        for (int t = 0; t < n_x; t++) {
            vf both = vf_mul(vf_set1(x->scales[t * (x->k / 32) + j / 32]), scale);
            sum[t][l] = vf_fma(vb_to_float(dot[t][l]), both, sum[t][l]);
        }
        for (int t = 0; t < n_x && type == HG_DTYPE_Q4_K; t++)
            sum[t][l] = vf_fma(vf_load(p[l].minima + j / 32 * VF_LANES),
                               vf_set1(x->sums[t * (x->k / 32) + j / 32]), sum[t][l]);
    }
}

X86_INLINE void rounded_tile(hg_dtype type, int n_x, const rounded_panel p[2], const hg_rounded *x,
                             int64_t row, const rounded_out *out)
{
    hg_rounded rows = hg_rounded_rows(x, row, n_x);
    vf sum[ROUNDED_TILE_ROWS][2];
    for (int t = 0; t < n_x; t++)
        sum[t][0] = sum[t][1] = vf_set1(0);
    for (int64_t j = 0; j < x->k; j += rounded_group(type))
        rounded_add_group(type, n_x, p, &rows, j, sum);
    for (int t = 0; t < n_x; t++) {
        rounded_store(out, row + t, 0, sum[t][0]);
        rounded_store(out, row + t, 1, sum[t][1]);
    }
}

/* Two panels times all rows of x. What is left over by whole tiles goes row by row. */
X86_INLINE void rounded_panels(hg_dtype type, const rounded_panel p[2], const hg_rounded *x,
                               const rounded_out *out)
{
    int64_t t = 0;
    for (; t + ROUNDED_TILE_ROWS <= x->t; t += ROUNDED_TILE_ROWS)
        rounded_tile(type, ROUNDED_TILE_ROWS, p, x, t, out);
    for (; t + 2 <= x->t; t += 2)
        rounded_tile(type, 2, p, x, t, out);
    if (t < x->t)
        rounded_tile(type, 1, p, x, t, out);
}

X86_INLINE void rounded_gemm_type(hg_dtype type, int64_t n, const uint8_t *w, int64_t ldw,
                                  const hg_rounded *x, bool add, float *y, int64_t ldy, void *scratch)
{
    int64_t row_bytes = rounded_row_bytes(type, ldw);
    for (int64_t i = 0; i < n; i += 2 * VF_LANES) {
        rounded_panel p[2];
        for (int l = 0; l < 2; l++) {
            int64_t first = i + l * VF_LANES, rows = n - first;
            if (rows <= 0) { /* the second panel's results are not stored: any weights will do */
                p[l] = p[0];
                continue;
            }
            p[l] = rounded_panel_at(scratch, x->k, first / VF_LANES);
            if (rows >= VF_LANES)
                rounded_pack(type, VF_LANES, x->k, w + first * row_bytes, row_bytes, &p[l]);
            else
                rounded_pack(type, (int)rows, x->k, w + first * row_bytes, row_bytes, &p[l]);
        }
        rounded_out out = {y + i, ldy, n - i, add};
        rounded_panels(type, p, x, &out);
    }
}

static void rounded_gemm(hg_dtype type, int64_t n, const void *w, int64_t ldw, const hg_rounded *x, bool add,
                         float *y, int64_t ldy, void *scratch)
{
    SIMD_FOR_TYPE(type, rounded_gemm_type, n, w, ldw, x, add, y, ldy, scratch)
}

static void rounded_set(hg_kernels *table)
{
    table->rounds = true;
    table->matvec_rounded = rounded_matvec;
    table->gemm_rounded = rounded_gemm;
}

#endif
