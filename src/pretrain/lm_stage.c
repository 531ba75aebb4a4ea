/* SPDX-License-Identifier: Apache-2.0
 *
 * lm_stage.c: every token of the sequences is predicted from those before it. Embedding, head and all layers
 * learn.
 */
#include "pretrain/lm_stage.h"

#include "base/memory.h"
#include "model/decoder.h"
#include "pretrain/stage_files.h"
#include "pretrain/token_stream.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* GPT-2's: deviation of first values; what adds to the residual stream is divided by sqrt(2 layers). */
#define DEVIATION 0.02

typedef struct lm_stage {
    const hg_pretrain_settings *s;
    hg_decoder_config config;
    hg_token_stream stream, validation;
    hg_split split;
} lm_stage;

static hg_status make_config(const lm_stage *stage, hg_decoder_config *c, hg_error *err)
{
    const hg_pretrain_settings *s = stage->s;
    int64_t kv = s->kv_heads > 0 ? s->kv_heads : s->heads;
    if (s->hidden % s->heads != 0 || (s->hidden / s->heads) % 2 != 0 || s->heads % kv != 0)
        return hg_error_set(
            err, HG_STATUS_USAGE,
            "hidden %lld, heads %lld, kv-heads %lld: heads must divide hidden into even parts, and "
            "kv-heads divide heads",
            (long long)s->hidden, (long long)s->heads, (long long)kv);
    *c = (hg_decoder_config){.family = HG_FAMILY_PHI3,
                             .n_layers = s->layers,
                             .hidden = s->hidden,
                             .n_heads = s->heads,
                             .n_kv_heads = kv,
                             .head_dim = s->hidden / s->heads,
                             .ffn = s->ffn > 0 ? s->ffn : 8 * s->hidden / 3 / 32 * 32,
                             .vocab = hg_tokenizer_length(stage->stream.tok),
                             .rope_theta = s->rope_theta,
                             .rms_eps = 1e-5F,
                             .max_positions = s->positions};
    if (c->ffn < 1)
        c->ffn = 2 * s->hidden;
    return HG_STATUS_OK;
}

/* ---- the model ---- */

static hg_status lm_load(void *user, void *model, const hg_tensor_set *set, hg_arena *arena, hg_error *err)
{
    const lm_stage *stage = user;
    return hg_decoder_load(model, &stage->config, set, arena, err);
}

static hg_bank_group lm_init(void *user, const char *name, const hg_tensor *tensor, hg_rng *rng)
{
    const lm_stage *stage = user;
    if (tensor->n_dims == 1) {
        hg_bank_fill(tensor, 1); /* Phi-3 has no biases: norms */
        return HG_BANK_GROUP_VECTOR;
    }
    bool adds = hg_bank_name_ends(name, "o_proj.weight") || hg_bank_name_ends(name, "down_proj.weight");
    hg_bank_fill_normal(tensor, adds ? DEVIATION / sqrt(2 * (double)stage->s->layers) : DEVIATION, rng);
    return hg_bank_name_ends(name, "embed_tokens.weight") ? HG_BANK_GROUP_VECTOR : HG_BANK_GROUP_MATRIX;
}

/* ---- a step ---- */

/* The loss of one sequence: its sum over `length` tokens. */
static hg_tensor *sequence_loss(const lm_stage *stage, hg_ctx *ctx, hg_decoder *d, const int32_t *ids)
{
    int64_t n = stage->s->length;
    hg_tensor *x = hg_op_embedding(ctx, &d->embed, ids, n);
    x = hg_decoder_forward(ctx, d, NULL, NULL, x);
    return hg_op_cross_entropy(ctx, hg_decoder_logits(ctx, d, &d->head, x), ids + 1);
}

