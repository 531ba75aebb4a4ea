/* SPDX-License-Identifier: Apache-2.0
 *
 * package_writer.c: first a list of all tensors with their new names and types, which fixes the file's
 * layout; then metadata; then the tensors one by one.
 */
#include "package/package_writer.h"

#include "base/file_writer.h"
#include "base/memory.h"
#include "package/package_keys.h"
#include "package/part_names.h"
#include "package/tensor_stream.h"

#include <string.h>

typedef struct package_item {
    char name[HG_PACKAGE_NAME_BYTES];
    const hg_named_tensor *tensor;
    const hg_tensor_set *set;
    hg_dtype type;
} package_item;

typedef struct package_plan {
    package_item *items;
    hg_tensor_spec *specs; /* names point into `items` */
    size_t n, capacity;
    uint64_t source_bytes;
} package_plan;

static hg_status plan_init(package_plan *plan, const hg_source *s, hg_error *err)
{
    *plan = (package_plan){.n = 0};
    for (int part = 0; part < HG_PART_COUNT; part++) {
        if (s->parts.sets[part] != NULL)
            plan->capacity += hg_tensor_set_n_tensors(s->parts.sets[part]);
    }
    plan->items = hg_mem_array(plan->capacity + 1, sizeof *plan->items);
    plan->specs = hg_mem_array(plan->capacity + 1, sizeof *plan->specs);
    if (plan->items == NULL || plan->specs == NULL)
        return hg_error_memory(err, plan->capacity * (sizeof *plan->items + sizeof *plan->specs),
                               "the tensors of a package");
    return HG_STATUS_OK;
}

static void plan_deinit(package_plan *plan)
{
    hg_mem_free(plan->items);
    hg_mem_free(plan->specs);
}

/* Buffers that old checkpoints carry beside their weights, other halves of CLIP, and a VQGAN's training loss:
 * known, and of no use here. */
static bool may_be_left_out(hg_part part, const char *name)
{
    static const char inv_freq[] = ".rotary_emb.inv_freq";
    size_t n = strlen(name), ending = sizeof inv_freq - 1;
    if (part == HG_PART_CLIP)
        return strncmp(name, "vision_model.", 13) != 0 || strstr(name, "position_ids") != NULL;
    if (part == HG_PART_VQGAN)
        return strncmp(name, "loss.", 5) == 0;
    return part == HG_PART_BASE && n > ending && strcmp(name + n - ending, inv_freq) == 0;
}

static hg_status plan_tensor(package_plan *plan, const hg_source *s, hg_part part, const hg_named_tensor *t,
                             const hg_package_options *o, hg_convert_result *result, hg_error *err)
{
    const hg_tensor_set *set = s->parts.sets[part];
    package_item *item = &plan->items[plan->n];
    if (!hg_part_package_name(part, s->parts.decoder.family, t->name, item->name)) {
        result->n_left_out++;
        if (may_be_left_out(part, t->name))
            return HG_STATUS_OK;
        return hg_error_set(err, HG_STATUS_INPUT, "%s: unexpected tensor '%s'",
                            hg_tensor_file_get_path(hg_tensor_set_get_file(set, 0)), t->name);
    }
    if (t->unsupported != NULL)
        return hg_error_set(err, HG_STATUS_INPUT, "tensor '%s': %s is not supported", t->name,
                            t->unsupported);
    bool fallback;
    item->tensor = t;
    item->set = set;
    item->type = hg_tensor_types_choose(o->types, hg_tensor_role_get(part, t->name, &t->tensor), &t->tensor,
                                        &fallback);
    hg_tensor_spec *spec = &plan->specs[plan->n++];
    *spec = (hg_tensor_spec){.name = item->name, .dtype = item->type, .n_dims = t->tensor.n_dims};
    memcpy(spec->shape, t->tensor.shape, sizeof spec->shape);
    plan->source_bytes += hg_dtype_span(t->tensor.dtype, hg_tensor_count(&t->tensor));
    result->n_fallback += fallback ? 1 : 0;
    result->n_by_part[part]++;
    return HG_STATUS_OK;
}

static hg_status plan_parts(package_plan *plan, const hg_source *s, const hg_package_options *o,
                            hg_convert_result *result, hg_error *err)
{
    for (int part = o->base_file != NULL ? HG_PART_CLIP : HG_PART_BASE; part < HG_PART_COUNT; part++) {
        const hg_tensor_set *set = s->parts.sets[part];
        for (size_t i = 0; set != NULL && i < hg_tensor_set_n_tensors(set); i++) {
            hg_status status = plan_tensor(plan, s, (hg_part)part, hg_tensor_set_get(set, i), o, result, err);
            if (status != HG_STATUS_OK)
                return status;
        }
    }
    result->n_tensors = plan->n;
    return HG_STATUS_OK;
}

/* llama.cpp's number for "mostly of this type", which listings show. */
static uint32_t file_type(const hg_wanted_type *main)
{
    static const struct {
        hg_dtype type;
        uint32_t number;
    } numbers[] = {{HG_DTYPE_F32, 0},   {HG_DTYPE_F16, 1},   {HG_DTYPE_Q4_0, 2}, {HG_DTYPE_Q8_0, 7},
                   {HG_DTYPE_Q4_K, 14}, {HG_DTYPE_Q6_K, 18}, {HG_DTYPE_BF16, 32}};
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers && !main->keep; i++) {
        if (numbers[i].type == main->dtype)
            return numbers[i].number;
    }
    return 1024; /* "guessed" */
}

