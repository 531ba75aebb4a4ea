/* SPDX-License-Identifier: Apache-2.0
 *
 * source_package.c: one GGUF file of ours, or of llama.cpp with a base model. An adapter package names the
 * file of its base model, which must lie in the same folder: a package cannot make the program read
 * elsewhere.
 */
#include "package/source.h"

#include "base/memory.h"
#include "package/key_fields.h"
#include "package/package_keys.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define MAX_SOURCES 4096

/* Opens a GGUF file; other containers are refused. */
static hg_status open_gguf(hg_tensor_file **out, const char *path, hg_error *err)
{
    hg_status status = hg_tensor_file_open(out, path, err);
    if (status != HG_STATUS_OK || hg_tensor_file_get_kind(*out) == HG_TENSOR_FILE_GGUF)
        return status;
    return hg_error_set(err, HG_STATUS_INPUT,
                        "%s: a %s file, but a model is a folder of released files or a GGUF package", path,
                        hg_tensor_file_kind_name(hg_tensor_file_get_kind(*out)));
}

/* ---- base models in llama.cpp's layout ---- */

/* llama.cpp names one end token; the released settings also stop at these. */
static void stop_at_turn_ends(hg_source *s)
{
    static const char *const names[] = {"<|endoftext|>", "<|end|>", "<|im_end|>"};
    hg_generation_config *c = &s->parts.generation;
    int32_t ids[4] = {hg_tokenizer_eos(s->tokenizer), 0, 0, 0};
    for (size_t i = 0; i < 3; i++)
        ids[i + 1] = hg_tokenizer_find_id(s->tokenizer, names[i]);
    for (size_t i = 0; i < 4; i++) {
        bool known = ids[i] < 0;
        for (int k = 0; k < c->n_stop_ids; k++)
            known = known || c->stop_ids[k] == ids[i];
        if (!known && c->n_stop_ids < HG_CONFIG_MAX_IDS)
            c->stop_ids[c->n_stop_ids++] = ids[i];
    }
    s->parts.decoder.n_eos_ids = c->n_stop_ids;
    memcpy(s->parts.decoder.eos_ids, c->stop_ids, sizeof c->stop_ids);
}

static hg_status llama_config(hg_source *s, const hg_gguf *g, hg_error *err)
{
    hg_decoder_config *c = &s->parts.decoder;
    const hg_family families[] = {HG_FAMILY_PHI3, HG_FAMILY_QWEN2};
    for (size_t i = 0; i < 2; i++) {
        const char *name = hg_family_name(families[i]);
        char key[HG_KEY_BYTES];
        if (!hg_gguf_string_is(g, "general.architecture", name))
            continue;
        hg_status status = hg_package_get_decoder(g, name, c, err);
        c->family = families[i];
        snprintf(key, sizeof key, "%s.rope.scaling.type", name);
        if (status == HG_STATUS_OK && hg_gguf_find(g, key) != NULL && !hg_gguf_string_is(g, key, "none"))
            status = hg_error_set(err, HG_STATUS_INPUT, "%s: rope scaling is not supported", key);
        return status;
    }
    return hg_error_set(
        err, HG_STATUS_INPUT,
        "a GGUF file of another architecture than phi3 or qwen2 (a base model), or healthgpt");
}

/* Rows of the embedding, and whether the head is the same matrix: llama.cpp leaves it out then. */
static hg_status llama_vocabulary(hg_source *s, const hg_tensor_file *file, hg_error *err)
{
    const hg_tensor *embed = NULL;
    hg_status status = hg_tensor_file_need(file, "token_embd.weight", &embed, err);
    if (status != HG_STATUS_OK)
        return status;
    if (hg_tensor_file_find_any(file, "rope_factors_long.weight") != NULL)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "%s: a long-context model with rope factors is not supported",
                            hg_tensor_file_get_path(file));
    s->parts.decoder.vocab = embed->shape[0];
    s->parts.decoder.tie_embeddings = hg_tensor_file_find_any(file, "output.weight") == NULL;
    return HG_STATUS_OK;
}