static void lm_gradient(void *user, hg_pretrain_shard *shard, const hg_pretrain_items *items)
{
    const lm_stage *stage = user;
    double weight = 1 / ((double)items->batch * (double)stage->s->length);
    for (int64_t i = 0; i < items->n && !hg_ctx_failed(&shard->ctx); i++) {
        int64_t at = (int64_t)stage->split.train[items->items[i]] * stage->s->length;
        hg_tensor *loss = sequence_loss(stage, &shard->ctx, shard->model, stage->stream.ids.data + at);
        hg_pretrain_backward(shard, &loss, &weight, 1);
    }
}

static void lm_measure(void *user, hg_pretrain_shard *shard, hg_pretrain_result *result)
{
    const lm_stage *stage = user;
    int64_t length = stage->s->length, apart = hg_token_stream_count(&stage->validation, length);
    const hg_ids *ids = apart > 0 ? &stage->validation.ids : &stage->stream.ids;
    int64_t n = apart > 0 ? apart : stage->split.n_held;
    double sum = 0;
    for (int64_t i = 0; i < n && !hg_ctx_failed(&shard->ctx); i++) {
        int64_t at = (apart > 0 ? i : (int64_t)stage->split.held[i]) * length;
        const hg_tensor *loss = sequence_loss(stage, &shard->ctx, shard->model, ids->data + at);
        sum += loss == NULL ? 0 : (double)hg_tensor_real(loss)[0];
        hg_arena_reset(shard->ctx.arena, (hg_arena_mark){0});
    }
    hg_pretrain_put_measure(result, "held_loss", sum / ((double)n * (double)length));
    hg_pretrain_put_measure(result, "perplexity", exp(sum / ((double)n * (double)length)));
}

/* ---- files ---- */

static hg_status write_configs(const lm_stage *stage, const char *folder, hg_error *err)
{
    const hg_decoder_config *c = &stage->config;
    const hg_tokenizer *tok = stage->stream.tok;
    int32_t end_of_text = hg_tokenizer_find_id(tok, "<|endoftext|>"),
            end = hg_tokenizer_find_id(tok, "<|end|>");
    hg_buffer text;
    hg_buffer_init(&text, (size_t)1 << 20);
    hg_buffer_push_format(
        &text,
        "{\n  \"architectures\": [\"Phi3ForCausalLM\"],\n  \"model_type\": \"phi3\",\n  \"hidden_size\": "
        "%lld,\n"
        "  \"intermediate_size\": %lld,\n  \"num_hidden_layers\": %lld,\n  \"num_attention_heads\": %lld,\n"
        "  \"num_key_value_heads\": %lld,\n  \"vocab_size\": %lld,\n  \"max_position_embeddings\": %lld,\n"
        "  \"original_max_position_embeddings\": %lld,\n  \"sliding_window\": null,\n  \"rms_norm_eps\": "
        "1e-05,\n"
        "  \"rope_theta\": %.17g,\n  \"rope_scaling\": null,\n  \"hidden_act\": \"silu\",\n"
        "  \"tie_word_embeddings\": false,\n  \"bos_token_id\": %d,\n  \"eos_token_id\": %d,\n  "
        "\"pad_token_id\": "
        "%d\n}\n",
        (long long)c->hidden, (long long)c->ffn, (long long)c->n_layers, (long long)c->n_heads,
        (long long)c->n_kv_heads, (long long)c->vocab, (long long)c->max_positions,
        (long long)c->max_positions, c->rope_theta, hg_tokenizer_bos(tok), end_of_text, end_of_text);
    hg_status status = hg_stage_write_text(folder, "config.json", &text, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_buffer_init(&text, (size_t)1 << 20);
    hg_buffer_push_format(
        &text, end >= 0 ? "{\n  \"eos_token_id\": [%d, %d]\n}\n" : "{\n  \"eos_token_id\": [%d]\n}\n",
        end_of_text, end);
    return hg_stage_write_text(folder, "generation_config.json", &text, err);
}

/* The tokenizer's files go where the model is. */
static hg_status copy_tokenizer(const lm_stage *stage, const char *folder, hg_error *err)
{
    static const char *const names[] = {
        "tokenizer.json", "tokenizer_config.json",  "tokenizer.model", "added_tokens.json", "vocab.json",
        "merges.txt",     "special_tokens_map.json"};
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; i < sizeof names / sizeof *names && status == HG_STATUS_OK; i++) {
        char path[HG_PATH_BYTES];
        hg_buffer text;
        status = hg_path_join(path, stage->s->tokenizer, names[i], err);
        if (status != HG_STATUS_OK || !hg_file_exists(path))
            continue;
        hg_buffer_init(&text, (size_t)1 << 28);
        status = hg_file_read(path, &text, err);
        if (status == HG_STATUS_OK)
            status = hg_stage_write_text(folder, names[i], &text, err);
        hg_buffer_deinit(&text);
    }
    return status;
}

