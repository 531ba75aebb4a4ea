/* SPDX-License-Identifier: Apache-2.0
 *
 * interleaved_x86.h: products of interleaved weights (tensor/interleave.h) with rounded activations. Lanes of
 * the sums are rows of weights, so a run of 32 columns is eight products of four codes each with four codes
 * of x in all lanes, and one scale. Sums run in the order of rounded_x86.h's panels: few rows of x and many
 * give the same bits. Included after rounded_x86.h.
 */
#ifndef HG_KERNELS_INTERLEAVED_X86_H
#define HG_KERNELS_INTERLEAVED_X86_H

#include "kernels/x86/rounded_x86.h"
#include "tensor/interleave.h"

/* Vectors that 16 rows take. */
#define LACED_PARTS (HG_INTERLEAVE_ROWS / VF_LANES)
#define LACED_WORDS (4 * HG_INTERLEAVE_ROWS) /* bytes from one word of a row to its next */
X86_INLINE int64_t laced_columns(hg_dtype type)
{
    return type == HG_DTYPE_Q4_K ? 256 : 64;
}

X86_INLINE int64_t laced_step_bytes(hg_dtype type)
{
    return HG_INTERLEAVE_ROWS * rounded_row_bytes(type, laced_columns(type));
}

/* Bytes ahead that several rows of x ask for. */
#define LACED_AHEAD 6144

/* Asks for `bytes` as far behind w as `prefetch` says, which was tried with one row of x. For several rows
 * they are asked for into the second-level cache: there is so much arithmetic to a byte that the processor by
 * itself does not look beyond it. */
X86_INLINE void laced_ask(int n_x, const uint8_t *w, int64_t bytes, hg_prefetch prefetch)
{
    if (n_x > 1) {
        simd_prefetch_lines((uintptr_t)w + LACED_AHEAD, (size_t)bytes);
        return;
    }
    static const uint16_t ahead[HG_PREFETCH_COUNT] = {
        [HG_PREFETCH_3K] = 3072, [HG_PREFETCH_4K] = 4096, [HG_PREFETCH_6K] = 6144};
    for (int64_t line = 0; line < bytes && ahead[prefetch] > 0; line += 64)
        simd_prefetch_at(w + line, ahead[prefetch]);
}

/* Columns that are asked for together. Those of a step, but q4_0's are 9 lines only: four times as many at
 * once come sooner than 9 at a time. */
X86_INLINE int64_t laced_asked(hg_dtype type)
{
    return type == HG_DTYPE_Q4_0 ? 256 : laced_columns(type);
}

/* A part's run of 32 columns. */
typedef struct laced_run {
    const uint8_t *words;
    bool high; /* q4_k: in the upper halves of the words' bytes */
    vf scale, minimum;
} laced_run;

/* Four codes of each row, those of columns 4 v to 4 v + 3. */
X86_INLINE vb laced_codes(hg_dtype type, const laced_run *run, int v)
{
    const vb low = vb_set1_byte(15);
    if (type == HG_DTYPE_Q8_0) {
        vb codes = vb_load(run->words + v * LACED_WORDS);
        return VB_SATURATES ? codes : vb_xor(codes, vb_set1_byte(-128));
    }
    bool high = type == HG_DTYPE_Q4_0 ? v >= 4 : run->high;
    vb both = vb_load(run->words + (type == HG_DTYPE_Q4_0 ? v % 4 : v) * LACED_WORDS);
    return vb_and(high ? vb_shift_right(both, 4) : both, low);
}

/* What a step of q4_k begins with, for one part. */
typedef struct laced_head {
    vf scale, minimum;       /* the minimum negative */
    vb scales[2], minima[2]; /* codes of four runs each, from the lowest byte upwards */
} laced_head;

