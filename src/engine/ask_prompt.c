/* SPDX-License-Identifier: Apache-2.0
 *
 * ask_prompt.c: template and tokens first, images after: a prompt that is too long is refused before any
 * image is prepared.
 */
#include "engine/ask_prompt.h"

#include "base/memory.h"
#include "engine/engine.h"
#include "image/clip_input.h"
#include "text/chat_template.h"

#include <string.h>

#define PROMPT_MAX_TEXT_IDS ((size_t)1 << 22)

bool hg_text_is_blank(const char *text)
{
    return text == NULL || text[strspn(text, " \t\r\n\v\f")] == 0;
}

/* History and question as turns; 2 * n_history + 1 of them. */
static hg_chat_turn *prompt_turns(const hg_ask_prompt_parts *parts)
{
    hg_chat_turn *turns = hg_mem_array(2 * parts->n_history + 1, sizeof *turns);
    if (turns == NULL)
        return NULL;
    for (size_t i = 0; i < parts->n_history; i++) {
        turns[2 * i] = (hg_chat_turn){HG_CHAT_ROLE_USER, parts->history[i].question};
        turns[2 * i + 1] = (hg_chat_turn){HG_CHAT_ROLE_ASSISTANT, parts->history[i].answer};
    }
    turns[2 * parts->n_history] = (hg_chat_turn){HG_CHAT_ROLE_USER, parts->question};
    return turns;
}

static hg_status prompt_encode(const hg_model *model, const hg_ask_prompt_parts *parts, hg_ids *ids,
                               hg_error *err)
{
    hg_chat_turn *turns = prompt_turns(parts);
    if (turns == NULL)
        return hg_error_memory(err, parts->n_history * sizeof *turns, "the conversation");
    const char *system = parts->system;
    if (system == NULL && model->source.manifest.has_system_prompt)
        system = model->source.manifest.system_prompt;
    hg_chat_prompt text = {0};
    hg_status status = hg_chat_prompt_build(&text, model->source.chat, system, turns,
                                            2 * parts->n_history + 1, parts->n_images, parts->draw, err);
    if (status == HG_STATUS_OK)
        status = hg_prompt_encode(model->source.tokenizer, &text, ids, err);
    hg_chat_prompt_deinit(&text);
    hg_mem_free(turns);
    return status;
}

/* Checks what the caller gave before its numbers are used as sizes. */
static hg_status prompt_check_parts(const hg_model *model, const hg_ask_prompt_parts *parts, hg_error *err)
{
    size_t limit = (size_t)hg_session_max_positions(model);
    if (parts->n_images >= limit || parts->n_history >= limit)
        return hg_error_set(err, HG_STATUS_INPUT,
                            "the prompt is too long: %zu images and %zu earlier turns, the model has %zu "
                            "positions",
                            parts->n_images, parts->n_history, limit);
    if (parts->n_history > 0 && parts->history == NULL)
        return hg_error_set(err, HG_STATUS_USAGE, "%zu earlier turns, but no list of them", parts->n_history);
    return HG_STATUS_OK;
}

static hg_status prompt_check_images(const hg_ask_prompt_parts *parts, hg_error *err)
{
    for (size_t i = 0; i < parts->n_images; i++) {
        if (parts->images == NULL || parts->images[i] == NULL)
            return hg_error_set(err, HG_STATUS_USAGE, "image %zu of %zu is missing", i + 1, parts->n_images);
    }
    return HG_STATUS_OK;
}

/* Checks the length that the prompt will have, once images take their positions. */
static hg_status prompt_check_length(const hg_model *model, const hg_ids *ids, size_t n_images, hg_error *err)
{
    int64_t patches = hg_clip_n_patches(&model->weights.clip), limit = hg_session_max_positions(model);
    int64_t image_positions = (int64_t)n_images * patches,
            total = (int64_t)(ids->n - n_images) + image_positions;
    if (total < limit)
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_INPUT,
                        "the prompt is too long: %lld positions (%lld of them from %zu image%s), the model "
                        "has %lld: use less text or "
                        "fewer images",
                        (long long)total, (long long)image_positions, n_images, n_images == 1 ? "" : "s",
                        (long long)limit);
}

