/* SPDX-License-Identifier: Apache-2.0
 *
 * chat_template.c: a template is five strings. phi3 and phi4: system, end, then for each turn role, message,
 * end; a role begins with the newline that ends the line before. qwen2: the newline belongs to the end. A
 * turn without a message is its role alone, which also is how the assistant's turn stays open.
 */
#include "text/chat_template.h"

#include "base/memory.h"

#include <string.h>

#define CHAT_MAX_PIECES ((size_t)1 << 20)

typedef struct chat_form {
    const char *name;
    const char *system; /* before the system prompt */
    const char *user, *assistant;
    const char *end; /* behind a message */
    const char *default_system;
    const char *control; /* a token that only this model's tokenizer has */
} chat_form;

static const chat_form forms[HG_CHAT_KIND_COUNT] = {
    [HG_CHAT_KIND_PHI3] = {"phi3_instruct", "<|system|>\n", "\n<|user|>\n", "\n<|assistant|>\n", "<|end|>",
                           "You are a helpful AI assistant.", "<|assistant|>"},
    [HG_CHAT_KIND_PHI4] = {"phi4_instruct", "<|im_start|>system<|im_sep|>\n",
                           "\n<|im_start|>user<|im_sep|>\n", "\n<|im_start|>assistant<|im_sep|>\n",
                           "<|im_end|>",
                           "You are a medieval knight and must provide explanations to modern people.",
                           "<|im_sep|>"},
    [HG_CHAT_KIND_QWEN2] = {"qwen_2", "<|im_start|>system\n", "<|im_start|>user\n", "<|im_start|>assistant\n",
                            "<|im_end|>\n",
                            "You are Qwen, created by Alibaba Cloud. You are a helpful assistant.",
                            "<|im_start|>"},
};

const char *hg_chat_kind_name(hg_chat_kind kind)
{
    return forms[kind].name;
}

bool hg_chat_kind_find(const char *name, hg_chat_kind *out)
{
    for (int kind = 0; kind < HG_CHAT_KIND_COUNT; kind++) {
        if (strcmp(name, forms[kind].name) == 0) {
            *out = (hg_chat_kind)kind;
            return true;
        }
    }
    return false;
}

/* In this order: phi4's tokenizer has qwen2's control token too. */
bool hg_chat_kind_guess(const hg_tokenizer *tok, hg_chat_kind *out)
{
    for (int kind = 0; kind < HG_CHAT_KIND_COUNT; kind++) {
        if (hg_tokenizer_find_id(tok, forms[kind].control) >= 0) {
            *out = (hg_chat_kind)kind;
            return true;
        }
    }
    return false;
}

void hg_chat_prompt_deinit(hg_chat_prompt *p)
{
    hg_mem_free(p->pieces);
    *p = (hg_chat_prompt){0};
}

/* ---- building
 * ------------------------------------------------------------------------------------------------- */

static bool push_piece(hg_chat_prompt *p, hg_chat_piece piece)
{
    if (p->n_pieces == p->capacity) {
        size_t capacity = p->capacity == 0 ? 16 : 2 * p->capacity;
        hg_chat_piece *pieces =
            capacity > CHAT_MAX_PIECES ? NULL : hg_mem_resize(p->pieces, capacity, sizeof *pieces);
        if (pieces == NULL)
            return false;
        p->pieces = pieces;
        p->capacity = capacity;
    }
    p->pieces[p->n_pieces++] = piece;
    return true;
}

static bool push_template(hg_chat_prompt *p, const char *text)
{
    return push_piece(p, (hg_chat_piece){{text, strlen(text), false}, false});
}

static bool push_message(hg_chat_prompt *p, const char *text)
{
    return text == NULL || *text == 0 || push_piece(p, (hg_chat_piece){{text, strlen(text), true}, false});
}

static bool push_images(hg_chat_prompt *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!push_piece(p, (hg_chat_piece){.image = true}) || !push_template(p, "\n"))
            return false;
    }
    return true;
}

static bool push_system(hg_chat_prompt *p, const chat_form *form, const char *system)
{
    if (system != NULL && *system == 0)
        return true;
    return push_template(p, form->system) &&
           push_message(p, system == NULL ? form->default_system : system) && push_template(p, form->end);
}