static void llama_chat_template(hg_source *s, const hg_gguf *g)
{
    hg_gguf_text text;
    if (hg_gguf_get_string(g, "tokenizer.chat_template", &text, NULL) == HG_STATUS_OK &&
        memchr(text.data, 0, text.size) == NULL)
        s->chat_template = hg_mem_string_n(text.data, text.size);
}

hg_status hg_source_open_llama_base(hg_source *s, const char *path, hg_error *err)
{
    hg_status status = open_gguf(&s->base_file, path, err);
    if (status != HG_STATUS_OK)
        return status;
    const hg_gguf *g = hg_tensor_file_get_gguf(s->base_file);
    status = llama_config(s, g, err);
    if (status == HG_STATUS_OK)
        status = hg_tokenizer_open_gguf(&s->tokenizer, g, err);
    if (status != HG_STATUS_OK)
        return hg_error_prefix(err, status, "%s", path);
    status = llama_vocabulary(s, s->base_file, err);
    if (status != HG_STATUS_OK)
        return status;
    s->parts.generation =
        (hg_generation_config){.repetition_penalty = 1, .temperature = 1, .top_k = 50, .top_p = 1};
    stop_at_turn_ends(s);
    llama_chat_template(s, g);
    return hg_source_take_part(s, s->base_file, HG_PART_BASE, err);
}

/* ---- packages ---- */

static hg_status copy_text(char *out, size_t capacity, const hg_gguf_value *array, size_t i, hg_error *err)
{
    hg_gguf_text text = hg_gguf_array_string(array, i);
    if (text.size >= capacity || memchr(text.data, 0, text.size) != NULL)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "GGUF: healthgpt.source: text %zu has %zu bytes, at most %zu", i, text.size,
                            capacity - 1);
    memcpy(out, text.data, text.size);
    out[text.size] = 0;
    return HG_STATUS_OK;
}

/* healthgpt.source.{part, name, sha256}, side by side. */
static hg_status read_provenance(hg_source *s, const hg_gguf *g, hg_error *err)
{
    static const char *const keys[] = {"healthgpt.source.part", "healthgpt.source.name",
                                       "healthgpt.source.sha256"};
    const hg_gguf_value *columns[3] = {NULL, NULL, NULL};
    if (hg_gguf_find(g, keys[0]) == NULL)
        return HG_STATUS_OK;
    hg_status status = HG_STATUS_OK;
    for (size_t k = 0; status == HG_STATUS_OK && k < 3; k++)
        status = hg_gguf_get_array(g, keys[k], HG_GGUF_STRING, &columns[k], err);
    if (status != HG_STATUS_OK)
        return status;
    size_t n = hg_gguf_array_count(columns[0]);
    if (n > MAX_SOURCES || hg_gguf_array_count(columns[1]) != n || hg_gguf_array_count(columns[2]) != n)
        return hg_error_set(err, HG_STATUS_INPUT, "GGUF: healthgpt.source: lists of %zu, %zu and %zu", n,
                            hg_gguf_array_count(columns[1]), hg_gguf_array_count(columns[2]));
    s->provenance = hg_mem_array(n == 0 ? 1 : n, sizeof *s->provenance);
    if (s->provenance == NULL)
        return hg_error_memory(err, n * sizeof *s->provenance, "the sources of a package");
    for (size_t i = 0; status == HG_STATUS_OK && i < n; i++) {
        hg_provenance *p = &s->provenance[i];
        status = copy_text(p->part, sizeof p->part, columns[0], i, err);
        if (status == HG_STATUS_OK)
            status = copy_text(p->name, sizeof p->name, columns[1], i, err);
        if (status == HG_STATUS_OK)
            status = copy_text(p->sha256, sizeof p->sha256, columns[2], i, err);
    }
    s->n_provenance = status == HG_STATUS_OK ? n : 0;
    return status;
}