/* 255 * mean, truncated as the reference does; a file may state a mean outside 0..1. */
static uint8_t prompt_pad_colour(float mean)
{
    double value = 255.0 * (double)mean;
    return (uint8_t)(value < 0 ? 0 : value > 255 ? 255 : value);
}

static hg_clip_preparation prompt_preparation(const hg_model *model)
{
    const hg_preprocessor_config *from = &model->weights.preprocessor;
    hg_clip_preparation how = hg_clip_preparation_default();
    how.size = (int)model->weights.clip.config.image_size;
    for (int c = 0; c < 3; c++) {
        how.mean[c] = from->mean[c];
        how.deviation[c] = from->std[c];
        how.pad_rgb[c] = prompt_pad_colour(from->mean[c]);
    }
    return how;
}

hg_status hg_ask_prompt_prepare_image(const hg_model *model, const hg_image *image, uint8_t *out,
                                      hg_error *err)
{
    const hg_clip_preparation how = prompt_preparation(model);
    return hg_clip_input_u8(out, image, &how, err);
}

hg_status hg_ask_prompt_push_prepared(hg_prompt *prompt, const hg_model *model, const uint8_t *bytes,
                                      hg_error *err)
{
    const hg_clip_preparation how = prompt_preparation(model);
    size_t n = 3 * (size_t)how.size * (size_t)how.size;
    float *pixels = hg_mem_array(n, sizeof *pixels);
    if (pixels == NULL)
        return hg_error_memory(err, n * sizeof *pixels, "an image");
    hg_clip_input_normalize(pixels, bytes, &how);
    return hg_prompt_push_image(prompt, pixels, (int64_t)n, hg_clip_n_patches(&model->weights.clip), err);
}

hg_status hg_ask_prompt_push_image(hg_prompt *prompt, const hg_model *model, const hg_image *image,
                                   hg_error *err)
{
    size_t side = (size_t)model->weights.clip.config.image_size;
    uint8_t *bytes = hg_mem_alloc(3 * side * side);
    hg_status status = bytes == NULL ? hg_error_memory(err, 3 * side * side, "an image")
                                     : hg_ask_prompt_prepare_image(model, image, bytes, err);
    if (status == HG_STATUS_OK)
        status = hg_ask_prompt_push_prepared(prompt, model, bytes, err);
    hg_mem_free(bytes);
    return status;
}

/* Ids of a prompt that fits, images as placeholders. */
static hg_status prompt_plan(hg_ids *ids, const hg_model *model, const hg_ask_prompt_parts *parts,
                             hg_error *err)
{
    hg_status status = prompt_check_parts(model, parts, err);
    if (status == HG_STATUS_OK)
        status = prompt_encode(model, parts, ids, err);
    if (status == HG_STATUS_OK)
        status = prompt_check_length(model, ids, parts->n_images, err);
    return status;
}

hg_status hg_ask_prompt_check(const hg_model *model, const hg_ask_prompt_parts *parts, hg_error *err)
{
    hg_ids ids;
    hg_ids_init(&ids, PROMPT_MAX_TEXT_IDS);
    hg_status status = prompt_plan(&ids, model, parts, err);
    hg_ids_deinit(&ids);
    return status;
}

hg_status hg_ask_prompt_build(hg_prompt *prompt, const hg_model *model, const hg_ask_prompt_parts *parts,
                              hg_error *err)
{
    hg_ids ids;
    hg_ids_init(&ids, PROMPT_MAX_TEXT_IDS);
    hg_status status = prompt_plan(&ids, model, parts, err);
    if (status == HG_STATUS_OK) /* only now is the number of images known to be sensible */
        status = prompt_check_images(parts, err);
    size_t next_image = 0;
    for (size_t i = 0; i < ids.n && status == HG_STATUS_OK; i++) {
        if (ids.data[i] != HG_CHAT_IMAGE_ID)
            status = hg_prompt_push_token(prompt, ids.data[i], err);
        else
            status = hg_ask_prompt_push_image(prompt, model, parts->images[next_image++], err);
    }
    hg_ids_deinit(&ids);
    return status;
}