static hg_status lm_write(void *user, const hg_weight_bank *bank, hg_error *err)
{
    const lm_stage *stage = user;
    char folder[HG_PATH_BYTES];
    hg_status status = hg_stage_folder(folder, stage->s, "base", err);
    if (status == HG_STATUS_OK)
        status = write_configs(stage, folder, err);
    if (status == HG_STATUS_OK)
        status = copy_tokenizer(stage, folder, err);
    return status == HG_STATUS_OK ? hg_weight_bank_write(bank, folder, "model.safetensors",
                                                         HG_BANK_SAFETENSORS, hg_stage_type(stage->s), err)
                                  : status;
}

/* ---- the run ---- */

static hg_status read_texts(hg_token_stream *stream, const hg_pretrain_settings *s, const char *paths,
                            const hg_train_listener *listener, hg_pretrain_plan *plan,
                            hg_pretrain_result *result, hg_error *err)
{
    const hg_llava_listener reading = hg_stage_reading(listener);
    hg_text_reader reader = {.visit = hg_token_stream_add, .user = stream, .listener = &reading};
    hg_status status = hg_token_stream_init(stream, s->tokenizer, s->system, err);
    if (status == HG_STATUS_OK)
        status = hg_text_read(&reader, paths, s->images[0] != 0 ? s->images : NULL, err);
    plan->fingerprint = plan->fingerprint * 31 + reader.fingerprint;
    result->n_bad += reader.n_bad;
    if (status == HG_STATUS_OK && hg_token_stream_count(stream, s->length) < 1)
        status = hg_error_set(err, HG_STATUS_INPUT, "%s: %zu tokens do not fill one sequence of %lld", paths,
                              stream->ids.n, (long long)s->length);
    return status;
}

hg_status hg_lm_stage_run(const hg_pretrain_settings *settings, const hg_train_listener *listener,
                          hg_pretrain_result *result, hg_error *err)
{
    lm_stage stage = {.s = settings};
    hg_pretrain_plan plan = {.user = &stage,
                             .model_bytes = sizeof(hg_decoder),
                             .units_each = settings->length,
                             .init = lm_init,
                             .load = lm_load,
                             .gradient = lm_gradient,
                             .measure = lm_measure,
                             .write = lm_write};
    hg_status status = read_texts(&stage.stream, settings, settings->data, listener, &plan, result, err);
    if (status == HG_STATUS_OK && settings->validation[0] != 0)
        status = read_texts(&stage.validation, settings, settings->validation, listener, &plan, result, err);
    if (status == HG_STATUS_OK)
        status = make_config(&stage, &stage.config, err);
    if (status == HG_STATUS_OK)
        status = hg_split_init(&stage.split, hg_token_stream_count(&stage.stream, settings->length),
                               settings->validation[0] != 0 ? 0 : settings->holdout, err);
    plan.n_items = stage.split.n_train;
    if (status == HG_STATUS_OK)
        status = hg_pretrain_loop_run(&plan, settings, listener, result, err);
    hg_split_deinit(&stage.split);
    hg_token_stream_deinit(&stage.stream);
    hg_token_stream_deinit(&stage.validation);
    return status;
}
