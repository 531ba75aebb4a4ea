/* SPDX-License-Identifier: Apache-2.0
 *
 * eval.h: how good pictures are, against the truth, and how good a model is on a list of items.
 */
#ifndef HEALTHGPT_EVAL_H
#define HEALTHGPT_EVAL_H

#include <healthgpt/healthgpt.h>
#include <healthgpt/image.h>
#include <healthgpt/progress.h>
#include <healthgpt/status.h>

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

/* The window of SSIM. */
typedef enum hg_ssim_window {
    HG_SSIM_WINDOW_GAUSSIAN, /* 11 x 11, sigma 1.5, plain variances: of the paper on SSIM */
    HG_SSIM_WINDOW_UNIFORM   /* 7 x 7, sample variances: scikit-image's default */
} hg_ssim_window;

typedef struct hg_compare_options {
    hg_ssim_window window;
    double range; /* of values; 0: 255 for 8 bits, 65535 for 16 */
    const hg_image
        *mask; /* of the same size; pixels whose first channel is 0 do not count; NULL: all count */
} hg_compare_options;

typedef struct hg_image_scores {
    int width, height, channels;
    double range;
    size_t n_pixels;                  /* that counted */
    double mse, psnr, mae, ssim;      /* psnr is infinite for equal pictures */
    bool has_wrapped;                 /* 8 bits: the next two are given */
    double wrapped_mse, wrapped_psnr; /* of arithmetic modulo 256, only to compare with figures made so */
} hg_image_scores;

/* Compares two pictures of one size; alpha is dropped, a grey one beside a colour one counts as colour. The
 * mean is over pixels and channels; src/eval/image_metrics.h has the formulas. `options` may be NULL.
 * HG_STATUS_INPUT when sizes or bits differ, when the picture is smaller than SSIM's window, or when the mask
 * leaves nothing. */
HG_API hg_status hg_eval_compare(const hg_image *a, const hg_image *b, const hg_compare_options *options,
                                 hg_image_scores *scores, hg_error *err) HG_MUST_CHECK;

/* 10 log10(range^2 / mse), infinite for 0. */
HG_API double hg_eval_psnr(double mse, double range);

/* ---- a model on a list of items ---- */

typedef struct hg_eval_set_request {
    const char *data;   /* list of items, as training reads it (docs/training.md) */
    const char *images; /* what relative image paths are relative to; NULL: the list's folder */
    const char *out; /* folder for items.jsonl, result.json, index.html and drawn/; NULL: nothing is written
                      */
    size_t limit;    /* evaluate so many items, spread evenly over the list; 0: all */
    int max_tokens;  /* of an answer; 0: 128 */
    const char *instead; /* "black", "white", "grey", "noise" or "gradient": each question is asked about such
                          a picture, which shows nothing, instead of its own; nothing is drawn. NULL: not */
    int together; /* items that are done at once, 1 to HG_REQUESTS_MAX; 0: as hg_requests_advised says */
    bool resume;  /* go on with the items of an earlier run in `out` */
    hg_progress progress; /* stage "items" */
} hg_eval_set_request;

/* Asks and draws every item of a list, greedily, and compares with the truth. `*json` becomes the text of an
 * object, which docs/evaluation.md describes: accuracy of questions by groups with Wilson's intervals and the
 * most common answer beside it, the rate of invented lesions, means of SSIM, PSNR and MAE of drawings beside
 * those of the input and of the picture autoencoder. The caller frees it with hg_text_free. An item that
 * cannot be scored (no image, a prompt that is too long) is counted in "failed", tasks that the model was not
 * trained for in "skipped". The same model, list and settings give the same result, interrupted or not.
 * HG_STATUS_USAGE when `out` holds another run or `instead` is unknown; HG_STATUS_TASK when the model can do
 * nothing of the list. */
HG_API hg_status hg_eval_set(hg_model *model, const hg_eval_set_request *request, char **json,
                             hg_error *err) HG_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
