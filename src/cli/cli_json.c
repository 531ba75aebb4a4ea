/* SPDX-License-Identifier: Apache-2.0
 *
 * cli_json.c: built and printed by jansson.
 */
#include "cli_json.h"
#include "cli_image_info.h"

#include <jansson.h>
#include <stdio.h>

/* Prints and releases `object`; NULL means that building it ran out of memory. */
static hg_status json_print(json_t *object, hg_error *err)
{
    int failed = object == NULL || json_dumpf(object, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6)) != 0;
    json_decref(object);
    if (!failed) {
        putchar('\n');
        return HG_STATUS_OK;
    }
    *err = (hg_error){HG_STATUS_FAILED, "cannot print the result as JSON"};
    return HG_STATUS_FAILED;
}

static json_t *json_ids(const int32_t *ids, size_t n)
{
    json_t *list = json_array();
    for (size_t i = 0; list != NULL && i < n; i++)
        json_array_append_new(list, json_integer(ids[i]));
    return list;
}

static json_t *json_timings(const hg_timings *t)
{
    return json_pack("{s:f, s:f, s:f, s:f}", "vision_s", t->vision, "prefill_s", t->prefill, "decode_s",
                     t->decode, "picture_s", t->picture);
}

/* Adds "images", one entry for each (null for PNG and JPEG), when one of them is a scan. */
static void json_add_shown(json_t *object, const hg_image *const *images, size_t n)
{
    bool any = false;
    json_t *list = json_array();
    for (size_t i = 0; i < n; i++) {
        json_t *shown = cli_image_shown_json(images[i]);
        any = any || shown != NULL;
        json_array_append_new(list, shown != NULL ? shown : json_null());
    }
    if (any && object != NULL)
        json_object_set_new(object, "images", list);
    else
        json_decref(list);
}

hg_status cli_json_print_answer(const hg_ask_result *r, const hg_image *const *images, size_t n,
                                hg_error *err)
{
    static const char *const stops[] = {"end", "length", "cancelled"};
    json_t *object = json_pack(
        "{s:s, s:o, s:I, s:I, s:s, s:o}", "answer", r->answer, "tokens", json_ids(r->tokens, r->n_tokens),
        "prompt_tokens", (json_int_t)r->n_prompt_tokens, "reused_tokens", (json_int_t)r->n_reused_tokens,
        "stop", stops[r->stop], "timings", json_timings(&r->timings));
    json_add_shown(object, images, n);
    return json_print(object, err);
}

hg_status cli_json_print_drawing(const hg_draw_result *r, const char *task, const char *path, bool with_codes,
                                 const hg_image *source, hg_error *err)
{
    json_t *object = json_pack("{s:s, s:s, s:b, s:b, s:I, s:o}", "task", task, "picture", path, "synthetic",
                               1, "forced", r->forced, "prompt_tokens", (json_int_t)r->n_prompt_tokens,
                               "timings", json_timings(&r->timings));
    if (source != NULL)
        json_add_shown(object, &source, 1);
    if (object != NULL && with_codes)
        json_object_set_new(object, "codes", json_ids(r->codes, r->n_codes));
    return json_print(object, err);
}

hg_status cli_json_print_codes(const int32_t *codes, size_t n, hg_error *err)
{
    return json_print(json_pack("{s:o}", "codes", json_ids(codes, n)), err);
}

hg_status cli_json_print_text(const char *json, hg_error *err)
{
    return json_print(json_loads(json, 0, NULL), err);
}
