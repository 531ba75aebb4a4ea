/* SPDX-License-Identifier: Apache-2.0
 *
 * onednn.c: dense float products by oneDNN. Each call runs on the calling thread alone: operations cut work
 * into chunks of constant size and hand those to threads, so results do not depend on the number of threads.
 * What oneDNN declines (an empty sum, no memory) is done by the reference.
 *
 * For long sums oneDNN's code points the stack pointer at a block of the heap (up to version 3.11; its issue
 * 4845). A signal's handler would have its frame, some thousand bytes, written below it, into whatever lies
 * there. So signals wait for such a product.
 */
#include "base/held_signals.h"
#include "kernels/onednn_conv.h"
#include "kernels/reference/reference.h"

#include <dnnl.h>
#include <omp.h>

/* Sums of up to so many terms it makes on the stack: what fits 16 KiB, 84 with AVX-512 (48 columns) and 252
 * with AVX2 (16). Those of an attention's small pieces are among them, where two system calls would be felt.
 */
#define STACK_TERMS 84

static dnnl_status_t onednn_sgemm(const hg_gemm_shape *s, const hg_real *a, const hg_real *b, hg_real beta,
                                  hg_real *c)
{
    int threads = omp_get_max_threads();
    omp_set_num_threads(1);
    dnnl_status_t status = dnnl_sgemm(s->trans_a ? 'T' : 'N', s->trans_b ? 'T' : 'N', s->m, s->n, s->k, 1.0F,
                                      a, s->lda, b, s->ldb, beta, c, s->ldc);
    omp_set_num_threads(threads);
    return status;
}

static void onednn_gemm(const hg_gemm_shape *s, const hg_real *a, const hg_real *b, hg_real beta, hg_real *c)
{
    if (s->m == 0 || s->n == 0)
        return;
    dnnl_status_t status = dnnl_invalid_arguments;
    if (s->k > STACK_TERMS) {
        const hg_held_signals held = hg_held_signals_begin();
        status = onednn_sgemm(s, a, b, beta, c);
        hg_held_signals_release(&held);
    } else if (s->k > 0) {
        status = onednn_sgemm(s, a, b, beta, c);
    }
    if (status != dnnl_success)
        hg_reference_gemm(s, a, b, beta, c);
}

void hg_kernels_set_onednn(hg_kernels *table)
{
    table->gemm = onednn_gemm;
    table->conv2d = hg_onednn_conv2d;
    table->conv2d_backward_data = hg_onednn_conv2d_backward_data;
    table->conv2d_backward_weights = hg_onednn_conv2d_backward_weights;
}
