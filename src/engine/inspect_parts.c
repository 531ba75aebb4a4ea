/* SPDX-License-Identifier: Apache-2.0
 *
 * inspect_parts.c: weights described as JSON.
 */
#include "engine/inspect_parts.h"

#include "text/utf8.h"

#include <string.h>

#define INSPECT_TEXT_BYTES ((size_t)1 << 16)

json_t *hg_inspect_text(const char *text)
{
    hg_buffer valid;
    hg_buffer_init(&valid, INSPECT_TEXT_BYTES);
    bool ok = hg_utf8_push_valid(&valid, (const uint8_t *)text, strlen(text));
    json_t *string = ok ? json_string(hg_buffer_text(&valid)) : NULL;
    hg_buffer_deinit(&valid);
    return string;
}

void hg_inspect_put_text(json_t *to, const char *key, const char *text)
{
    if (text[0] != 0)
        json_object_set_new(to, key, hg_inspect_text(text));
}

/* ---- sizes ---- */

void hg_inspect_count(hg_inspect_sizes *sizes, const hg_tensor_set *set)
{
    for (size_t i = 0; i < hg_tensor_set_n_tensors(set); i++) {
        const hg_named_tensor *t = hg_tensor_set_get(set, i);
        sizes->n_tensors++;
        if (t->unsupported != NULL) {
            sizes->n_unsupported++;
            continue;
        }
        size_t bytes = hg_tensor_bytes(&t->tensor);
        sizes->n[t->tensor.dtype]++;
        sizes->bytes[t->tensor.dtype] += bytes;
        sizes->total += bytes;
    }
}

void hg_inspect_put_sizes(json_t *to, const hg_inspect_sizes *sizes)
{
    json_t *types = json_object(), *bytes = json_object();
    for (int i = 0; i < HG_DTYPE_COUNT; i++) {
        if (sizes->n[i] == 0)
            continue;
        json_object_set_new(types, hg_dtype_name((hg_dtype)i), json_integer((json_int_t)sizes->n[i]));
        json_object_set_new(bytes, hg_dtype_name((hg_dtype)i), json_integer((json_int_t)sizes->bytes[i]));
    }
    if (sizes->n_unsupported > 0)
        json_object_set_new(types, "unsupported", json_integer((json_int_t)sizes->n_unsupported));
    json_object_set_new(to, "tensors_count", json_integer((json_int_t)sizes->n_tensors));
    json_object_set_new(to, "bytes", json_integer((json_int_t)sizes->total));
    json_object_set_new(to, "types", types);
    json_object_set_new(to, "bytes_by_type", bytes);
}

/* ---- sets ---- */

static json_t *inspect_tensors(const hg_tensor_set *set)
{
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < hg_tensor_set_n_tensors(set); i++) {
        const hg_named_tensor *t = hg_tensor_set_get(set, i);
        char shape[HG_TENSOR_SHAPE_TEXT] = "";
        if (t->unsupported == NULL)
            hg_tensor_format_shape(&t->tensor, shape);
        json_array_append_new(
            list, json_pack("{s:o, s:o, s:s}", "name", hg_inspect_text(t->name), "type",
                            hg_inspect_text(t->unsupported != NULL ? t->unsupported
                                                                   : hg_dtype_name(t->tensor.dtype)),
                            "shape", shape));
    }
    return list;
}

json_t *hg_inspect_set(const hg_tensor_set *set, const char *path, bool with_tensors)
{
    hg_inspect_sizes sizes = {.n_tensors = 0};
    json_t *part =
        json_pack("{s:o, s:s}", "path", hg_inspect_text(path), "kind",
                  hg_tensor_file_kind_name(hg_tensor_file_get_kind(hg_tensor_set_get_file(set, 0))));
    hg_inspect_count(&sizes, set);
    hg_inspect_put_sizes(part, &sizes);
    if (with_tensors)
        json_object_set_new(part, "tensors", inspect_tensors(set));
    return part;
}

/* ---- parts ---- */

/* Where a part lies or should: its own path in a folder, the file in a package; "" when it is missing. */
static const char *path_of(const hg_source *s, hg_part part)
{
    const hg_parts *f = s->folder;
    if (f == NULL)
        return s->parts.sets[part] == NULL
                   ? ""
                   : hg_tensor_file_get_path(hg_tensor_set_get_file(s->parts.sets[part], 0));
    const char *const paths[HG_PART_COUNT] = {f->base, f->clip, f->com, f->gen, f->fusion, f->vqgan_file};
    return paths[part];
}

static json_t *inspect_part(const hg_source *s, const hg_part_problems *problems, hg_part part,
                            bool with_tensors)
{
    if (s->parts.sets[part] != NULL)
        return hg_inspect_set(s->parts.sets[part], path_of(s, part), with_tensors);
    json_t *missing = json_object();
    hg_inspect_put_text(missing, "path", path_of(s, part));
    hg_inspect_put_text(missing, "problem", problems->parts[part]);
    return missing;
}

json_t *hg_inspect_parts(const hg_source *s, const hg_part_problems *problems, bool with_tensors,
                         hg_inspect_sizes *sizes)
{
    json_t *list = json_object();
    for (int part = 0; part < HG_PART_COUNT; part++) {
        json_object_set_new(list, hg_part_name((hg_part)part),
                            inspect_part(s, problems, (hg_part)part, with_tensors));
        if (s->parts.sets[part] != NULL)
            hg_inspect_count(sizes, s->parts.sets[part]);
    }
    return list;
}