static bool push_turn(hg_chat_prompt *p, const chat_form *form, const hg_chat_turn *turn, size_t n_images)
{
    const bool user = turn->role == HG_CHAT_ROLE_USER;
    const char *role = user ? form->user : form->assistant;
    /* Without a system prompt the first role has no line before it to end. */
    if (p->n_pieces == 0 && *role == '\n')
        role++;
    const bool message = n_images > 0 || (turn->text != NULL && *turn->text != 0);
    return push_template(p, role) && push_images(p, n_images) && push_message(p, turn->text) &&
           (!message || push_template(p, form->end));
}

hg_status hg_chat_prompt_build(hg_chat_prompt *p, hg_chat_kind kind, const char *system,
                               const hg_chat_turn *turns, size_t n_turns, size_t n_images, bool draw,
                               hg_error *err)
{
    const chat_form *form = &forms[kind];
    if (n_turns % 2 == 0)
        return hg_error_set(err, HG_STATUS_USAGE, "a conversation of %zu turns does not end with the user's",
                            n_turns);
    for (size_t i = 0; i < n_turns; i++) {
        if (turns[i].role != (i % 2 == 0 ? HG_CHAT_ROLE_USER : HG_CHAT_ROLE_ASSISTANT))
            return hg_error_set(err, HG_STATUS_USAGE, "turn %zu of a conversation is not the %s's", i + 1,
                                i % 2 == 0 ? "user" : "assistant");
    }
    bool ok = push_system(p, form, system);
    for (size_t i = 0; ok && i < n_turns; i++)
        ok = push_turn(p, form, &turns[i], i == 0 ? n_images : 0);
    ok = ok && push_template(p, form->assistant) && (!draw || push_template(p, "<start_index>"));
    return ok ? HG_STATUS_OK : hg_error_memory(err, 2 * p->capacity * sizeof *p->pieces, "a prompt");
}

/* ---- ids
 * ------------------------------------------------------------------------------------------------------ */

/* The ids of segments, without the first if `skip`. */
static hg_status encode_run(const hg_tokenizer *tok, const hg_text_segment *segments, size_t n, size_t skip,
                            hg_ids *run, hg_ids *out, hg_error *err)
{
    run->n = 0;
    hg_status status = hg_tokenizer_encode(tok, segments, n, true, run, err);
    for (size_t i = skip; status == HG_STATUS_OK && i < run->n; i++) {
        if (!hg_ids_push(out, run->data[i]))
            status = hg_error_set(err, HG_STATUS_INPUT, "a prompt of more than %zu tokens", out->max);
    }
    return status;
}

hg_status hg_prompt_encode(const hg_tokenizer *tok, const hg_chat_prompt *p, hg_ids *out, hg_error *err)
{
    hg_text_segment *segments = hg_mem_array(p->n_pieces + 1, sizeof *segments);
    if (segments == NULL)
        return hg_error_memory(err, (p->n_pieces + 1) * sizeof *segments, "a prompt");
    hg_ids run;
    hg_ids_init(&run, out->max);
    const size_t before = out->n;
    size_t n = 0, skip = 0;
    bool first = true;
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; status == HG_STATUS_OK && i <= p->n_pieces; i++) {
        if (i < p->n_pieces && !p->pieces[i].image) {
            segments[n++] = p->pieces[i].segment;
            continue;
        }
        status = encode_run(tok, segments, n, skip, &run, out, err);
        if (first && run.n > 0 && run.data[0] == hg_tokenizer_bos(tok))
            skip = 1; /* of the runs that follow: the first has put the begin token */
        first = false;
        n = 0;
        if (status == HG_STATUS_OK && i < p->n_pieces && !hg_ids_push(out, HG_CHAT_IMAGE_ID))
            status = hg_error_set(err, HG_STATUS_INPUT, "a prompt of more than %zu tokens", out->max);
    }
    if (status != HG_STATUS_OK)
        out->n = before;
    hg_ids_deinit(&run);
    hg_mem_free(segments);
    return status;
}
