/* SPDX-License-Identifier: Apache-2.0
 *
 * random_files.c: settings files, a tokenizer of made-up pieces, and weights of uniform random numbers,
 * written piece by piece.
 */
#include "package/random_files.h"

#include "base/buffer.h"
#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#define PIECE 65536 /* values written at a time */

typedef struct weight_filler {
    hg_rng rng;
    const hg_progress *progress; /* may be NULL */
    uint64_t done, total;        /* bytes */
    hg_real values[PIECE];
    uint8_t bytes[4 * PIECE];
} weight_filler;

/* Uniform numbers of the given standard deviation, four from each 64-bit number: the fastest that is random
 * enough. */
static void fill_random(weight_filler *f, size_t n, double spread)
{
    hg_real unit = (hg_real)(spread * sqrt(3.0) / 32768.0);
    for (size_t i = 0; i < n; i += 4) {
        uint64_t bits = hg_rng_next(&f->rng);
        for (size_t j = i; j < i + 4 && j < n; j++, bits >>= 16)
            f->values[j] = unit * ((hg_real)(int16_t)(uint16_t)bits + (hg_real)0.5);
    }
}

static hg_status filler_report(weight_filler *f, size_t written, hg_error *err)
{
    f->done += written;
    if (f->progress == NULL || f->progress->report == NULL ||
        f->progress->report(f->progress->user, "writing", (int64_t)(f->done >> 20),
                            (int64_t)(f->total >> 20)))
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_FAILED, "cancelled");
}

static hg_status write_tensor(hg_tensor_writer *w, weight_filler *f, const hg_tensor_spec *spec,
                              const hg_planned_tensor *t, hg_error *err)
{
    hg_tensor sizes = hg_tensor_make(spec->dtype, spec->n_dims, spec->shape, NULL);
    int64_t left = hg_tensor_count(&sizes);
    hg_status status = HG_STATUS_OK;
    while (left > 0 && status == HG_STATUS_OK) {
        size_t n = left < PIECE ? (size_t)left : PIECE;
        if (t->ones) {
            for (size_t i = 0; i < n; i++)
                f->values[i] = 1;
        } else {
            fill_random(f, n, t->spread);
        }
        hg_dtype_from_real(spec->dtype, (int64_t)n, f->values, f->bytes);
        status = hg_tensor_writer_write(w, f->bytes, n * hg_dtype_bytes(spec->dtype), err);
        if (status == HG_STATUS_OK)
            status = filler_report(f, n * hg_dtype_bytes(spec->dtype), err);
        left -= (int64_t)n;
    }
    return status;
}

typedef void (*plan_fn)(hg_weight_plan *plan, const hg_random_shape *shape);

/* Writes a plan as safetensors (root NULL) or as a PyTorch zip; releases the plan. */
static hg_status write_plan(hg_weight_plan *plan, weight_filler *filler, const char *folder, const char *name,
                            const char *root, hg_error *err)
{
    char path[HG_PATH_BYTES];
    hg_tensor_writer *w = NULL;
    hg_status status = plan->failed ? hg_error_memory(err, 0, name) : hg_path_join(path, folder, name, err);
    if (status == HG_STATUS_OK)
        status = root == NULL ? hg_safetensors_writer_create(&w, path, plan->specs, plan->n, err)
                              : hg_torch_writer_create(&w, path, root, plan->specs, plan->n, err);
    for (size_t i = 0; i < plan->n && status == HG_STATUS_OK; i++)
        status = write_tensor(w, filler, &plan->specs[i], &plan->tensors[i], err);
    if (status == HG_STATUS_OK)
        status = hg_tensor_writer_finish(w, err);
    hg_tensor_writer_destroy(w);
    hg_weight_plan_deinit(plan);
    return status;
}

static hg_status write_text(const char *folder, const char *name, hg_buffer *text, hg_error *err)
{
    char path[HG_PATH_BYTES];
    hg_status status = hg_path_join(path, folder, name, err);
    if (status == HG_STATUS_OK)
        status = hg_file_write(path, text->data, text->size, err);
    hg_buffer_deinit(text);
    return status;
}

