/* SPDX-License-Identifier: Apache-2.0
 *
 * reference.h: the plain C kernels that fill the reference table; what each does is said in kernels.h. Sums
 * are kept in double, so that faster tiers are measured against something more exact than themselves.
 */
#ifndef HG_KERNELS_REFERENCE_H
#define HG_KERNELS_REFERENCE_H

#include "kernels/kernels.h"

void hg_reference_matvec(hg_dtype type, int64_t n, int64_t k, const void *w, int64_t ldw, const hg_real *x,
                         bool ask, hg_real *y);
void hg_reference_matvecs(hg_dtype type, int64_t n, int64_t k, const void *w, int64_t ldw, int64_t n_x,
                          const hg_real *x, int64_t ldx, bool ask, hg_real *y, int64_t ldy);
void hg_reference_head_scores(const hg_head_rows *k, const hg_real *q, int64_t ldq, hg_real *p, int64_t ldp);
void hg_reference_head_sums(const hg_head_rows *v, const hg_real *p, int64_t ldp, hg_real *y, int64_t ldy);
void hg_reference_gemm(const hg_gemm_shape *s, const hg_real *a, const hg_real *b, hg_real beta, hg_real *c);

void hg_reference_round(const hg_real *x, const hg_rounded *to, int64_t row);
void hg_reference_matvec_rounded(hg_dtype type, int64_t n, const void *w, int64_t ldw, const hg_rounded *x,
                                 bool add, hg_real *y, int64_t ldy);
void hg_reference_gemm_rounded(hg_dtype type, int64_t n, const void *w, int64_t ldw, const hg_rounded *x,
                               bool add, hg_real *y, int64_t ldy, void *scratch);
void hg_reference_matvec_interleaved(hg_dtype type, int64_t n, const void *w, hg_prefetch prefetch,
                                     const hg_rounded *x, bool add, hg_real *y, int64_t ldy);
void hg_reference_gemm_interleaved(hg_dtype type, int64_t n, const void *w, const hg_rounded *x, bool add,
                                   hg_real *y, int64_t ldy, void *scratch);
void hg_reference_gemm_turned(hg_dtype type, int64_t n, const void *w, int64_t ldw, const hg_rounded *x,
                              hg_real *y, int64_t ldy, void *scratch);
void hg_reference_round_wide(const hg_real *x, const hg_wide *to, int64_t row);
void hg_reference_gemm_wide(int64_t n, const hg_wide_term *terms, int n_terms, bool add, hg_real *y,
                            int64_t ldy, void *scratch);
/* For tiers that keep the codes of weights of 4 bits: what theirs is held against. */
void hg_reference_gemm_kept(int64_t n, const hg_wide_term *terms, int n_terms, bool add, hg_real *y,
                            int64_t ldy, void *scratch);
void hg_reference_to_bf16(hg_dtype type, int64_t n, const void *from, uint16_t *to);
void hg_reference_lines_to_bf16(int64_t n, int64_t c, const hg_real *x, const hg_real *slope,
                                const hg_real *offset, bool silu, uint16_t *y);
void hg_reference_gemm_bf16(const hg_bf16_product *s, const uint16_t *x, const uint16_t *w,
                            const hg_real *bias, void *y);

void hg_reference_rmsnorm(int64_t n, hg_real eps, const hg_real *x, const hg_real *gain, hg_real *y);
void hg_reference_layernorm(int64_t n, hg_real eps, const hg_real *x, const hg_real *gain,
                            const hg_real *bias, hg_real *y);
void hg_reference_softmax(int64_t n, hg_real scale, hg_real *x);

void hg_reference_column_sums(int64_t n, int64_t c, const hg_real *x, hg_real *sum, hg_real *square);
hg_real hg_reference_softmax_part(int64_t n, hg_real scale, hg_real *x, hg_real *max, hg_real *sum);
hg_real hg_reference_softmax_part_bf16(int64_t n, hg_real scale, const hg_real *x, hg_real *max, hg_real *sum,
                                       uint16_t *to);

void hg_reference_scale(int64_t n, hg_real factor, const hg_real *x, hg_real *y);
void hg_reference_rotate(int64_t n, const hg_real *table, const hg_real *x, hg_real *y);
void hg_reference_silu(int64_t n, const hg_real *x, hg_real *y);
void hg_reference_swiglu(int64_t n, const hg_real *gate, const hg_real *up, hg_real *y);
void hg_reference_swiglu_backward(int64_t n, const hg_real *gate, const hg_real *up, const hg_real *dy,
                                  hg_real *dgate, hg_real *dup);
void hg_reference_gelu(int64_t n, const hg_real *x, hg_real *y);
void hg_reference_quick_gelu(int64_t n, const hg_real *x, hg_real *y);

bool hg_reference_conv2d(int n_threads, const hg_conv_shape *s, const hg_real *x, const hg_real *w,
                         const hg_real *bias, hg_real *y);
bool hg_reference_conv2d_backward_data(int n_threads, const hg_conv_shape *s, const hg_real *dy,
                                       const hg_real *w, hg_real *dx);
bool hg_reference_conv2d_backward_weights(int n_threads, const hg_conv_shape *s, const hg_real *dy,
                                          const hg_real *x, hg_real *dw, hg_real *db);

#endif
