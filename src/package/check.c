/* SPDX-License-Identifier: Apache-2.0
 *
 * check.c: looks at every number of a model. Block types are looked at as the numbers they stand for, so a
 * bad scale is found through its block. Bad extents do not get this far: opening refuses them.
 */
#include <healthgpt/package.h>

#include "base/memory.h"
#include "package/source_parts.h"
#include "package/tensor_stream.h"

#include <string.h>

/* The sets to look at: a package is one, whatever its tensors are called. */
typedef struct check_sets {
    const hg_tensor_set *items[HG_PART_COUNT];
    size_t n;
} check_sets;

static uint64_t bytes_of(const check_sets *sets)
{
    uint64_t bytes = 0;
    for (size_t k = 0; k < sets->n; k++) {
        for (size_t i = 0; i < hg_tensor_set_n_tensors(sets->items[k]); i++) {
            const hg_named_tensor *t = hg_tensor_set_get(sets->items[k], i);
            if (t->unsupported == NULL)
                bytes += hg_dtype_span(t->tensor.dtype, hg_tensor_count(&t->tensor));
        }
    }
    return bytes;
}

static hg_status check_tensor(hg_tensor_stream *stream, const hg_tensor_set *set, const hg_named_tensor *t,
                              const hg_check_request *r, hg_check_result *result, char first[], hg_error *err)
{
    bool bad = false;
    if (t->unsupported != NULL) {
        result->n_skipped++;
        return HG_STATUS_OK;
    }
    hg_status status = hg_tensor_stream_put(stream, set, &t->tensor, HG_DTYPE_F32, NULL, &bad, err);
    if (status != HG_STATUS_OK)
        return status;
    result->n_tensors++;
    if (!bad)
        return HG_STATUS_OK;
    if (result->n_bad++ == 0)
        strcpy(first, t->name);
    if (r->on_bad != NULL)
        r->on_bad(r->on_bad_user, t->name);
    return HG_STATUS_OK;
}

static hg_status check_all(const check_sets *sets, const hg_check_request *r, hg_check_result *result,
                           hg_error *err)
{
    hg_tensor_stream stream;
    char first[HG_TENSOR_NAME_BYTES + 1] = "";
    hg_status status =
        hg_tensor_stream_init(&stream, r->n_threads, &r->progress, "checking", bytes_of(sets), err);
    for (size_t k = 0; status == HG_STATUS_OK && k < sets->n; k++) {
        size_t n = hg_tensor_set_n_tensors(sets->items[k]);
        for (size_t i = 0; status == HG_STATUS_OK && i < n; i++)
            status = check_tensor(&stream, sets->items[k], hg_tensor_set_get(sets->items[k], i), r, result,
                                  first, err);
    }
    hg_tensor_stream_deinit(&stream);
    if (status != HG_STATUS_OK || result->n_bad == 0)
        return status;
    return hg_error_set(
        err, HG_STATUS_INPUT,
        "%s: %zu of %zu tensors have infinities or values that are no numbers; the first is '%s'", r->path,
        result->n_bad, result->n_tensors, first);
}

/* One file as it is. */
static hg_status check_file(const char *path, const hg_check_request *r, hg_check_result *result,
                            hg_error *err)
{
    hg_tensor_set *set = NULL;
    hg_status status = hg_tensor_set_open_file(&set, path, err);
    if (status != HG_STATUS_OK)
        return status;
    status = check_all(&(check_sets){{set}, 1}, r, result, err);
    hg_tensor_set_close(set);
    return status;
}

/* All parts of a folder. */
static hg_status check_parts(const hg_source *s, const hg_part_problems *problems, const hg_check_request *r,
                             hg_check_result *result, hg_error *err)
{
    check_sets sets = {.n = 0};
    for (int part = 0; part < HG_PART_COUNT; part++) {
        if (problems->parts[part][0] != 0)
            return hg_error_set(err, HG_STATUS_INPUT, "%s", problems->parts[part]);
        if (s->parts.sets[part] != NULL)
            sets.items[sets.n++] = s->parts.sets[part];
    }
    if (sets.n == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: no part of a model lies there", r->path);
    return check_all(&sets, r, result, err);
}

static hg_status check_folder(const hg_check_request *r, hg_check_result *result, hg_error *err)
{
    hg_source *s = hg_mem_array(1, sizeof *s);
    hg_part_problems *problems = hg_mem_array(1, sizeof *problems);
    hg_status status = s == NULL || problems == NULL
                           ? hg_error_memory(err, sizeof *s + sizeof *problems, "a model")
                           : hg_source_open_parts(s, r->path, problems, err);
    if (status == HG_STATUS_OK) {
        status = check_parts(s, problems, r, result, err);
        hg_source_close(s);
    }
    hg_mem_free(s);
    hg_mem_free(problems);
    return status;
}

hg_status hg_model_check(const hg_check_request *request, hg_check_result *result, hg_error *err)
{
    *result = (hg_check_result){.n_tensors = 0};
    if (request->path == NULL)
        return hg_error_set(err, HG_STATUS_USAGE, "nothing to check was named");
    return hg_file_exists(request->path) ? check_file(request->path, request, result, err)
                                         : check_folder(request, result, err);
}