static hg_status read_settings(hg_source *s, const hg_gguf *g, hg_error *err)
{
    hg_model_parts *p = &s->parts;
    uint32_t version = 0;
    hg_status status = hg_gguf_get_u32(g, "healthgpt.version", &version, err);
    if (status == HG_STATUS_OK && version != HG_PACKAGE_VERSION)
        return hg_error_set(err, HG_STATUS_INPUT, "a package of version %" PRIu32 ", this program reads %d",
                            version, HG_PACKAGE_VERSION);
    if (status == HG_STATUS_OK)
        status = hg_package_get_manifest(g, &s->manifest, err);
    if (status == HG_STATUS_OK)
        status = hg_package_get_decoder(g, HG_PACKAGE_ARCHITECTURE, &p->decoder, err);
    if (status == HG_STATUS_OK)
        status = hg_package_get_generation(g, &p->generation, err);
    if (status == HG_STATUS_OK)
        status = hg_package_get_clip(g, &p->clip, &p->preprocessor, err);
    if (status == HG_STATUS_OK && hg_gguf_find(g, "healthgpt.vqgan.resolution") != NULL)
        status = hg_package_get_vqgan(g, &p->vqgan, err);
    if (status == HG_STATUS_OK)
        status = read_provenance(s, g, err);
    return status == HG_STATUS_OK ? hg_tokenizer_open_gguf(&s->tokenizer, g, err) : status;
}

static bool is_plain_name(const char *name)
{
    return name[0] != 0 && name[0] != '.' && strpbrk(name, "/\\") == NULL;
}

/* The base model's file of an adapter package. */
static hg_status open_other_base(hg_source *s, const char *path, const char *name, hg_error *err)
{
    char base[HG_PATH_BYTES];
    const char *file_name = hg_path_name(path);
    if (!is_plain_name(name))
        return hg_error_set(err, HG_STATUS_INPUT, "%s: its base model '%s' is not a plain file name", path,
                            name);
    int n = snprintf(base, sizeof base, "%.*s%s", (int)(file_name - path), path, name);
    if (n < 0 || (size_t)n >= sizeof base)
        return hg_error_set(err, HG_STATUS_INPUT, "%.100s...: the path is too long", path);
    if (!hg_file_exists(base))
        return hg_error_set(err, HG_STATUS_INPUT,
                            "%s: a package of adapters; its base model '%s' must lie in the same folder",
                            path, name);
    hg_status status = open_gguf(&s->base_file, base, err);
    return status == HG_STATUS_OK ? hg_source_take_part(s, s->base_file, HG_PART_BASE, err) : status;
}

static hg_status take_parts(hg_source *s, const char *path, hg_error *err)
{
    const hg_gguf *g = hg_tensor_file_get_gguf(s->package);
    char base[256] = "";
    hg_status status = HG_STATUS_OK;
    for (int part = HG_PART_BASE; status == HG_STATUS_OK && part < HG_PART_COUNT; part++)
        status = hg_source_take_part(s, s->package, (hg_part)part, err);
    if (status == HG_STATUS_OK && hg_gguf_find(g, "healthgpt.base.file") != NULL)
        status = hg_key_get_text(g, "healthgpt.base.file", base, sizeof base, err);
    if (status != HG_STATUS_OK)
        return status;
    if (s->parts.sets[HG_PART_BASE] == NULL && base[0] != 0)
        status = open_other_base(s, path, base, err);
    if (status == HG_STATUS_OK &&
        (s->parts.sets[HG_PART_BASE] == NULL || s->parts.sets[HG_PART_CLIP] == NULL))
        status = hg_error_set(err, HG_STATUS_INPUT,
                              "%s: no tensors of the language model or of the image encoder", path);
    return status;
}

hg_status hg_source_open_package(hg_source *s, const char *path, hg_error *err)
{
    s->is_package = true;
    hg_status status = open_gguf(&s->package, path, err);
    if (status != HG_STATUS_OK)
        return status;
    const hg_gguf *g = hg_tensor_file_get_gguf(s->package);
    if (!hg_gguf_string_is(g, "general.architecture", HG_PACKAGE_ARCHITECTURE))
        return hg_error_set(
            err, HG_STATUS_INPUT,
            "%s: a GGUF file, but not a HealthGPT package; a base model becomes a part of one with "
            "healthgpt convert --base",
            path);
    status = read_settings(s, g, err);
    if (status == HG_STATUS_OK)
        status = hg_source_choose_chat(s, path, err);
    if (status != HG_STATUS_OK)
        return hg_error_prefix(err, status, "%s", path);
    llama_chat_template(s, g);
    return take_parts(s, path, err);
}