static void put_provenance(hg_gguf_builder *b, const hg_package_options *o)
{
    if (o->n_provenance == 0)
        return;
    hg_gguf_begin_array(b, "healthgpt.source.part", HG_GGUF_STRING, o->n_provenance);
    for (size_t i = 0; i < o->n_provenance; i++)
        hg_gguf_push_text(b, o->provenance[i].part, strlen(o->provenance[i].part));
    hg_gguf_begin_array(b, "healthgpt.source.name", HG_GGUF_STRING, o->n_provenance);
    for (size_t i = 0; i < o->n_provenance; i++)
        hg_gguf_push_text(b, o->provenance[i].name, strlen(o->provenance[i].name));
    hg_gguf_begin_array(b, "healthgpt.source.sha256", HG_GGUF_STRING, o->n_provenance);
    for (size_t i = 0; i < o->n_provenance; i++)
        hg_gguf_push_text(b, o->provenance[i].sha256, strlen(o->provenance[i].sha256));
}

static hg_status put_metadata(hg_gguf_builder *b, const hg_source *s, const hg_package_options *o,
                              hg_error *err)
{
    hg_manifest *manifest = hg_mem_array(1, sizeof *manifest);
    if (manifest == NULL)
        return hg_error_memory(err, sizeof *manifest, "the metadata of a package");
    *manifest = s->manifest;
    strcpy(manifest->template_name, hg_chat_kind_name(s->chat)); /* a guess is not made twice */
    hg_gguf_put_text(b, "general.architecture", HG_PACKAGE_ARCHITECTURE);
    hg_gguf_put_text(b, "general.type", o->base_file != NULL ? "adapter" : "model");
    hg_gguf_put_u32(b, "general.file_type", file_type(&o->types->main));
    hg_gguf_put_u32(b, "general.quantization_version", 2);
    hg_gguf_put_u32(b, "healthgpt.version", HG_PACKAGE_VERSION);
    hg_package_put_manifest(b, manifest);
    hg_mem_free(manifest);
    hg_package_put_decoder(b, &s->parts.decoder);
    hg_package_put_generation(b, &s->parts.generation);
    hg_package_put_clip(b, &s->parts.clip, &s->parts.preprocessor);
    if (s->parts.sets[HG_PART_VQGAN] != NULL)
        hg_package_put_vqgan(b, &s->parts.vqgan);
    if (o->base_file != NULL)
        hg_gguf_put_text(b, "healthgpt.base.file", o->base_file);
    put_provenance(b, o);
    if (s->chat_template != NULL)
        hg_gguf_put_text(b, "tokenizer.chat_template", s->chat_template);
    return hg_tokenizer_write_gguf(s->tokenizer, b, err);
}

static hg_status write_tensors(const package_plan *plan, const hg_package_options *o,
                               hg_tensor_writer *writer, hg_error *err)
{
    hg_tensor_stream stream;
    hg_status status =
        hg_tensor_stream_init(&stream, o->n_threads, o->progress, "writing", plan->source_bytes, err);
    for (size_t i = 0; status == HG_STATUS_OK && i < plan->n; i++) {
        const package_item *item = &plan->items[i];
        bool bad = false;
        status =
            hg_tensor_stream_put(&stream, item->set, &item->tensor->tensor, item->type, writer, &bad, err);
        if (status == HG_STATUS_OK && bad)
            status = hg_error_set(err, HG_STATUS_INPUT,
                                  "tensor '%s' has values that are no numbers, infinite, or too large for %s",
                                  item->tensor->name, hg_dtype_name(item->type));
    }
    hg_tensor_stream_deinit(&stream);
    return status == HG_STATUS_OK ? hg_tensor_writer_finish(writer, err) : status;
}

static hg_status write_plan(const package_plan *plan, const hg_source *s, const hg_package_options *o,
                            hg_convert_result *result, hg_error *err)
{
    hg_gguf_builder metadata;
    hg_tensor_writer *writer = NULL;
    hg_gguf_builder_init(&metadata);
    hg_file_writer_sweep(o->out);
    hg_status status = put_metadata(&metadata, s, o, err);
    if (status == HG_STATUS_OK)
        status = hg_gguf_writer_create(&writer, o->out, &metadata, plan->specs, plan->n, err);
    hg_gguf_builder_deinit(&metadata);
    if (status != HG_STATUS_OK)
        return status;
    result->file_bytes = hg_tensor_writer_file_bytes(writer);
    status = write_tensors(plan, o, writer, err);
    hg_tensor_writer_destroy(writer);
    return status;
}

hg_status hg_package_write(const hg_source *s, const hg_package_options *o, hg_convert_result *result,
                           hg_error *err)
{
    package_plan plan;
    *result = (hg_convert_result){.n_tensors = 0};
    hg_status status = plan_init(&plan, s, err);
    if (status == HG_STATUS_OK)
        status = plan_parts(&plan, s, o, result, err);
    if (status == HG_STATUS_OK)
        status = write_plan(&plan, s, o, result, err);
    plan_deinit(&plan);
    return status;
}