/* hg_q4_k_unpack for a row in every lane. */
X86_INLINE laced_head laced_head_q4_k(const uint8_t *step, int part)
{
    const uint16_t *halves = (const uint16_t *)(const void *)step + part * VF_LANES;
    const uint8_t *words = step + HG_INTERLEAVE_HEAD + part * VB_BYTES;
    const vb six = vb_set1_byte(63), low = vb_set1_byte(15), top = vb_set1_byte(0x30);
    vb first = vb_load(words), second = vb_load(words + LACED_WORDS),
       third = vb_load(words + 2 * LACED_WORDS);
    laced_head h;
    h.scale = vf_load_f16(halves);
    h.minimum = vf_mul(vf_set1(-1), vf_load_f16(halves + HG_INTERLEAVE_ROWS));
    h.scales[0] = vb_and(first, six);
    h.minima[0] = vb_and(second, six);
    h.scales[1] = vb_or(vb_and(third, low), vb_and(vb_shift_right(first, 2), top));
    h.minima[1] = vb_or(vb_and(vb_shift_right(third, 4), low), vb_and(vb_shift_right(second, 2), top));
    return h;
}

X86_INLINE vf laced_byte(vb x, int byte)
{
    if (byte == 3)
        return vb_to_float(vb_shift_right(x, 24));
    return vb_to_float(byte == 0 ? vb_and(x, vb_set1_lane(255)) : vb_take_byte(x, byte));
}

/* Run 4 · half + quarter of a step of q4_k, with this scale of its block. */
X86_INLINE laced_run laced_run_q4_k(const laced_head *head, const uint8_t *step, int part, int half,
                                    int quarter, vf scale)
{
    int pair = 2 * half + quarter / 2; /* after the three words of scales */
    return (laced_run){step + HG_INTERLEAVE_HEAD + (3 + 8 * pair) * LACED_WORDS + part * VB_BYTES,
                       quarter % 2 == 1, vf_mul(laced_byte(head->scales[half], quarter), scale),
                       vf_mul(laced_byte(head->minima[half], quarter), head->minimum)};
}

/* Block `block` of a step of the others. */
X86_INLINE laced_run laced_run_of_block(hg_dtype type, const uint8_t *step, int part, int block)
{
    const int words = type == HG_DTYPE_Q8_0 ? 8 : 4;
    const uint16_t *halves = (const uint16_t *)(const void *)step + block * HG_INTERLEAVE_ROWS;
    return (laced_run){step + HG_INTERLEAVE_HEAD + block * words * LACED_WORDS + part * VB_BYTES, false,
                       vf_load_f16(halves + part * VF_LANES), vf_set1(0)};
}

/* ---- few rows of x ---- */

/* Whether codes in upper halves of bytes are multiplied as they lie, 16 times as large: what is made of them
 * is divided by 16, which is exact. Pairs of such products do not fit 16 bits. */
#define LACED_RAW (!VB_SATURATES)

/* Sums of products of a run's codes with each row of x. */
typedef struct laced_dots {
    vb sum[ROUNDED_FEW];
} laced_dots;

/* Begins the sums of the run at column j. */
X86_INLINE laced_dots laced_begin(hg_dtype type, int n_x, const hg_rounded *x, int64_t j)
{
    laced_dots d;
    for (int t = 0; t < n_x; t++)
        d.sum[t] = rounded_dot_begin(type, rounded_group_begin(type, x, t, j));
    return d;
}

/* Adds four codes of each row times those of x at column j. */
X86_INLINE void laced_dot(hg_dtype type, int n_x, vb codes, const hg_rounded *x, int64_t j, laced_dots *to)
{
    for (int t = 0; t < n_x; t++)
        to->sum[t] = rounded_dot(type, to->sum[t], codes, vb_lanes(x->codes + t * x->k + j));
}

/* Ends the sums of the run at column j. */
X86_INLINE void laced_end(hg_dtype type, int n_x, const hg_rounded *x, int64_t j, laced_dots *to)
{
    for (int t = 0; t < n_x; t++)
        to->sum[t] = rounded_dot_end(type, rounded_group_begin(type, x, t, j), to->sum[t]);
}

