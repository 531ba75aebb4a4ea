/* SPDX-License-Identifier: Apache-2.0
 *
 * picture_score.h: how alike two pictures are.
 */
#ifndef HG_PRETRAIN_PICTURE_SCORE_H
#define HG_PRETRAIN_PICTURE_SCORE_H

/* SSIM (Wang et al. 2004): a Gaussian window of 11 x 11 with deviation 1.5, k1 0.01, k2 0.03, biased moments,
 * the mean over the windows that lie within the picture. a and b: (h, w) in 0..range, h and w at least 11.
 * -1..1; a number that is not one when memory is short. */
double hg_picture_ssim(const float *a, const float *b, int w, int h, double range);

/* 10 log10(range² / mean square difference) of n samples; 100 for equal ones. */
double hg_picture_psnr(const float *a, const float *b, int n, double range);

#endif
