/* SPDX-License-Identifier: Apache-2.0
 *
 * tokenizer_stage.c: texts to OUT/base/tokenizer.json and tokenizer_config.json, which are then opened as any
 * model's, to say how well they do.
 */
#include "pretrain/tokenizer_stage.h"

#include "pretrain/bpe_trainer.h"
#include "pretrain/pretrain_loop.h"
#include "pretrain/stage_files.h"
#include "pretrain/text_source.h"
#include "text/tokenizer.h"

#include <string.h>

#define FILE_MAX_BYTES ((size_t)1 << 28)
#define TEXT_MAX_IDS ((size_t)1 << 22)

static hg_status add_text(hg_bpe_trainer *t, const char *text, hg_error *err)
{
    return hg_bpe_trainer_add(t, text, strlen(text), err);
}

static hg_status visit_words(void *user, const hg_text_document *d, hg_error *err)
{
    hg_bpe_trainer *t = user;
    hg_status status = d->turns == NULL ? hg_bpe_trainer_add(t, d->text, d->n, err) : HG_STATUS_OK;
    for (size_t i = 0; i < d->n_turns && status == HG_STATUS_OK; i++) {
        status = add_text(t, d->turns[i].question, err);
        if (status == HG_STATUS_OK)
            status = add_text(t, d->turns[i].answer, err);
    }
    return status;
}

static hg_status write_files(const hg_bpe_trainer *t, const char *folder, hg_error *err)
{
    hg_buffer text;
    hg_buffer_init(&text, FILE_MAX_BYTES);
    if (!hg_bpe_trainer_format(t, &text)) {
        hg_buffer_deinit(&text);
        return hg_error_memory(err, FILE_MAX_BYTES, "tokenizer.json");
    }
    hg_status status = hg_stage_write_text(folder, "tokenizer.json", &text, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_buffer_init(&text, FILE_MAX_BYTES);
    hg_buffer_push_text(&text,
                        "{\n  \"tokenizer_class\": \"PreTrainedTokenizerFast\",\n  \"bos_token\": \"<s>\",\n"
                        "  \"eos_token\": \"<|endoftext|>\",\n  \"pad_token\": \"<|endoftext|>\",\n"
                        "  \"unk_token\": \"<unk>\",\n  \"clean_up_tokenization_spaces\": false\n}\n");
    return hg_stage_write_text(folder, "tokenizer_config.json", &text, err);
}

/* Bytes and tokens of the texts. */
typedef struct token_count {
    hg_tokenizer *tok;
    int64_t bytes, tokens;
} token_count;

static hg_status count_text(token_count *c, const char *text, size_t n, hg_error *err)
{
    hg_ids ids;
    hg_text_segment segment = {text, n, true};
    hg_ids_init(&ids, TEXT_MAX_IDS);
    hg_status status = hg_tokenizer_encode(c->tok, &segment, 1, false, &ids, err);
    c->bytes += (int64_t)n;
    c->tokens += (int64_t)ids.n;
    hg_ids_deinit(&ids);
    return status;
}

static hg_status visit_count(void *user, const hg_text_document *d, hg_error *err)
{
    hg_status status = d->turns == NULL ? count_text(user, d->text, d->n, err) : HG_STATUS_OK;
    for (size_t i = 0; i < d->n_turns && status == HG_STATUS_OK; i++) {
        status = count_text(user, d->turns[i].question, strlen(d->turns[i].question), err);
        if (status == HG_STATUS_OK)
            status = count_text(user, d->turns[i].answer, strlen(d->turns[i].answer), err);
    }
    return status;
}

static hg_status measure(const hg_pretrain_settings *s, const char *folder, hg_pretrain_result *result,
                         hg_error *err)
{
    token_count count = {0};
    hg_status status = hg_tokenizer_open(&count.tok, folder, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_text_reader reader = {.visit = visit_count, .user = &count};
    status = hg_text_read(&reader, s->data, s->images[0] != 0 ? s->images : NULL, err);
    hg_pretrain_put_measure(result, "vocabulary", hg_tokenizer_length(count.tok));
    hg_pretrain_put_measure(result, "bytes_per_token",
                            (double)count.bytes / (double)(count.tokens > 0 ? count.tokens : 1));
    hg_tokenizer_close(count.tok);
    return status;
}

hg_status hg_tokenizer_stage_run(const hg_pretrain_settings *settings, const hg_train_listener *listener,
                                 hg_pretrain_result *result, hg_error *err)
{
    char folder[HG_PATH_BYTES];
    hg_bpe_trainer *t = NULL;
    hg_status status = hg_bpe_trainer_create(&t, err);
    const hg_llava_listener reading = hg_stage_reading(listener);
    hg_text_reader reader = {.visit = visit_words, .user = t, .listener = &reading};
    if (status == HG_STATUS_OK)
        status =
            hg_text_read(&reader, settings->data, settings->images[0] != 0 ? settings->images : NULL, err);
    result->n_items = reader.n_documents;
    result->n_bad = reader.n_bad;
    if (status == HG_STATUS_OK && reader.n_documents == 0)
        status = hg_error_set(err, HG_STATUS_INPUT, "%s: no text to train on", settings->data);
    size_t others = 256 + HG_BPE_FIRST + HG_BPE_CONTROLS;
    if (status == HG_STATUS_OK)
        status = hg_bpe_trainer_run(t, (size_t)settings->vocabulary - others, err);
    if (status == HG_STATUS_OK)
        status = hg_stage_folder(folder, settings, "base", err);
    if (status == HG_STATUS_OK)
        status = write_files(t, folder, err);
    if (status == HG_STATUS_OK)
        status = measure(settings, folder, result, err);
    hg_bpe_trainer_destroy(t);
    return status;
}
