/* SPDX-License-Identifier: Apache-2.0
 *
 * chat_template.h: the prompts that the three models were trained with. A conversation becomes a list of
 * segments: the template's own text, in which control tokens count, and what people wrote, in which they do
 * not.
 */
#ifndef HG_TEXT_CHAT_TEMPLATE_H
#define HG_TEXT_CHAT_TEMPLATE_H

#include "text/tokenizer.h"

typedef enum hg_chat_kind {
    HG_CHAT_KIND_PHI3, /* "phi3_instruct", HealthGPT-M3 */
    HG_CHAT_KIND_PHI4, /* "phi4_instruct", HealthGPT-L14 */
    HG_CHAT_KIND_QWEN2 /* "qwen_2", HealthGPT-XL32 */
} hg_chat_kind;

#define HG_CHAT_KIND_COUNT 3

#define HG_CHAT_IMAGE_ID (-200) /* stands for an image among the ids of a prompt */

typedef enum hg_chat_role { HG_CHAT_ROLE_USER, HG_CHAT_ROLE_ASSISTANT } hg_chat_role;

typedef struct hg_chat_turn {
    hg_chat_role role;
    const char *text; /* "" and NULL count as no message: only the role is written */
} hg_chat_turn;

/* One piece of a prompt: text, or the place of an image. */
typedef struct hg_chat_piece {
    hg_text_segment segment; /* borrowed from the template or the conversation */
    bool image;              /* then the segment is empty */
} hg_chat_piece;

typedef struct hg_chat_prompt {
    hg_chat_piece *pieces;
    size_t n_pieces;
    size_t capacity;
} hg_chat_prompt;

/* "phi3_instruct", "phi4_instruct", "qwen_2"; find is false for another name. */
const char *hg_chat_kind_name(hg_chat_kind kind);
bool hg_chat_kind_find(const char *name, hg_chat_kind *out);

/* The template that a tokenizer's control tokens are for; false when they fit none. */
bool hg_chat_kind_guess(const hg_tokenizer *tok, hg_chat_kind *out);

/* An empty prompt is all zero. */
void hg_chat_prompt_deinit(hg_chat_prompt *p);

/* Appends the prompt of a conversation, with the assistant's turn left open for the answer. `system` NULL
 * means the default, "" none at all. The first user turn gets `n_images` image places, each followed by a
 * newline. The last turn must be the user's. `draw` ends the prompt with <start_index>. The texts must live
 * as long as the prompt. HG_STATUS_USAGE for turns out of order or no turns. */
hg_status hg_chat_prompt_build(hg_chat_prompt *p, hg_chat_kind kind, const char *system,
                               const hg_chat_turn *turns, size_t n_turns, size_t n_images, bool draw,
                               hg_error *err) HG_MUST_CHECK;

/* Appends the prompt's ids: what lies between images is tokenised on its own, HG_CHAT_IMAGE_ID stands for
 * each image, and if the first part begins with the begin token, that comes once and the others go without.
 */
hg_status hg_prompt_encode(const hg_tokenizer *tok, const hg_chat_prompt *p, hg_ids *out,
                           hg_error *err) HG_MUST_CHECK;

#endif
