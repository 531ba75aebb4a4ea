/* SPDX-License-Identifier: Apache-2.0
 *
 * real.h: the type of activations and gradients. It is float; the gradient tests build the tensor, kernel and
 * operation layers a second time with HG_REAL_IS_DOUBLE, so that finite differences check the same source in
 * double precision.
 */
#ifndef HG_TENSOR_REAL_H
#define HG_TENSOR_REAL_H

#include <math.h>

#ifdef HG_REAL_IS_DOUBLE
typedef double hg_real;
#define HG_DTYPE_REAL HG_DTYPE_F64
#define HG_REAL_EXP exp
#define HG_REAL_ERF erf
#define HG_REAL_SQRT sqrt
#define HG_REAL_MAX HUGE_VAL
#else
typedef float hg_real;
#define HG_DTYPE_REAL HG_DTYPE_F32
#define HG_REAL_EXP expf
#define HG_REAL_ERF erff
#define HG_REAL_SQRT sqrtf
#define HG_REAL_MAX HUGE_VALF
#endif

#endif
