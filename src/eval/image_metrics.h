/* SPDX-License-Identifier: Apache-2.0
 *
 * image_metrics.h: how near one picture is to another: MSE, PSNR, MAE and SSIM, with definitions stated in
 * full, because two programs that say "SSIM" often mean different windows and borders.
 */
#ifndef HG_EVAL_IMAGE_METRICS_H
#define HG_EVAL_IMAGE_METRICS_H

#include "image/pixels.h"

#include <healthgpt/eval.h>

/* The mean over all values, or over the pixels whose mask is not 0. a, b: (height, width, channels);
 * mask: (height, width) or NULL. `range` is the span of possible values (255 for 8 bits).
 *
 *   MSE = mean (a - b)^2; PSNR = 10 log10(range^2 / MSE), infinite when they are equal; MAE = mean |a - b|.
 *
 * SSIM (Wang et al. 2004): per channel
 *   (2 ma mb + c1)(2 sab + c2) / ((ma^2 + mb^2 + c1)(sa + sb + c2)), c1 = (0.01 range)^2, c2 = (0.03
 * range)^2, with means and (co)variances over the window: HG_SSIM_WINDOW_GAUSSIAN: 11 x 11, sigma 1.5, plain
 * variances; HG_SSIM_WINDOW_UNIFORM: 7 x 7, variances divided by n - 1. Averaged over the pixels whose window
 * lies wholly in the picture (and which the mask wants). These are scikit-image's structural_similarity with
 * gaussian_weights=True, use_sample_covariance=False, and with its defaults.
 *
 * HG_STATUS_INPUT when the picture is smaller than the window, or no pixel is left. */
hg_status hg_metrics_compute(hg_image_scores *scores, const double *a, const double *b, const uint8_t *mask,
                             int width, int height, int channels, double range, hg_ssim_window window,
                             hg_error *err) HG_MUST_CHECK;

/* MSE as NumPy computes it on 8-bit arrays that are not widened: difference and square are taken modulo 256.
 * Published figures that look too good may be of this kind; it is for comparing with those alone. */
double hg_metrics_wrapped_mse(const uint8_t *a, const uint8_t *b, const uint8_t *mask, size_t n_pixels,
                              int channels);

#endif
