/* SPDX-License-Identifier: Apache-2.0
 *
 * ask_prompt.h: from a conversation and images to the positions that the decoder reads.
 */
#ifndef HG_ENGINE_ASK_PROMPT_H
#define HG_ENGINE_ASK_PROMPT_H

#include "engine/prompt.h"

#include <healthgpt/healthgpt.h>

typedef struct hg_ask_prompt_parts {
    const hg_image *const *images;
    size_t n_images;
    const hg_turn *history;
    size_t n_history;
    const char *question;
    const char *system; /* NULL: the model's own */
    bool draw;          /* ends with <start_index> */
} hg_ask_prompt_parts;

/* Fills the empty `prompt` with the chat template of the model, tokenised around its images. HG_STATUS_INPUT
 * when it cannot fit the model's context; images are prepared only after that is known. */
hg_status hg_ask_prompt_build(hg_prompt *prompt, const hg_model *model, const hg_ask_prompt_parts *parts,
                              hg_error *err) HG_MUST_CHECK;

/* The same check of the length alone; of the images only the number counts. */
hg_status hg_ask_prompt_check(const hg_model *model, const hg_ask_prompt_parts *parts,
                              hg_error *err) HG_MUST_CHECK;

/* Prepares the image as the model's encoder wants it and appends its positions. */
hg_status hg_ask_prompt_push_image(hg_prompt *prompt, const hg_model *model, const hg_image *image,
                                   hg_error *err) HG_MUST_CHECK;

/* The two halves of it: the image as the encoder takes it, in bytes (S, S, 3), and those as positions. */
hg_status hg_ask_prompt_prepare_image(const hg_model *model, const hg_image *image, uint8_t *out,
                                      hg_error *err) HG_MUST_CHECK;
hg_status hg_ask_prompt_push_prepared(hg_prompt *prompt, const hg_model *model, const uint8_t *bytes,
                                      hg_error *err) HG_MUST_CHECK;

/* True for NULL, "" and white space. */
bool hg_text_is_blank(const char *text);

#endif
