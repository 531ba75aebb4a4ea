/* SPDX-License-Identifier: Apache-2.0
 *
 * eval_wrong.c: pictures that show nothing, to be asked about instead of an item's own: what a model finds in
 * them it has made up. They are the same on every machine.
 */
#include "eval/eval_run.h"

#include "data/phantom_random.h"
#include "image/pixels.h"

#include <string.h>

typedef enum wrong_kind {
    WRONG_BLACK,
    WRONG_WHITE,
    WRONG_GREY,
    WRONG_NOISE,
    WRONG_GRADIENT,
    WRONG_COUNT
} wrong_kind;

static const char *const wrong_names[WRONG_COUNT] = {"black", "white", "grey", "noise", "gradient"};

static wrong_kind wrong_find(const char *name)
{
    int kind = 0;
    while (kind < WRONG_COUNT && strcmp(wrong_names[kind], name) != 0)
        kind++;
    return (wrong_kind)kind;
}

hg_status hg_eval_wrong_check(const char *name, hg_error *err)
{
    if (name == NULL || wrong_find(name) != WRONG_COUNT)
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_USAGE,
                        "no pictures '%.40s' to ask about instead: black, white, grey, noise, gradient",
                        name);
}

/* Grey noise without any likeness of neighbours. */
static void fill_noise(uint8_t *samples, size_t n_pixels, uint64_t key)
{
    for (size_t i = 0; i < n_pixels; i++)
        memset(samples + 3 * i, (int)(hg_phantom_hash(key, i) >> 56), 3);
}

/* From one colour in a corner to another in the opposite one, as of a sky or a wall. */
static void fill_gradient(uint8_t *samples, size_t width, size_t height, uint64_t key)
{
    uint64_t colours = hg_phantom_hash(key, 0), turn = hg_phantom_hash(key, 1);
    size_t last = width + height - 2;
    for (size_t i = 0; i < width * height; i++) {
        size_t x = i % width, y = i / width,
               at = (turn & 1 ? x : width - 1 - x) + (turn & 2 ? y : height - 1 - y);
        for (size_t c = 0; c < 3; c++) {
            size_t begin = colours >> (8 * c) & 255, end = colours >> (8 * (c + 3)) & 255;
            samples[3 * i + c] = (uint8_t)(last == 0 ? begin : (begin * (last - at) + end * at) / last);
        }
    }
}

hg_status hg_eval_wrong_make(hg_image *out, const char *name, int width, int height, size_t index,
                             hg_error *err)
{
    hg_status status = hg_image_alloc(out, width, height, 3, 8, err);
    if (status != HG_STATUS_OK)
        return status;
    size_t n_pixels = (size_t)width * (size_t)height;
    switch (wrong_find(name)) {
    case WRONG_NOISE:
        fill_noise(out->samples, n_pixels, hg_phantom_hash(WRONG_NOISE, index));
        break;
    case WRONG_GRADIENT:
        fill_gradient(out->samples, (size_t)width, (size_t)height, hg_phantom_hash(WRONG_GRADIENT, index));
        break;
    case WRONG_WHITE:
        memset(out->samples, 255, 3 * n_pixels);
        break;
    case WRONG_GREY:
        memset(out->samples, 128, 3 * n_pixels);
        break;
    default:
        memset(out->samples, 0, 3 * n_pixels);
    }
    return HG_STATUS_OK;
}

bool hg_eval_wrong_denies(const json_t *record)
{
    const char *type = json_string_value(json_object_get(record, "question_type"));
    const char *answers = json_string_value(json_object_get(record, "answer_type"));
    return type != NULL && answers != NULL && strcmp(answers, "CLOSED") == 0 &&
           (strcmp(type, "abnormality") == 0 || strcmp(type, "presence") == 0);
}
