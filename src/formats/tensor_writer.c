/* SPDX-License-Identifier: Apache-2.0
 *
 * tensor_writer.c: what both containers share: the list of tensors, the flow of data from one to the next,
 * the file. A container is a table of three functions: what comes before the first byte of a tensor, after
 * its last, and at the end. Invariant: `position` bytes have been written, and tensor `current` still wants
 * `left`.
 */
#include "formats/tensor_writer.h"

#include "base/checked.h"
#include "base/memory.h"
#include "formats/tensor_list.h"
#include "formats/tensor_sink.h"

#include <inttypes.h>
#include <string.h>

static const uint8_t sink_zeros[64];

hg_status hg_tensor_sink_put(hg_tensor_sink *s, const void *bytes, size_t n, hg_error *err)
{
    hg_status status = hg_file_writer_write(&s->file, bytes, n, err);
    if (status == HG_STATUS_OK)
        s->position += n;
    return status;
}

hg_status hg_tensor_sink_put_zeros(hg_tensor_sink *s, size_t n, hg_error *err)
{
    while (n > 0) {
        size_t part = n < sizeof sink_zeros ? n : sizeof sink_zeros;
        hg_status status = hg_tensor_sink_put(s, sink_zeros, part, err);
        if (status != HG_STATUS_OK)
            return status;
        n -= part;
    }
    return HG_STATUS_OK;
}

static hg_status check_spec(const hg_tensor_spec *spec, bool takes_blocks, size_t *bytes, hg_error *err)
{
    size_t name_bytes = strlen(spec->name), count;
    if (name_bytes == 0 || name_bytes > HG_TENSOR_NAME_BYTES)
        return hg_error_set(err, HG_STATUS_USAGE, "a tensor's name has %zu bytes, expected 1 to %d",
                            name_bytes, HG_TENSOR_NAME_BYTES);
    for (const char *c = spec->name; *c != 0; c++) {
        if (*c < 0x20 || *c > 0x7e || *c == '"' || *c == '\\')
            return hg_error_set(err, HG_STATUS_USAGE, "the tensor name '%s' has other than plain characters",
                                spec->name);
    }
    if (spec->dtype == HG_DTYPE_F64 || (hg_dtype_is_quantised(spec->dtype) && !takes_blocks))
        return hg_error_set(err, HG_STATUS_USAGE, "tensor '%s': type %s is not written", spec->name,
                            hg_dtype_name(spec->dtype));
    if (spec->n_dims < 1 || spec->n_dims > HG_TENSOR_MAX_DIMS ||
        !hg_tensor_list_count(spec->n_dims, spec->shape, &count))
        return hg_error_set(err, HG_STATUS_USAGE, "tensor '%s': bad shape", spec->name);
    int64_t columns = spec->shape[spec->n_dims - 1], block = hg_dtype_block(spec->dtype);
    if (columns % block != 0)
        return hg_error_set(err, HG_STATUS_USAGE,
                            "tensor '%s': rows of %" PRId64 " are no multiple of %s's %" PRId64, spec->name,
                            columns, hg_dtype_name(spec->dtype), block);
    *bytes = hg_dtype_span(spec->dtype, (int64_t)count); /* fits: see hg_tensor_list_count */
    return HG_STATUS_OK;
}

static hg_status copy_specs(hg_tensor_writer *w, const hg_tensor_spec *specs, size_t n, hg_error *err)
{
    w->items = hg_mem_array(n == 0 ? 1 : n, sizeof *w->items);
    if (w->items == NULL)
        return hg_error_memory(err, n * sizeof *w->items, "tensors to write");
    for (size_t i = 0; i < n; i++) {
        hg_sink_item *item = &w->items[i];
        hg_status status = check_spec(&specs[i], w->container->takes_blocks, &item->bytes, err);
        if (status != HG_STATUS_OK)
            return status;
        item->spec = specs[i];
        item->spec.name = item->name = hg_mem_string(specs[i].name);
        if (item->name == NULL)
            return hg_error_memory(err, strlen(specs[i].name) + 1, "a tensor's name");
        w->n_items++;
    }
    return HG_STATUS_OK;
}

/* Two tensors of one name would make a file that its own reader refuses. */
static hg_status check_names(const hg_tensor_spec *specs, size_t n, hg_error *err)
{
    hg_tensor_list names;
    hg_tensor_list_init(&names, 0);
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i < n; i++)
        status = hg_tensor_list_push_unsupported(&names, specs[i].name, strlen(specs[i].name), "", err);
    if (status == HG_STATUS_OK)
        status = hg_tensor_list_sort(&names, err);
    hg_tensor_list_deinit(&names);
    if (status != HG_STATUS_INPUT)
        return status;
    if (err != NULL)
        err->code = HG_STATUS_USAGE;
    return HG_STATUS_USAGE;
}

