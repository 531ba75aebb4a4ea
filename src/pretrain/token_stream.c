/* SPDX-License-Identifier: Apache-2.0
 *
 * token_stream.c: documents to ids.
 */
#include "pretrain/token_stream.h"

#include "base/memory.h"

#include <string.h>

#define STREAM_MAX_IDS ((size_t)1 << 31)
#define END_OF_TEXT "<|endoftext|>"

hg_status hg_token_stream_init(hg_token_stream *stream, const char *folder, const char *system, hg_error *err)
{
    *stream = (hg_token_stream){.system = system};
    hg_ids_init(&stream->ids, STREAM_MAX_IDS);
    hg_status status = hg_tokenizer_open(&stream->tok, folder, err);
    if (status == HG_STATUS_OK && (!hg_chat_kind_guess(stream->tok, &stream->chat) ||
                                   hg_tokenizer_find_id(stream->tok, END_OF_TEXT) < 0))
        status = hg_error_set(
            err, HG_STATUS_INPUT,
            "%s: the tokenizer has no control tokens of a chat template, or no " END_OF_TEXT, folder);
    return status;
}

void hg_token_stream_deinit(hg_token_stream *stream)
{
    hg_tokenizer_close(stream->tok);
    hg_ids_deinit(&stream->ids);
    *stream = (hg_token_stream){0};
}

static hg_status push_end(hg_token_stream *stream, hg_error *err)
{
    return hg_ids_push(&stream->ids, hg_tokenizer_find_id(stream->tok, END_OF_TEXT))
               ? HG_STATUS_OK
               : hg_error_memory(err, stream->ids.n * sizeof(int32_t), "the tokens of the texts");
}

/* The turns, and an empty one of the user's that closes the last answer and is taken off again: everything
 * behind the last end token. */
static hg_status add_turns(hg_token_stream *stream, const hg_text_document *d, hg_error *err)
{
    hg_chat_prompt prompt = {0};
    size_t before = stream->ids.n;
    int32_t end =
        hg_tokenizer_find_id(stream->tok, stream->chat == HG_CHAT_KIND_PHI3 ? "<|end|>" : "<|im_end|>");
    hg_chat_turn *turns = hg_mem_array(2 * d->n_turns + 1, sizeof *turns);
    if (turns == NULL)
        return hg_error_memory(err, (2 * d->n_turns + 1) * sizeof *turns, "a conversation");
    for (size_t i = 0; i < d->n_turns; i++) {
        turns[2 * i] = (hg_chat_turn){HG_CHAT_ROLE_USER, d->turns[i].question};
        turns[2 * i + 1] = (hg_chat_turn){HG_CHAT_ROLE_ASSISTANT, d->turns[i].answer};
    }
    turns[2 * d->n_turns] = (hg_chat_turn){HG_CHAT_ROLE_USER, NULL};
    hg_status status =
        hg_chat_prompt_build(&prompt, stream->chat, stream->system, turns, 2 * d->n_turns + 1, 0, false, err);
    if (status == HG_STATUS_OK)
        status = hg_prompt_encode(stream->tok, &prompt, &stream->ids, err);
    while (status == HG_STATUS_OK && stream->ids.n > before && stream->ids.data[stream->ids.n - 1] != end)
        stream->ids.n--;
    hg_chat_prompt_deinit(&prompt);
    hg_mem_free(turns);
    return status;
}

hg_status hg_token_stream_add(void *user, const hg_text_document *document, hg_error *err)
{
    hg_token_stream *stream = user;
    hg_text_segment segment = {document->text, document->n, true};
    hg_status status = document->turns != NULL
                           ? add_turns(stream, document, err)
                           : hg_tokenizer_encode(stream->tok, &segment, 1, true, &stream->ids, err);
    return status == HG_STATUS_OK ? push_end(stream, err) : status;
}

int64_t hg_token_stream_count(const hg_token_stream *stream, int64_t length)
{
    return stream->ids.n == 0 ? 0 : ((int64_t)stream->ids.n - 1) / length;
}
