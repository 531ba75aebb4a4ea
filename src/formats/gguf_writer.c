/* SPDX-License-Identifier: Apache-2.0
 *
 * gguf_writer.c: the header with all metadata and descriptions first, then tensor behind tensor, each from a
 * multiple of 32 bytes on and padded to one, the last as well.
 */
#include "formats/tensor_sink.h"

#include <inttypes.h>
#include <string.h>

#define DATA_ALIGNMENT 32 /* GGUF's default, which files need not state */
#define GGUF_VERSION 3

static bool head_push_number(hg_buffer *head, uint64_t value, size_t n)
{
    uint8_t bytes[8];
    for (size_t i = 0; i < n; i++)
        bytes[i] = (uint8_t)(value >> (8 * i));
    return hg_buffer_push(head, bytes, n);
}

static uint64_t padding_of(uint64_t position)
{
    return (DATA_ALIGNMENT - position % DATA_ALIGNMENT) % DATA_ALIGNMENT;
}

/* name, number of dimensions, dimensions innermost first, type, offset */
static bool head_push_tensor(hg_buffer *head, const hg_sink_item *item, uint64_t offset)
{
    size_t n = strlen(item->name);
    bool ok = head_push_number(head, n, 8) && hg_buffer_push(head, item->name, n) &&
              head_push_number(head, (uint64_t)item->spec.n_dims, 4);
    for (int i = item->spec.n_dims - 1; ok && i >= 0; i--)
        ok = head_push_number(head, (uint64_t)item->spec.shape[i], 8);
    return ok && head_push_number(head, hg_gguf_tensor_type(item->spec.dtype), 4) &&
           head_push_number(head, offset, 8);
}

static hg_status push_tensors(hg_tensor_writer *w, uint64_t *data_bytes, hg_error *err)
{
    uint64_t offset = 0;
    for (size_t i = 0; i < w->n_items; i++) {
        const hg_sink_item *item = &w->items[i];
        if (strlen(item->name) > HG_GGUF_NAME_BYTES)
            return hg_error_set(err, HG_STATUS_USAGE, "tensor '%s': GGUF names have at most %d bytes",
                                item->name, HG_GGUF_NAME_BYTES);
        if (!head_push_tensor(&w->head, item, offset))
            return hg_error_memory(err, w->head.size, "a GGUF header");
        if (__builtin_add_overflow(offset, item->bytes, &offset) || offset > INT64_MAX / 2)
            return hg_error_set(err, HG_STATUS_USAGE, "the tensors are too large for a file");
        offset += padding_of(offset);
    }
    *data_bytes = offset;
    return HG_STATUS_OK;
}

static hg_status gguf_plan(hg_tensor_writer *w, const void *extra, hg_error *err)
{
    const hg_gguf_builder *metadata = extra;
    hg_status status = hg_gguf_builder_status(metadata, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_buffer *head = &w->head;
    bool ok = hg_buffer_push_text(head, "GGUF") && head_push_number(head, GGUF_VERSION, 4) &&
              head_push_number(head, w->n_items, 8) && head_push_number(head, metadata->n_values, 8);
    if (ok && metadata->bytes.size > 0)
        ok = hg_buffer_push(head, metadata->bytes.data, metadata->bytes.size);
    if (!ok)
        return hg_error_memory(err, metadata->bytes.size, "a GGUF header");
    uint64_t data_bytes = 0;
    status = push_tensors(w, &data_bytes, err);
    if (status != HG_STATUS_OK)
        return status;
    while (w->n_items > 0 && head->size % DATA_ALIGNMENT != 0) {
        if (!head_push_number(head, 0, 1))
            return hg_error_memory(err, head->size, "a GGUF header");
    }
    w->file_bytes = head->size + data_bytes;
    return HG_STATUS_OK;
}

static hg_status gguf_begin_file(hg_tensor_writer *w, hg_error *err)
{
    return hg_tensor_sink_put(&w->sink, w->head.data, w->head.size, err);
}

static hg_status gguf_begin_tensor(hg_tensor_writer *w, size_t i, hg_error *err)
{
    (void)w, (void)i, (void)err;
    return HG_STATUS_OK;
}

static hg_status gguf_end_tensor(hg_tensor_writer *w, size_t i, hg_error *err)
{
    (void)i;
    return hg_tensor_sink_put_zeros(&w->sink, (size_t)padding_of(w->sink.position), err);
}

static hg_status gguf_end_file(hg_tensor_writer *w, hg_error *err)
{
    (void)w, (void)err;
    return HG_STATUS_OK;
}

hg_status hg_gguf_writer_create(hg_tensor_writer **out, const char *path, const hg_gguf_builder *metadata,
                                const hg_tensor_spec *specs, size_t n_specs, hg_error *err)
{
    static const hg_sink_container container = {.takes_blocks = true,
                                                .plan = gguf_plan,
                                                .begin_file = gguf_begin_file,
                                                .begin_tensor = gguf_begin_tensor,
                                                .end_tensor = gguf_end_tensor,
                                                .end_file = gguf_end_file};
    return hg_tensor_sink_create(out, &container, path, metadata, specs, n_specs, err);
}
