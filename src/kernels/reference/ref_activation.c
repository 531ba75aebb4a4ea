/* SPDX-License-Identifier: Apache-2.0
 *
 * ref_activation.c: activation functions, in plain C.
 */
#include "kernels/reference/reference.h"

static hg_real ref_sigmoid(hg_real x)
{
    return 1 / (1 + HG_REAL_EXP(-x));
}

void hg_reference_scale(int64_t n, hg_real factor, const hg_real *x, hg_real *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] * factor;
}

void hg_reference_rotate(int64_t n, const hg_real *table, const hg_real *x, hg_real *y)
{
    for (int64_t j = 0; j < n; j++) {
        const hg_real a = x[j], b = x[n + j];
        y[j] = a * table[j] - b * table[n + j];
        y[n + j] = b * table[j] + a * table[n + j];
    }
}

void hg_reference_silu(int64_t n, const hg_real *x, hg_real *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] * ref_sigmoid(x[i]);
}

void hg_reference_swiglu(int64_t n, const hg_real *gate, const hg_real *up, hg_real *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = up[i] * gate[i] * ref_sigmoid(gate[i]);
}

void hg_reference_swiglu_backward(int64_t n, const hg_real *gate, const hg_real *up, const hg_real *dy,
                                  hg_real *dgate, hg_real *dup)
{
    for (int64_t i = 0; i < n; i++) {
        hg_real s = ref_sigmoid(gate[i]), silu = gate[i] * s;
        if (dup != NULL)
            dup[i] += dy[i] * silu;
        if (dgate != NULL)
            dgate[i] += dy[i] * up[i] * (s + silu * (1 - s));
    }
}

void hg_reference_gelu(int64_t n, const hg_real *x, hg_real *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] * (hg_real)0.5 * (1 + HG_REAL_ERF(x[i] * (hg_real)0.70710678118654752440));
}

void hg_reference_quick_gelu(int64_t n, const hg_real *x, hg_real *y)
{
    for (int64_t i = 0; i < n; i++)
        y[i] = x[i] * ref_sigmoid((hg_real)1.702 * x[i]);
}
