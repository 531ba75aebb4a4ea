/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_writer.h: writes named tensors to a safetensors file, a PyTorch zip or a GGUF file, piece by piece,
 * so that files of many gigabytes need no memory. The layout is known before the first byte, from names,
 * types and shapes; the data follows in the same order. The file appears under its name only when it is
 * complete.
 */
#ifndef HG_FORMATS_TENSOR_WRITER_H
#define HG_FORMATS_TENSOR_WRITER_H

#include "base/error.h"
#include "formats/gguf_builder.h"
#include "tensor/tensor.h"

#include <stddef.h>
#include <stdint.h>

typedef struct hg_tensor_spec {
    const char *name; /* not empty, at most HG_TENSOR_NAME_BYTES */
    hg_dtype dtype;   /* F32, F16, BF16; in GGUF also the block types, whose blocks rows must consist of */
    int n_dims;       /* 1..4 */
    int64_t shape[HG_TENSOR_MAX_DIMS];
} hg_tensor_spec;

typedef struct hg_tensor_writer hg_tensor_writer;

/* Begins a safetensors file. The specs are only read during the call. HG_STATUS_USAGE for bad specs. */
hg_status hg_safetensors_writer_create(hg_tensor_writer **out, const char *path, const hg_tensor_spec *specs,
                                       size_t n_specs, hg_error *err) HG_MUST_CHECK;

/* Begins a PyTorch zip with the layout of released weights: a dictionary of tensors, each with a storage of
 * its own, entries under the folder `root` (letters, digits, '_', '-'). Files of 4 GB and more are refused.
 */
hg_status hg_torch_writer_create(hg_tensor_writer **out, const char *path, const char *root,
                                 const hg_tensor_spec *specs, size_t n_specs, hg_error *err) HG_MUST_CHECK;

/* Begins a GGUF 3 file with the collected metadata; data is aligned to 32 bytes. Names have at most
 * HG_GGUF_NAME_BYTES bytes, as other readers want. */
#define HG_GGUF_NAME_BYTES 63
hg_status hg_gguf_writer_create(hg_tensor_writer **out, const char *path, const hg_gguf_builder *metadata,
                                const hg_tensor_spec *specs, size_t n_specs, hg_error *err) HG_MUST_CHECK;

/* The size of the complete file. */
uint64_t hg_tensor_writer_file_bytes(const hg_tensor_writer *w);

/* The next `n` bytes of data, little-endian, in any pieces: all of the first spec's tensor, then the
 * second's. */
hg_status hg_tensor_writer_write(hg_tensor_writer *w, const void *bytes, size_t n,
                                 hg_error *err) HG_MUST_CHECK;

/* Completes the file; HG_STATUS_USAGE when data is missing. */
hg_status hg_tensor_writer_finish(hg_tensor_writer *w, hg_error *err) HG_MUST_CHECK;

/* Frees the writer (NULL is allowed); a file that was not finished is removed. */
void hg_tensor_writer_destroy(hg_tensor_writer *w);

#endif