/* Adds n words' codes: of lower halves, with columns of x from `low` on, and of upper ones, with those from
 * `high` on. Each word is read once. */
X86_INLINE void laced_halves(hg_dtype type, int n_x, const uint8_t *words, int n, const hg_rounded *x,
                             int64_t low, int64_t high, laced_dots *lower, laced_dots *upper)
{
    const vb fifteen = vb_set1_byte(15);
    for (int v = 0; v < n; v++) {
        const vb both = vb_load(words + v * LACED_WORDS);
        laced_dot(type, n_x, vb_and(both, fifteen), x, low + 4 * v, lower);
        laced_dot(type, n_x,
                  LACED_RAW ? vb_and(both, vb_set1_byte(0xf0)) : vb_and(vb_shift_right(both, 4), fifteen), x,
                  high + 4 * v, upper);
    }
}

/* Scales the run at column j and adds it. */
X86_INLINE void laced_add(hg_dtype type, int n_x, const laced_run *run, const laced_dots *dots,
                          const hg_rounded *x, int64_t j, vf *sum)
{
    for (int t = 0; t < n_x; t++) {
        int64_t at = (t * x->k + j) / HG_ROUNDED_RUN;
        sum[t] = vf_fma(vb_to_float(dots->sum[t]), vf_mul(vf_set1(x->scales[at]), run->scale), sum[t]);
        if (type == HG_DTYPE_Q4_K)
            sum[t] = vf_fma(run->minimum, vf_set1(x->sums[at]), sum[t]);
    }
}

/* A block of 32 columns. */
X86_INLINE void laced_add_block(hg_dtype type, int n_x, const uint8_t *step, int part, int block,
                                const hg_rounded *x, int64_t j, vf *sum)
{
    const laced_run run = laced_run_of_block(type, step, part, block);
    laced_dots dots = laced_begin(type, n_x, x, j);
    if (type == HG_DTYPE_Q8_0) {
        for (int v = 0; v < HG_ROUNDED_RUN / 4; v++)
            laced_dot(type, n_x, laced_codes(type, &run, v), x, j + 4 * v, &dots);
    } else {
        laced_dots upper;
        for (int t = 0; t < n_x; t++)
            upper.sum[t] = vb_zero();
        laced_halves(type, n_x, run.words, 4, x, j, j + 16, &dots, LACED_RAW ? &upper : &dots);
        for (int t = 0; t < n_x && LACED_RAW; t++)
            dots.sum[t] = vb_add(dots.sum[t], vb_shift_right_signed(upper.sum[t], 4));
    }
    laced_end(type, n_x, x, j, &dots);
    laced_add(type, n_x, &run, &dots, x, j, sum);
}

/* Two runs of q4_k, `quarter` and the next, whose codes share bytes; those in upper halves have a scale of
 * their own. */
X86_INLINE void laced_add_pair(int n_x, const laced_head *head, vf scale_upper, const uint8_t *step, int part,
                               int half, int quarter, const hg_rounded *x, int64_t j, vf *sum)
{
    const hg_dtype type = HG_DTYPE_Q4_K;
    const laced_run low = laced_run_q4_k(head, step, part, half, quarter, head->scale),
                    high = laced_run_q4_k(head, step, part, half, quarter + 1, scale_upper);
    laced_dots lower = laced_begin(type, n_x, x, j), upper = laced_begin(type, n_x, x, j + 32);
    laced_halves(type, n_x, low.words, 8, x, j, j + 32, &lower, &upper);
    laced_end(type, n_x, x, j, &lower);
    laced_end(type, n_x, x, j + 32, &upper);
    laced_add(type, n_x, &low, &lower, x, j, sum);
    laced_add(type, n_x, &high, &upper, x, j + 32, sum);
}

