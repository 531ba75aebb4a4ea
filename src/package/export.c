/* SPDX-License-Identifier: Apache-2.0
 *
 * export.c: one part of a model back under its released names, for PyTorch. The layout is planned from names
 * and shapes, then tensors stream through one by one.
 */
#include <healthgpt/package.h>

#include "base/file_writer.h"
#include "base/memory.h"
#include "package/part_names.h"
#include "package/source_parts.h"
#include "package/tensor_stream.h"

#include <string.h>
#include <strings.h>

typedef struct export_plan {
    const hg_tensor_set *set;
    const hg_named_tensor **tensors;
    hg_tensor_spec *specs; /* names are the set's */
    size_t n;
    uint64_t source_bytes;
} export_plan;

typedef struct export_wish {
    hg_part part;
    bool torch; /* or safetensors */
    bool keep;  /* types as stored */
    hg_dtype type;
} export_wish;

/* ---- the request ---- */

static bool ends_with(const char *text, const char *ending)
{
    size_t n = strlen(text), m = strlen(ending);
    return n > m && strcasecmp(text + n - m, ending) == 0;
}

static hg_status read_request(export_wish *wish, const hg_export_request *r, hg_error *err)
{
    if (r->model == NULL || r->part == NULL || r->out == NULL)
        return hg_error_set(err, HG_STATUS_USAGE, "export: a model, a part and a file are wanted");
    int part = 0;
    while (part < HG_PART_COUNT && strcmp(r->part, hg_part_name((hg_part)part)) != 0)
        part++;
    if (part == HG_PART_COUNT)
        return hg_error_set(err, HG_STATUS_USAGE, "no part '%.40s': com, gen, fusion, clip, vqgan or base",
                            r->part);
    *wish = (export_wish){.part = (hg_part)part, .torch = ends_with(r->out, ".bin"), .keep = r->type == NULL};
    if (!wish->torch && !ends_with(r->out, ".safetensors"))
        return hg_error_set(err, HG_STATUS_USAGE, "'%.200s' must end in .bin or .safetensors", r->out);
    if (!wish->keep && (!hg_dtype_find(r->type, &wish->type) || hg_dtype_is_quantised(wish->type) ||
                        wish->type == HG_DTYPE_F64))
        return hg_error_set(err, HG_STATUS_USAGE, "no type '%.40s': f32, f16 or bf16", r->type);
    return HG_STATUS_OK;
}

/* ---- the plan ---- */

/* Released files hold more than weights of the part: other halves of CLIP, buffers, a training loss. */
static bool is_wanted(const hg_source *s, hg_part part, const char *name)
{
    char packaged[HG_PACKAGE_NAME_BYTES];
    if (s->is_package || s->parts.decoder.n_layers > 0)
        return hg_part_package_name(part, s->parts.decoder.family, name, packaged);
    return hg_part_package_name(part, HG_FAMILY_PHI3, name, packaged) ||
           hg_part_package_name(part, HG_FAMILY_QWEN2, name, packaged);
}

/* The picture decoder's names go through a package as they are; what writers refuse is refused here, as the
 * file's fault. */
static bool is_plain(const char *name)
{
    for (const char *c = name; *c != 0; c++) {
        if (*c < 0x20 || *c > 0x7e || *c == '"' || *c == '\\')
            return false;
    }
    return true;
}

static hg_dtype export_type(const export_wish *wish, hg_dtype stored)
{
    if (!wish->keep)
        return wish->type;
    return hg_dtype_is_quantised(stored) ? HG_DTYPE_F16 : stored;
}

static hg_status plan_tensors(export_plan *plan, const hg_source *s, const export_wish *wish, hg_error *err)
{
    size_t capacity = hg_tensor_set_n_tensors(plan->set);
    plan->tensors = hg_mem_array(capacity + 1, sizeof *plan->tensors);
    plan->specs = hg_mem_array(capacity + 1, sizeof *plan->specs);
    if (plan->tensors == NULL || plan->specs == NULL)
        return hg_error_memory(err, capacity * (sizeof *plan->specs + sizeof *plan->tensors),
                               "the tensors of a part");
    for (size_t i = 0; i < capacity; i++) {
        const hg_named_tensor *t = hg_tensor_set_get(plan->set, i);
        if (!is_wanted(s, wish->part, t->name))
            continue;
        if (!is_plain(t->name))
            return hg_error_set(err, HG_STATUS_INPUT, "tensor '%s': a name with other than plain characters",
                                t->name);
        if (t->unsupported != NULL)
            return hg_error_set(err, HG_STATUS_INPUT, "tensor '%s': %s is not supported", t->name,
                                t->unsupported);
        hg_tensor_spec *spec = &plan->specs[plan->n];
        plan->tensors[plan->n++] = t;
        *spec = (hg_tensor_spec){
            .name = t->name, .dtype = export_type(wish, t->tensor.dtype), .n_dims = t->tensor.n_dims};
        memcpy(spec->shape, t->tensor.shape, sizeof spec->shape);
        plan->source_bytes += hg_dtype_span(t->tensor.dtype, hg_tensor_count(&t->tensor));
    }
    return plan->n > 0 ? HG_STATUS_OK
                       : hg_error_set(err, HG_STATUS_INPUT, "%s: none of its tensors belongs to the part %s",
                                      hg_tensor_file_get_path(hg_tensor_set_get_file(plan->set, 0)),
                                      hg_part_name(wish->part));
}

