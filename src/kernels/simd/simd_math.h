/* SPDX-License-Identifier: Apache-2.0
 *
 * simd_math.h: exp and the functions made of it, for whole vectors. Relative errors, checked against double
 * by check_kernels: exp and silu below 2.5e-7; gelu below 1e-6 for |x| <= 5 and 5e-6 beyond, where the
 * rounding of x² / 2 grows through exp, as that of 1.702 x does in quick_gelu. Where results are below normal
 * numbers exp gives the smallest normal number instead.
 */
#ifndef HG_KERNELS_SIMD_MATH_H
#define HG_KERNELS_SIMD_MATH_H

/* Include one of simd_avx2.h and simd_avx512.h before. */

/* exp(x) = 2^n exp(r), n the whole number nearest to x / ln 2 and |r| <= ln 2 / 2. ln 2 is split in two, so
 * that n times its first part is exact. Seven terms of the series of exp(r): the next is below 0.347^8 / 8! =
 * 5e-9. */
static inline vf vf_exp(vf x)
{
    /* In this order a NaN stays one. */
    x = vf_min(vf_set1(88.0F), vf_max(vf_set1(-87.3F), x));
    vf n = vf_round(vf_mul(x, vf_set1(1.44269504F)));
    vf r = vf_fma(n, vf_set1(-0.693359375F), x);
    r = vf_fma(n, vf_set1(2.12194440e-4F), r); /* 0.693359375 - ln 2 */
    vf p = vf_set1(1.0F / 5040);
    p = vf_fma(p, r, vf_set1(1.0F / 720));
    p = vf_fma(p, r, vf_set1(1.0F / 120));
    p = vf_fma(p, r, vf_set1(1.0F / 24));
    p = vf_fma(p, r, vf_set1(1.0F / 6));
    p = vf_fma(p, r, vf_set1(0.5F));
    p = vf_fma(p, r, vf_set1(1.0F));
    p = vf_fma(p, r, vf_set1(1.0F));
    return vf_mul(p, vf_exp2_whole(n));
}

/* x / (1 + exp(-a x)). */
static inline vf vf_silu(vf x, float a)
{
    return vf_div(x, vf_add(vf_set1(1.0F), vf_exp(vf_mul(x, vf_set1(-a)))));
}

/* x Phi(x). With z = |x| / sqrt(2), Phi(-|x|) = erfc(z) / 2 and erfc(z) = exp(-z²) f(z); f is a polynomial of
 * t = 1 / (1 + z / 2), fitted by reference/fit_erfcx.py. */
static inline vf vf_gelu(vf x)
{
    static const float f[] = {2.774825627e-02F, -2.098577152e-01F, 6.404650606e-01F, -9.660425330e-01F,
                              6.833952139e-01F, -2.513736770e-01F, 2.850763246e-01F, 2.234462566e-01F,
                              2.852900686e-01F, 2.818441683e-01F,  8.570505990e-06F};
    vf z = vf_mul(vf_abs(x), vf_set1(0.707106781F));
    vf t = vf_div(vf_set1(1.0F), vf_fma(z, vf_set1(0.5F), vf_set1(1.0F)));
    vf p = vf_set1(f[0]);
    for (int i = 1; i <= 10; i++)
        p = vf_fma(p, t, vf_set1(f[i]));
    vf square = vf_mul(vf_mul(x, x), vf_set1(-0.5F));
    vf tail = vf_mul(vf_mul(p, vf_exp(square)), vf_set1(0.5F)); /* Phi(-|x|) */
    return vf_mul(x, vf_if_negative(x, tail, vf_sub(vf_set1(1.0F), tail)));
}

#endif