/* The step that begins at column j. Its runs are written out: what depends on their number is constant. */
X86_INLINE void laced_add_step(hg_dtype type, int n_x, const uint8_t *step, int part, const hg_rounded *x,
                               int64_t j, vf *sum)
{
    if (type != HG_DTYPE_Q4_K) {
        laced_add_block(type, n_x, step, part, 0, x, j, sum);
        laced_add_block(type, n_x, step, part, 1, x, j + 32, sum);
        return;
    }
    laced_head head = laced_head_q4_k(step, part);
    const vf upper = LACED_RAW ? vf_mul(vf_set1(0x1p-4F), head.scale) : head.scale;
    for (int half = 0; half < 2; half++, j += 128) {
        laced_add_pair(n_x, &head, upper, step, part, half, 0, x, j, sum);
        laced_add_pair(n_x, &head, upper, step, part, half, 2, x, j + 64, sum);
    }
}

/* Asks for what x has at a step's columns: since 16 rows of weights went by, it may be no nearer than the
 * second level of cache. */
X86_INLINE void laced_ask_x(hg_dtype type, int n_x, const hg_rounded *x, int64_t j)
{
    for (int t = 0; t < n_x; t++) {
        const uintptr_t at = (uintptr_t)(t * x->k + j);
        for (int64_t line = 0; line < laced_columns(type); line += 64)
            simd_prefetch_at(x->codes, at + (uintptr_t)line);
        simd_prefetch_at(x->scales, at / HG_ROUNDED_RUN * sizeof *x->scales);
        if (type == HG_DTYPE_Q4_K)
            simd_prefetch_at(x->sums, at / HG_ROUNDED_RUN * sizeof *x->sums);
    }
}

/* 16 weight rows. */
X86_INLINE void laced_rows(hg_dtype type, int n_x, const uint8_t *w, hg_prefetch prefetch,
                           const hg_rounded *x, bool add, float *y, int64_t ldy)
{
    const int64_t bytes = laced_step_bytes(type), asked = laced_asked(type) / laced_columns(type) * bytes;
    vf sum[LACED_PARTS][ROUNDED_FEW];
    for (int part = 0; part < LACED_PARTS; part++) {
        for (int t = 0; t < n_x; t++)
            sum[part][t] = vf_set1(0);
    }
    for (int64_t j = 0; j < x->k; j += laced_columns(type), w += bytes) {
        if (j % laced_asked(type) == 0)
            laced_ask(n_x, w, asked, prefetch);
        laced_ask_x(type, n_x, x, j + laced_columns(type));
        for (int part = 0; part < LACED_PARTS; part++)
            laced_add_step(type, n_x, w, part, x, j, sum[part]);
    }
    for (int part = 0; part < LACED_PARTS; part++) {
        for (int t = 0; t < n_x; t++) {
            float *to = y + t * ldy + part * VF_LANES;
            vf_store(to, add ? vf_add(sum[part][t], vf_load(to)) : sum[part][t]);
        }
    }
}

X86_INLINE void laced_matvec_type(hg_dtype type, int64_t n, const uint8_t *w, hg_prefetch prefetch,
                                  const hg_rounded *x, bool add, float *y, int64_t ldy)
{
    const int64_t bytes = HG_INTERLEAVE_ROWS * rounded_row_bytes(type, x->k);
    for (int64_t i = 0; i < n; i += HG_INTERLEAVE_ROWS, w += bytes) {
        for (int64_t t = 0; t < x->t; t += ROUNDED_FEW) {
            hg_rounded rows = hg_rounded_rows(x, t, x->t - t);
            float *at = y + t * ldy + i;
            switch (rows.t) {
            case 1:
                laced_rows(type, 1, w, prefetch, &rows, add, at, ldy);
                break;
            case 2:
                laced_rows(type, 2, w, prefetch, &rows, add, at, ldy);
                break;
            case 3:
                laced_rows(type, 3, w, prefetch, &rows, add, at, ldy);
                break;
            default:
                laced_rows(type, 4, w, prefetch, &rows, add, at, ldy);
            }
        }
    }
}