static hg_status write_base_config(const hg_random_shape *s, const char *folder, hg_error *err)
{
    const hg_decoder_config *c = &s->decoder;
    hg_buffer text;
    hg_buffer_init(&text, 1 << 20);
    hg_buffer_push_format(
        &text,
        "{\n  \"architectures\": [\"Phi3ForCausalLM\"],\n  \"model_type\": \"phi3\",\n  \"hidden_size\": "
        "%lld,\n"
        "  \"intermediate_size\": %lld,\n  \"num_hidden_layers\": %lld,\n  \"num_attention_heads\": %lld,\n"
        "  \"num_key_value_heads\": %lld,\n  \"vocab_size\": %lld,\n  \"max_position_embeddings\": %lld,\n"
        "  \"sliding_window\": %lld,\n  \"rms_norm_eps\": 1e-05,\n  \"rope_theta\": 10000.0,\n"
        "  \"rope_scaling\": null,\n  \"hidden_act\": \"silu\",\n  \"tie_word_embeddings\": false,\n"
        "  \"bos_token_id\": 1,\n  \"eos_token_id\": %lld,\n  \"pad_token_id\": %lld\n}\n",
        (long long)c->hidden, (long long)c->ffn, (long long)c->n_layers, (long long)c->n_heads,
        (long long)c->n_kv_heads, (long long)c->vocab, (long long)c->max_positions,
        (long long)c->sliding_window, (long long)s->n_tokens - 11, (long long)s->n_tokens - 11);
    hg_status status = write_text(folder, "config.json", &text, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_buffer_init(&text, 1 << 20);
    hg_buffer_push_format(&text, "{\n  \"eos_token_id\": [%lld, %lld, %lld]\n}\n",
                          (long long)s->n_tokens - 11, (long long)s->n_tokens - 10,
                          (long long)s->n_tokens - 4);
    return write_text(folder, "generation_config.json", &text, err);
}

/* The control tokens of Phi-3, the last 11 of the tokenizer. */
static const char *const control_tokens[11] = {"<|endoftext|>",    "<|assistant|>",    "<|placeholder1|>",
                                               "<|placeholder2|>", "<|placeholder3|>", "<|placeholder4|>",
                                               "<|system|>",       "<|end|>",          "<|placeholder5|>",
                                               "<|placeholder6|>", "<|user|>"};

/* Pieces: <unk> <s> </s>, 256 bytes, printable ASCII, then syllables. */
static void push_pieces(hg_buffer *text, int64_t n)
{
    static const char *const consonants[] = {"b", "d", "f", "g", "l", "m", "n", "p", "r", "s", "t", "v"};
    static const char *const vowels[] = {"a", "e", "i", "o", "u"};
    hg_buffer_push_text(text, "\"<unk>\": 0, \"<s>\": 1, \"</s>\": 2");
    for (int64_t id = 3; id < n; id++) {
        if (id < 259) {
            hg_buffer_push_format(text, ", \"<0x%02X>\": %lld", (unsigned)(id - 3), (long long)id);
        } else if (id == 259) {
            hg_buffer_push_format(text, ", \"\xe2\x96\x81\": %lld", (long long)id); /* the mark of a space */
        } else if (id < 354) {
            int c = (int)(id - 260) + 0x21;
            hg_buffer_push_format(text, ", \"%s%c\": %lld", c == '"' || c == '\\' ? "\\" : "", c,
                                  (long long)id);
        } else {
            int64_t k = id - 354;
            hg_buffer_push_format(text, ", \"\xe2\x96\x81%s%s", consonants[k % 12], vowels[k / 12 % 5]);
            for (k /= 60; k > 0; k /= 60)
                hg_buffer_push_format(text, "%s%s", consonants[k % 12], vowels[k / 12 % 5]);
            hg_buffer_push_format(text, "\": %lld", (long long)id);
        }
    }
}

static hg_status write_tokenizer(const hg_random_shape *s, const char *folder, hg_error *err)
{
    hg_buffer text;
    int64_t first = s->n_tokens - 11;
    hg_buffer_init(&text, (size_t)64 << 20);
    hg_buffer_push_text(
        &text, "{\"version\": \"1.0\", \"truncation\": null, \"padding\": null, \"added_tokens\": [\n");
    static const char *const base[] = {"<unk>", "<s>", "</s>"};
    for (int i = 0; i < 14; i++)
        hg_buffer_push_format(
            &text,
            "{\"id\": %lld, \"content\": \"%s\", \"single_word\": false, \"lstrip\": false, \"rstrip\": %s, "
            "\"normalized\": false, \"special\": true}%s\n",
            i < 3 ? (long long)i : (long long)(first + i - 3), i < 3 ? base[i] : control_tokens[i - 3],
            i > 3 ? "true" : "false", i < 13 ? "," : "");
    hg_buffer_push_text(
        &text,
        "], \"normalizer\": {\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"Prepend\", \"prepend\": "
        "\"\xe2\x96\x81\"}, {\"type\": \"Replace\", \"pattern\": {\"String\": \" \"}, \"content\": "
        "\"\xe2\x96\x81\"}]}, \"pre_tokenizer\": null, \"post_processor\": null,\n\"decoder\": {\"type\": "
        "\"Sequence\", \"decoders\": [{\"type\": \"Replace\", \"pattern\": {\"String\": \"\xe2\x96\x81\"}, "
        "\"content\": \" \"}, {\"type\": \"ByteFallback\"}, {\"type\": \"Fuse\"}, {\"type\": \"Strip\", "
        "\"content\": \" \", \"start\": 1, \"stop\": 0}]},\n\"model\": {\"type\": \"BPE\", \"dropout\": "
        "null, "
        "\"unk_token\": \"<unk>\", \"continuing_subword_prefix\": null, \"end_of_word_suffix\": null, "
        "\"fuse_unk\": true, \"byte_fallback\": true, \"vocab\": {");
    push_pieces(&text, first);
    hg_buffer_push_text(&text, "}, \"merges\": []}}\n");
    return write_text(folder, "tokenizer.json", &text, err);
}

static hg_status write_clip_config(const hg_random_shape *s, const char *folder, hg_error *err)
{
    const hg_clip_config *c = &s->clip;
    hg_buffer text;
    hg_buffer_init(&text, 1 << 20);
    hg_buffer_push_format(&text,
                          "{\n  \"model_type\": \"clip\",\n  \"vision_config\": {\"hidden_size\": %lld, "
                          "\"intermediate_size\": %lld,\n"
                          "    \"num_hidden_layers\": %lld, \"num_attention_heads\": %lld, \"image_size\": "
                          "%lld, \"patch_size\": "
                          "%lld,\n    \"hidden_act\": \"quick_gelu\", \"layer_norm_eps\": 1e-05}\n}\n",
                          (long long)c->hidden, (long long)c->mlp, (long long)c->n_layers,
                          (long long)c->n_heads, (long long)c->image_size, (long long)c->patch);
    hg_status status = write_text(folder, "config.json", &text, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_buffer_init(&text, 1 << 20);
    hg_buffer_push_format(
        &text,
        "{\n  \"crop_size\": %lld,\n  \"do_center_crop\": true,\n  \"do_normalize\": true,\n  \"do_resize\": "
        "true,\n"
        "  \"image_mean\": [0.48145466, 0.4578275, 0.40821073],\n  \"image_std\": [0.26862954, 0.26130258, "
        "0.27577711],\n  \"resample\": 3,\n  \"size\": %lld\n}\n",
        (long long)c->image_size, (long long)c->image_size);
    return write_text(folder, "preprocessor_config.json", &text, err);
}

static hg_status write_vqgan_config(const hg_random_shape *s, const char *folder, hg_error *err)
{
    const hg_vqgan_config *c = &s->vqgan;
    hg_buffer text;
    hg_buffer_init(&text, 1 << 20);
    hg_buffer_push_format(
        &text,
        "model:\n  target: taming.models.vqgan.GumbelVQ\n  params:\n    embed_dim: %lld\n    n_embed: %lld\n"
        "    ddconfig:\n      double_z: false\n      z_channels: %lld\n      resolution: %lld\n"
        "      in_channels: %lld\n      out_ch: %lld\n      ch: %lld\n      ch_mult:\n",
        (long long)c->embed_dim, (long long)c->n_embed, (long long)c->z_channels, (long long)c->resolution,
        (long long)c->in_channels, (long long)c->out_ch, (long long)c->ch);
    for (int i = 0; i < c->n_levels; i++)
        hg_buffer_push_format(&text, "      - %lld\n", (long long)c->ch_mult[i]);
    hg_buffer_push_format(
        &text, "      num_res_blocks: %lld\n      attn_resolutions:\n      - %lld\n      dropout: 0.0\n",
        (long long)c->n_res_blocks, (long long)c->attn_resolutions[0]);
    return write_text(folder, "model.yaml", &text, err);
}

static hg_status write_manifest(const char *folder, hg_error *err)
{
    hg_buffer text;
    hg_buffer_init(&text, 1 << 20);
    hg_buffer_push_text(&text, "{\n  \"name\": \"random weights\",\n  \"random_weights\": true,\n  "
                               "\"tasks\": [\"reconstruct\"]\n}\n");
    return write_text(folder, "healthgpt.json", &text, err);
}

static hg_status make_folder(char path[HG_PATH_BYTES], const char *folder, const char *name, hg_error *err)
{
    hg_status status = hg_path_join(path, folder, name, err);
    return status == HG_STATUS_OK ? hg_folder_create(path, err) : status;
}

static hg_status write_base(const hg_random_shape *s, weight_filler *f, const char *folder, hg_error *err)
{
    char path[HG_PATH_BYTES];
    hg_weight_plan plan = {.dtype = HG_DTYPE_BF16};
    hg_status status = make_folder(path, folder, "base", err);
    if (status == HG_STATUS_OK)
        status = write_base_config(s, path, err);
    if (status == HG_STATUS_OK)
        status = write_tokenizer(s, path, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_weight_plan_base(&plan, s);
    return write_plan(&plan, f, path, "model.safetensors", NULL, err);
}

static hg_status write_vision(const hg_random_shape *s, weight_filler *f, const char *folder, hg_error *err)
{
    char path[HG_PATH_BYTES];
    hg_weight_plan plan = {.dtype = HG_DTYPE_F32};
    hg_status status = make_folder(path, folder, "clip", err);
    if (status == HG_STATUS_OK)
        status = write_clip_config(s, path, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_weight_plan_clip(&plan, s);
    status = write_plan(&plan, f, path, "pytorch_model.bin", "pytorch_model", err);
    if (status == HG_STATUS_OK)
        status = make_folder(path, folder, "vqgan", err);
    if (status == HG_STATUS_OK)
        status = write_vqgan_config(s, path, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_weight_plan_vqgan(&plan, s);
    return write_plan(&plan, f, path, "last.ckpt", "last", err);
}

static hg_status write_plugins(const hg_random_shape *s, weight_filler *f, const char *folder, hg_error *err)
{
    hg_weight_plan plan = {.dtype = HG_DTYPE_F16};
    hg_weight_plan_plugin(&plan, s, s->com_rank);
    hg_status status = write_plan(&plan, f, folder, "com_hlora_weights.bin", "adapter_model", err);
    if (status != HG_STATUS_OK)
        return status;
    hg_weight_plan_plugin(&plan, s, s->gen_rank);
    status = write_plan(&plan, f, folder, "gen_hlora_weights.bin", "adapter_model", err);
    if (status != HG_STATUS_OK)
        return status;
    hg_weight_plan_fusion(&plan, s);
    return write_plan(&plan, f, folder, "fusion_layer_weights.bin", "non_lora_trainables", err);
}

static uint64_t plan_bytes(hg_weight_plan *plan)
{
    uint64_t bytes = 0;
    for (size_t i = 0; i < plan->n; i++) {
        hg_tensor sizes =
            hg_tensor_make(plan->specs[i].dtype, plan->specs[i].n_dims, plan->specs[i].shape, NULL);
        bytes += hg_tensor_bytes(&sizes);
    }
    hg_weight_plan_deinit(plan);
    return bytes;
}

uint64_t hg_random_files_bytes(const hg_random_shape *shape)
{
    hg_weight_plan vision = {.dtype = HG_DTYPE_F32}, others = {.dtype = HG_DTYPE_BF16};
    hg_weight_plan_clip(&vision, shape);
    hg_weight_plan_vqgan(&vision, shape);
    hg_weight_plan_base(&others, shape);
    hg_weight_plan_plugin(&others, shape, shape->com_rank);
    hg_weight_plan_plugin(&others, shape, shape->gen_rank);
    hg_weight_plan_fusion(&others, shape);
    return plan_bytes(&vision) + plan_bytes(&others);
}

hg_status hg_random_files_write(const hg_random_shape *shape, const char *folder, uint64_t seed,
                                const hg_progress *progress, hg_error *err)
{
    weight_filler *f = hg_mem_alloc(sizeof *f);
    if (f == NULL)
        return hg_error_memory(err, sizeof *f, "random numbers");
    f->progress = progress;
    f->done = 0;
    f->total = hg_random_files_bytes(shape);
    hg_rng_init(&f->rng, seed);
    hg_status status = write_base(shape, f, folder, err);
    if (status == HG_STATUS_OK)
        status = write_vision(shape, f, folder, err);
    if (status == HG_STATUS_OK)
        status = write_plugins(shape, f, folder, err);
    if (status == HG_STATUS_OK)
        status = write_manifest(folder, err);
    hg_mem_free(f);
    return status;
}
