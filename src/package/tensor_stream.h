/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_stream.h: tensors from a mapped file into a writer, converted on the way, in pieces: memory is a few
 * megabytes whatever the tensor's size. The result does not depend on the number of threads.
 */
#ifndef HG_PACKAGE_TENSOR_STREAM_H
#define HG_PACKAGE_TENSOR_STREAM_H

#include "formats/tensor_file.h"
#include "formats/tensor_writer.h"
#include "package/file_hash.h"

typedef struct hg_tensor_stream {
    int n_threads;
    hg_hash_progress progress; /* counts bytes of the source */
    float *rows;               /* a task's elements as f32, for each thread */
    size_t rows_each;
    uint8_t *out; /* a piece in the new type */
    size_t out_bytes;
    bool *bad; /* for each thread: it met a number that is none, or too large */
} hg_tensor_stream;

/* `progress` may be NULL; `total`: bytes of all the tensors to come. */
hg_status hg_tensor_stream_init(hg_tensor_stream *s, int n_threads, const hg_progress *progress,
                                const char *stage, uint64_t total, hg_error *err) HG_MUST_CHECK;
void hg_tensor_stream_deinit(hg_tensor_stream *s);

/* Writes `t`, a tensor of `set`, as `type` to `writer`, whose next tensor must be of that type and shape;
 * NULL: only looks at the numbers. *bad is set when the tensor holds infinities, NaNs or numbers that f16
 * cannot hold, and nothing more of it is written then. */
hg_status hg_tensor_stream_put(hg_tensor_stream *s, const hg_tensor_set *set, const hg_tensor *t,
                               hg_dtype type, hg_tensor_writer *writer, bool *bad,
                               hg_error *err) HG_MUST_CHECK;

#endif