/* Goes on to the next tensor that wants data, with all that the container puts between. */
static hg_status writer_advance(hg_tensor_writer *w, hg_error *err)
{
    while (w->left == 0 && w->current < w->n_items) {
        hg_status status = HG_STATUS_OK;
        if (w->is_open)
            status = w->container->end_tensor(w, w->current++, err);
        w->is_open = false;
        if (status == HG_STATUS_OK && w->current < w->n_items) {
            status = w->container->begin_tensor(w, w->current, err);
            w->is_open = true;
            w->left = w->items[w->current].bytes;
        }
        if (status != HG_STATUS_OK)
            return status;
    }
    return HG_STATUS_OK;
}

/* A disk that is too small is better known before hours of work than after. */
static hg_status check_space(const hg_tensor_writer *w, const char *path, hg_error *err)
{
    uint64_t available;
    if (!hg_file_free_bytes(path, &available) || available >= w->file_bytes)
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_FAILED, "%s: the file takes %.1f MB, but its disk has %.1f MB left",
                        path, (double)w->file_bytes / 1e6, (double)available / 1e6);
}

hg_status hg_tensor_sink_create(hg_tensor_writer **out, const hg_sink_container *container, const char *path,
                                const void *extra, const hg_tensor_spec *specs, size_t n_specs, hg_error *err)
{
    *out = NULL;
    hg_tensor_writer *w = hg_mem_array(1, sizeof *w);
    if (w == NULL)
        return hg_error_memory(err, sizeof *w, "a writer of tensors");
    w->container = container;
    w->sink.file.fd = -1;
    hg_buffer_init(&w->head, SIZE_MAX / 2);
    hg_status status = copy_specs(w, specs, n_specs, err);
    if (status == HG_STATUS_OK)
        status = check_names(specs, n_specs, err);
    if (status == HG_STATUS_OK)
        status = container->plan(w, extra, err);
    if (status == HG_STATUS_OK)
        status = check_space(w, path, err);
    if (status == HG_STATUS_OK)
        status = hg_file_writer_open(&w->sink.file, path, err);
    if (status == HG_STATUS_OK)
        status = container->begin_file(w, err);
    if (status == HG_STATUS_OK)
        status = writer_advance(w, err);
    if (status != HG_STATUS_OK) {
        hg_tensor_writer_destroy(w);
        return status;
    }
    *out = w;
    return HG_STATUS_OK;
}

uint64_t hg_tensor_writer_file_bytes(const hg_tensor_writer *w)
{
    return w->file_bytes;
}

hg_status hg_tensor_writer_write(hg_tensor_writer *w, const void *bytes, size_t n, hg_error *err)
{
    const uint8_t *from = bytes;
    while (n > 0) {
        if (w->current == w->n_items)
            return hg_error_set(err, HG_STATUS_USAGE, "%zu bytes more than the tensors take", n);
        size_t part = n < w->left ? n : w->left;
        hg_status status = hg_tensor_sink_put(&w->sink, from, part, err);
        if (status != HG_STATUS_OK)
            return status;
        if (w->container->see_data != NULL)
            w->container->see_data(w, from, part);
        from += part;
        n -= part;
        w->left -= part;
        status = writer_advance(w, err);
        if (status != HG_STATUS_OK)
            return status;
    }
    return HG_STATUS_OK;
}

hg_status hg_tensor_writer_finish(hg_tensor_writer *w, hg_error *err)
{
    if (w->current < w->n_items)
        return hg_error_set(err, HG_STATUS_USAGE, "tensor '%s' still wants %zu bytes",
                            w->items[w->current].name, w->left);
    hg_status status = w->container->end_file(w, err);
    if (status != HG_STATUS_OK)
        return status;
    if (w->sink.position != w->file_bytes)
        return hg_error_set(err, HG_STATUS_FAILED, "%" PRIu64 " bytes were written, %" PRIu64 " were planned",
                            w->sink.position, w->file_bytes);
    return hg_file_writer_commit(&w->sink.file, err);
}

void hg_tensor_writer_destroy(hg_tensor_writer *w)
{
    if (w == NULL)
        return;
    hg_file_writer_abandon(&w->sink.file);
    for (size_t i = 0; i < w->n_items; i++)
        hg_mem_free(w->items[i].name);
    hg_mem_free(w->items);
    hg_buffer_deinit(&w->head);
    hg_mem_free(w);
}