/* From a type to a constant. */
#define LACED_FOR_TYPE(type, call, ...)                                                                      \
    switch (type) {                                                                                          \
    case HG_DTYPE_Q8_0:                                                                                      \
        call(HG_DTYPE_Q8_0, __VA_ARGS__);                                                                    \
        break;                                                                                               \
    case HG_DTYPE_Q4_0:                                                                                      \
        call(HG_DTYPE_Q4_0, __VA_ARGS__);                                                                    \
        break;                                                                                               \
    default:                                                                                                 \
        call(HG_DTYPE_Q4_K, __VA_ARGS__);                                                                    \
    }

static void laced_matvec(hg_dtype type, int64_t n, const void *w, hg_prefetch prefetch, const hg_rounded *x,
                         bool add, float *y, int64_t ldy)
{
    LACED_FOR_TYPE(type, laced_matvec_type, n, w, prefetch, x, add, y, ldy);
}

/* ---- many rows of x ---- */

/* The run that begins at column j, to its place in a panel. */
X86_INLINE void laced_unpack_run(hg_dtype type, laced_run run, int64_t j, const rounded_panel *p)
{
    for (int v = 0; v < HG_ROUNDED_RUN / 4; v++)
        vb_store(p->codes + (j + 4 * v) * VF_LANES, laced_codes(type, &run, v));
    vf_store(p->scales + j / 32 * VF_LANES, run.scale);
    if (type == HG_DTYPE_Q4_K)
        vf_store(p->minima + j / 32 * VF_LANES, run.minimum);
}

X86_INLINE void laced_unpack(hg_dtype type, int64_t k, const uint8_t *w, int part, const rounded_panel *p)
{
    for (int64_t j = 0; j < k; w += laced_step_bytes(type)) {
        if (type != HG_DTYPE_Q4_K) {
            for (int block = 0; block < 2; block++, j += 32)
                laced_unpack_run(type, laced_run_of_block(type, w, part, block), j, p);
            continue;
        }
        laced_head head = laced_head_q4_k(w, part);
        for (int half = 0; half < 2; half++, j += 128) {
            laced_unpack_run(type, laced_run_q4_k(&head, w, part, half, 0, head.scale), j, p);
            laced_unpack_run(type, laced_run_q4_k(&head, w, part, half, 1, head.scale), j + 32, p);
            laced_unpack_run(type, laced_run_q4_k(&head, w, part, half, 2, head.scale), j + 64, p);
            laced_unpack_run(type, laced_run_q4_k(&head, w, part, half, 3, head.scale), j + 96, p);
        }
    }
}

X86_INLINE void laced_gemm_type(hg_dtype type, int64_t n, const uint8_t *w, const hg_rounded *x, bool add,
                                float *y, int64_t ldy, void *scratch)
{
    const int64_t row_bytes = rounded_row_bytes(type, x->k);
    for (int64_t i = 0; i < n; i += 2 * VF_LANES) {
        rounded_panel p[2];
        for (int l = 0; l < 2; l++) {
            int64_t first = i + l * VF_LANES, in_16 = first % HG_INTERLEAVE_ROWS;
            if (first >= n) { /* its results are not stored: any weights will do */
                p[l] = p[0];
                continue;
            }
            p[l] = rounded_panel_at(scratch, x->k, first / VF_LANES);
            laced_unpack(type, x->k, w + (first - in_16) * row_bytes, (int)in_16 / VF_LANES, &p[l]);
        }
        rounded_out out = {y + i, ldy, n - i, add};
        rounded_panels(type, p, x, &out);
    }
}

static void laced_gemm(hg_dtype type, int64_t n, const void *w, const hg_rounded *x, bool add, float *y,
                       int64_t ldy, void *scratch)
{
    LACED_FOR_TYPE(type, laced_gemm_type, n, w, x, add, y, ldy, scratch)
}

/* rounded_x86.h's entries and these. */
static void laced_set(hg_kernels *table)
{
    rounded_set(table);
    table->interleaves = true;
    table->matvec_interleaved = laced_matvec;
    table->gemm_interleaved = laced_gemm;
}

#endif