static void plan_deinit(export_plan *plan)
{
    hg_mem_free(plan->tensors);
    hg_mem_free(plan->specs);
}

/* ---- writing ---- */

/* The folder inside a PyTorch file is that of the released file. */
static const char *root_of(hg_part part)
{
    switch (part) {
    case HG_PART_COM:
    case HG_PART_GEN:
        return "adapter_model";
    case HG_PART_FUSION:
        return "non_lora_trainables";
    case HG_PART_VQGAN:
        return "last";
    default:
        return "pytorch_model";
    }
}

static hg_status write_tensors(const export_plan *plan, const hg_export_request *r, hg_tensor_writer *writer,
                               hg_error *err)
{
    hg_tensor_stream stream;
    hg_status status =
        hg_tensor_stream_init(&stream, r->n_threads, &r->progress, "writing", plan->source_bytes, err);
    for (size_t i = 0; status == HG_STATUS_OK && i < plan->n; i++) {
        bool bad = false;
        status = hg_tensor_stream_put(&stream, plan->set, &plan->tensors[i]->tensor, plan->specs[i].dtype,
                                      writer, &bad, err);
        if (status == HG_STATUS_OK && bad)
            status = hg_error_set(
                err, HG_STATUS_INPUT,
                "tensor '%s' has values that are no numbers, infinite, or too large for the type",
                plan->tensors[i]->name);
    }
    hg_tensor_stream_deinit(&stream);
    return status == HG_STATUS_OK ? hg_tensor_writer_finish(writer, err) : status;
}

static hg_status write_part(const export_plan *plan, const export_wish *wish, const hg_export_request *r,
                            hg_error *err)
{
    hg_tensor_writer *writer = NULL;
    hg_file_writer_sweep(r->out);
    hg_status status =
        wish->torch ? hg_torch_writer_create(&writer, r->out, root_of(wish->part), plan->specs, plan->n, err)
                    : hg_safetensors_writer_create(&writer, r->out, plan->specs, plan->n, err);
    if (status == HG_STATUS_OK)
        status = write_tensors(plan, r, writer, err);
    hg_tensor_writer_destroy(writer);
    return status;
}

static hg_status export_part(const hg_source *s, const hg_part_problems *problems, const export_wish *wish,
                             const hg_export_request *r, size_t *n_tensors, hg_error *err)
{
    export_plan plan = {.set = s->parts.sets[wish->part]};
    if (plan.set == NULL && problems->parts[wish->part][0] != 0)
        return hg_error_set(err, HG_STATUS_INPUT, "%s", problems->parts[wish->part]);
    if (plan.set == NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "%s: the model has no part %s", r->model, r->part);
    hg_status status = plan_tensors(&plan, s, wish, err);
    if (status == HG_STATUS_OK)
        status = write_part(&plan, wish, r, err);
    if (status == HG_STATUS_OK)
        *n_tensors = plan.n;
    plan_deinit(&plan);
    return status;
}

hg_status hg_model_export(const hg_export_request *request, size_t *n_tensors, hg_error *err)
{
    export_wish wish;
    *n_tensors = 0;
    hg_status status = read_request(&wish, request, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_source *s = hg_mem_array(1, sizeof *s);
    hg_part_problems *problems = hg_mem_array(1, sizeof *problems);
    status = s == NULL || problems == NULL ? hg_error_memory(err, sizeof *s + sizeof *problems, "a model")
                                           : hg_source_open_parts(s, request->model, problems, err);
    if (status == HG_STATUS_OK) {
        status = export_part(s, problems, &wish, request, n_tensors, err);
        hg_source_close(s);
    }
    hg_mem_free(s);
    hg_mem_free(problems);
    return status;
}
