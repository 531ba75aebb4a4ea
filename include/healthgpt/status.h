/* SPDX-License-Identifier: Apache-2.0
 *
 * status.h: how every function of the library reports success and failure.
 *
 * A function that can fail returns an hg_status and takes an `hg_error *err` last. The error is the caller's
 * memory and never allocated; `err` may be NULL. On HG_STATUS_OK the error is left as it was.
 */
#ifndef HEALTHGPT_STATUS_H
#define HEALTHGPT_STATUS_H

#ifdef __cplusplus
extern "C" {
#endif

#if defined(__GNUC__)
#define HG_PRINTF(format_index, first_arg) __attribute__((format(printf, format_index, first_arg)))
#define HG_MUST_CHECK __attribute__((warn_unused_result))
#define HG_API __attribute__((visibility("default")))
#else
#define HG_PRINTF(format_index, first_arg)
#define HG_MUST_CHECK
#define HG_API
#endif

/* The values are the exit codes of the command line. */
typedef enum hg_status {
    HG_STATUS_OK = 0,     /* done */
    HG_STATUS_FAILED = 1, /* it failed: out of memory, cannot write, cancelled */
    HG_STATUS_USAGE = 2,  /* the call or its options are wrong */
    HG_STATUS_INPUT = 3,  /* a file, an image or a model is bad or missing */
    HG_STATUS_TASK = 4    /* this model cannot do that task */
} hg_status;

#define HG_ERROR_TEXT_BYTES 512

/* One line that says what went wrong, where, and the numbers; no newline at its end. */
typedef struct hg_error {
    hg_status code;
    char text[HG_ERROR_TEXT_BYTES];
} hg_error;

#ifdef __cplusplus
}
#endif

#endif
