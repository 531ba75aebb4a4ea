/* SPDX-License-Identifier: Apache-2.0
 *
 * safetensors_writer.c: the header first, padded with spaces so that the data begins at a multiple of 64,
 * then tensor behind tensor. Four-byte types come to lie at multiples of 4 only if no odd number of 16-bit
 * elements is before them; readers copy then.
 */
#include "formats/tensor_sink.h"

#include <inttypes.h>
#include <string.h>

#define DATA_ALIGNMENT 64

static const char *type_name(hg_dtype dtype)
{
    return dtype == HG_DTYPE_F32 ? "F32" : dtype == HG_DTYPE_F16 ? "F16" : "BF16";
}

/* ,"name":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]} */
static bool header_push(hg_buffer *head, const hg_sink_item *item, bool is_first, uint64_t begin,
                        uint64_t end)
{
    bool ok = hg_buffer_push_format(head, "%s\"%s\":{\"dtype\":\"%s\",\"shape\":[", is_first ? "" : ",",
                                    item->name, type_name(item->spec.dtype));
    for (int i = 0; i < item->spec.n_dims; i++)
        ok = ok && hg_buffer_push_format(head, "%s%" PRId64, i == 0 ? "" : ",", item->spec.shape[i]);
    return ok && hg_buffer_push_format(head, "],\"data_offsets\":[%" PRIu64 ",%" PRIu64 "]}", begin, end);
}

static hg_status safetensors_plan(hg_tensor_writer *w, const void *extra, hg_error *err)
{
    (void)extra;
    hg_buffer *head = &w->head;
    uint64_t position = 0;
    /* The first 8 bytes become the length of the rest. */
    bool ok = hg_buffer_extend(head, 8) != NULL && hg_buffer_push_text(head, "{");
    for (size_t i = 0; ok && i < w->n_items; i++) {
        uint64_t end;
        if (__builtin_add_overflow(position, w->items[i].bytes, &end) || end > INT64_MAX / 2)
            return hg_error_set(err, HG_STATUS_USAGE, "the tensors are too large for a file");
        ok = header_push(head, &w->items[i], i == 0, position, end);
        position = end;
    }
    ok = ok && hg_buffer_push_text(head, "}");
    while (ok && head->size % DATA_ALIGNMENT != 0)
        ok = hg_buffer_push_text(head, " ");
    if (!ok)
        return hg_error_memory(err, head->size, "a safetensors header");
    for (int i = 0; i < 8; i++)
        head->data[i] = (uint8_t)((head->size - 8) >> (8 * i));
    w->file_bytes = head->size + position;
    return HG_STATUS_OK;
}

static hg_status safetensors_begin_file(hg_tensor_writer *w, hg_error *err)
{
    return hg_tensor_sink_put(&w->sink, w->head.data, w->head.size, err);
}

/* Nothing stands between tensors. */
static hg_status safetensors_between(hg_tensor_writer *w, size_t i, hg_error *err)
{
    (void)w, (void)i, (void)err;
    return HG_STATUS_OK;
}

static hg_status safetensors_end_file(hg_tensor_writer *w, hg_error *err)
{
    (void)w, (void)err;
    return HG_STATUS_OK;
}

hg_status hg_safetensors_writer_create(hg_tensor_writer **out, const char *path, const hg_tensor_spec *specs,
                                       size_t n_specs, hg_error *err)
{
    static const hg_sink_container container = {.plan = safetensors_plan,
                                                .begin_file = safetensors_begin_file,
                                                .begin_tensor = safetensors_between,
                                                .end_tensor = safetensors_between,
                                                .end_file = safetensors_end_file};
    return hg_tensor_sink_create(out, &container, path, NULL, specs, n_specs, err);
}
