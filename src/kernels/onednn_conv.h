/* SPDX-License-Identifier: Apache-2.0
 *
 * onednn_conv.h: convolutions by oneDNN, with the signatures and meaning of kernels.h.
 */
#ifndef HG_KERNELS_ONEDNN_CONV_H
#define HG_KERNELS_ONEDNN_CONV_H

#include "kernels/kernels.h"

bool hg_onednn_conv2d(int n_threads, const hg_conv_shape *s, const hg_real *x, const hg_real *w,
                      const hg_real *bias, hg_real *y);
bool hg_onednn_conv2d_backward_data(int n_threads, const hg_conv_shape *s, const hg_real *dy,
                                    const hg_real *w, hg_real *dx);
bool hg_onednn_conv2d_backward_weights(int n_threads, const hg_conv_shape *s, const hg_real *dy,
                                       const hg_real *x, hg_real *dw, hg_real *db);

#endif
