/* SPDX-License-Identifier: Apache-2.0
 *
 * frame.h: one picture of a scan with its samples as the file stores them, before any window.
 */
#ifndef HG_IMAGE_FRAME_H
#define HG_IMAGE_FRAME_H

#include "base/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In this machine's byte order. */
typedef enum hg_sample_type {
    HG_SAMPLE_TYPE_U8,
    HG_SAMPLE_TYPE_I8,
    HG_SAMPLE_TYPE_U16,
    HG_SAMPLE_TYPE_I16,
    HG_SAMPLE_TYPE_U32,
    HG_SAMPLE_TYPE_I32,
    HG_SAMPLE_TYPE_U64,
    HG_SAMPLE_TYPE_I64,
    HG_SAMPLE_TYPE_F32,
    HG_SAMPLE_TYPE_F64
} hg_sample_type;

/* Samples are row-major and interleaved: (height, width, channels). */
typedef struct hg_frame {
    int width;
    int height;
    int channels; /* 1, 3 or 4 */
    hg_sample_type type;
    void *samples; /* owned; NULL in an empty frame */
} hg_frame;

size_t hg_sample_bytes(hg_sample_type type);
bool hg_sample_is_signed(hg_sample_type type);
bool hg_sample_is_float(hg_sample_type type);

/* Gives the empty (zeroed) frame its size and uninitialised samples; `width` and `height` were checked
 * against the limits. */
hg_status hg_frame_alloc(hg_frame *frame, int width, int height, int channels, hg_sample_type type,
                         hg_error *err) HG_MUST_CHECK;
void hg_frame_deinit(hg_frame *frame);

/* Number of samples, and all their bytes. */
size_t hg_frame_count(const hg_frame *frame);
size_t hg_frame_bytes(const hg_frame *frame);

/* n samples from number `at` on as doubles (64-bit integers are rounded). */
void hg_frame_get(const hg_frame *frame, size_t at, size_t n, double *out);

/* Reverses the bytes of each of n samples of `size` bytes. */
void hg_samples_swap(void *samples, size_t n, size_t size);

/* True when the bytes of this machine's integers begin with the lowest. */
bool hg_machine_is_little(void);

#endif
