/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_sink.h: between tensor_writer.c (the flow of data) and the containers (safetensors_writer.c,
 * torch_writer.c, gguf_writer.c), which say what stands around it.
 */
#ifndef HG_FORMATS_TENSOR_SINK_H
#define HG_FORMATS_TENSOR_SINK_H

#include "base/buffer.h"
#include "base/file_writer.h"
#include "formats/tensor_writer.h"

#define HG_TORCH_ROOT_BYTES 128

typedef struct hg_tensor_sink {
    hg_file_writer file;
    uint64_t position; /* bytes written so far */
} hg_tensor_sink;

typedef struct hg_sink_item {
    hg_tensor_spec spec;
    char *name; /* what spec.name points to */
    size_t bytes;
    uint32_t crc32;         /* of the data so far; PyTorch only */
    uint64_t file_position; /* of the entry's header; PyTorch only */
} hg_sink_item;

/* What a container puts around the data. */
typedef struct hg_sink_container {
    bool takes_blocks; /* it has block-quantised types */
    /* head and file_bytes; `extra` is what the container's create function was given besides the specs */
    hg_status (*plan)(hg_tensor_writer *w, const void *extra, hg_error *err);
    hg_status (*begin_file)(hg_tensor_writer *w, hg_error *err);
    hg_status (*begin_tensor)(hg_tensor_writer *w, size_t i, hg_error *err);
    void (*see_data)(hg_tensor_writer *w, const uint8_t *bytes, size_t n); /* may be NULL */
    hg_status (*end_tensor)(hg_tensor_writer *w, size_t i, hg_error *err);
    hg_status (*end_file)(hg_tensor_writer *w, hg_error *err);
} hg_sink_container;

struct hg_tensor_writer {
    const hg_sink_container *container;
    hg_tensor_sink sink;
    hg_sink_item *items;
    size_t n_items;
    size_t current; /* the tensor that takes data; n_items when none */
    size_t left;    /* bytes that it still wants */
    bool is_open;   /* its begin has been written */
    uint64_t file_bytes;
    hg_buffer head; /* safetensors, GGUF: the header; PyTorch: data.pkl */
    char root[HG_TORCH_ROOT_BYTES];
    uint64_t version_position; /* of the last entry's header; PyTorch only */
};

hg_status hg_tensor_sink_create(hg_tensor_writer **out, const hg_sink_container *container, const char *path,
                                const void *extra, const hg_tensor_spec *specs, size_t n_specs,
                                hg_error *err) HG_MUST_CHECK;

hg_status hg_tensor_sink_put(hg_tensor_sink *s, const void *bytes, size_t n, hg_error *err) HG_MUST_CHECK;
hg_status hg_tensor_sink_put_zeros(hg_tensor_sink *s, size_t n, hg_error *err) HG_MUST_CHECK;

/* Appends data.pkl for the writer's tensors to `out`: a pickle, protocol 2, of a dict whose tensor number k
 * has storage "k" to itself. False when memory is short. */
bool hg_torch_pickle_write(hg_buffer *out, const hg_sink_item *items, size_t n_items);

#endif
