/* SPDX-License-Identifier: Apache-2.0
 *
 * data_tokens.c: the picture codes of all targets of a list, made before training and put where training
 * looks for them.
 */
#include "data/llava_json.h"
#include "engine/engine.h"
#include "train/code_cache.h"

#include "base/memory.h"
#include "data/set_writer.h"

#include <healthgpt/data.h>

#include <stdio.h>
#include <string.h>

typedef struct tokens {
    const hg_tokens_request *request;
    hg_tokens_result *result;
    hg_session *session;
    hg_code_cache cache;
    int32_t *codes;
    size_t n_codes;
    hg_file_writer out;
    bool writes;
} tokens;

/* "<start_index><idx_5>...<end_index>". */
static hg_status spell(const tokens *t, hg_buffer *text, hg_error *err)
{
    bool good = hg_buffer_push_text(text, "<start_index>");
    for (size_t i = 0; i < t->n_codes && good; i++)
        good = hg_buffer_push_format(text, "<idx_%d>", t->codes[i]);
    good = good && hg_buffer_push_text(text, "<end_index>");
    return good ? HG_STATUS_OK : hg_error_memory(err, text->size, "picture codes");
}

/* The item with its codes in the place of its target image. */
static hg_status write_item(tokens *t, const hg_llava_set *set, size_t i, bool coded, hg_error *err)
{
    json_t *json;
    hg_buffer text, line;
    hg_status status = hg_llava_parse(set, i, &json, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_buffer_init(&text, (size_t)8 << 20);
    hg_buffer_init(&line, (size_t)16 << 20);
    if (coded) {
        status = spell(t, &text, err);
        json_object_del(json, "target_image");
        json_object_set_new(json_array_get(json_object_get(json, "conversations"), 1), "value",
                            json_string(hg_buffer_text(&text)));
    }
    if (status == HG_STATUS_OK)
        status = hg_line_push(&line, json_incref(json), err);
    if (status == HG_STATUS_OK && t->result->n_written++ > 0)
        status = hg_file_writer_write(&t->out, ",\n", 2, err);
    if (status == HG_STATUS_OK)
        status = hg_file_writer_write(&t->out, line.data, line.size - 1, err);
    json_decref(json);
    hg_buffer_deinit(&text);
    hg_buffer_deinit(&line);
    return status;
}

static hg_status do_item(tokens *t, const hg_llava_set *set, size_t i, hg_error *err)
{
    hg_llava_item item;
    hg_error why = {HG_STATUS_OK, ""};
    bool coded = false;
    hg_status status = hg_llava_read(set, i, &item, &why);
    if (status == HG_STATUS_OK) {
        if (item.target_image != NULL) {
            hg_session_begin(t->session);
            status = hg_code_cache_get(&t->cache, &t->session->ctx, item.target_image, t->codes, &why);
            coded = status == HG_STATUS_OK;
            t->result->n_targets++;
        }
        hg_llava_item_deinit(&item);
    }
    if (status == HG_STATUS_INPUT) {
        t->result->n_bad++;
        if (t->request->on_problem != NULL)
            t->request->on_problem(t->request->on_problem_user, why.text);
        return HG_STATUS_OK;
    }
    if (status != HG_STATUS_OK)
        return hg_error_set(err, status, "%s", why.text);
    return t->writes ? write_item(t, set, i, coded, err) : HG_STATUS_OK;
}

static hg_status do_list(tokens *t, const hg_llava_set *set, hg_error *err)
{
    const hg_progress *p = &t->request->progress;
    size_t n = hg_llava_n_items(set);
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; i < n && status == HG_STATUS_OK; i++) {
        status = do_item(t, set, i, err);
        if (status == HG_STATUS_OK && p->report != NULL &&
            !p->report(p->user, "codes", (int64_t)i + 1, (int64_t)n))
            status = hg_error_set(err, HG_STATUS_FAILED, "cancelled");
    }
    return status;
}

static hg_status open_out(tokens *t, hg_error *err)
{
    if (t->request->out == NULL)
        return HG_STATUS_OK;
    hg_status status = hg_file_writer_open(&t->out, t->request->out, err);
    t->writes = status == HG_STATUS_OK;
    return t->writes ? hg_file_writer_write(&t->out, "[\n", 2, err) : status;
}

static hg_status run(tokens *t, hg_model *model, const hg_llava_set *set, hg_error *err)
{
    hg_vqgan *vqgan = &model->weights.vqgan;
    if (model->source.missing_for_draw[0] != 0)
        return hg_error_set(err, HG_STATUS_TASK, "this model has no picture codes: missing %s",
                            model->source.missing_for_draw);
    t->n_codes = (size_t)hg_vqgan_n_codes(vqgan);
    t->codes = hg_mem_array(t->n_codes, sizeof *t->codes);
    if (t->codes == NULL)
        return hg_error_memory(err, t->n_codes * sizeof *t->codes, "picture codes");
    hg_status status = hg_code_cache_init(&t->cache, t->request->cache, vqgan, err);
    if (status == HG_STATUS_OK)
        status = open_out(t, err);
    if (status == HG_STATUS_OK)
        status = do_list(t, set, err);
    if (status == HG_STATUS_OK && t->writes)
        status = hg_file_writer_write(&t->out, "\n]\n", 3, err);
    if (status == HG_STATUS_OK && t->writes)
        status = hg_file_writer_commit(&t->out, err);
    else if (t->writes)
        hg_file_writer_abandon(&t->out);
    t->result->n_made = (size_t)t->cache.n_made;
    t->result->n_found = (size_t)t->cache.n_found;
    t->result->n_codes = t->n_codes;
    hg_mem_free(t->codes);
    return status;
}

hg_status hg_data_tokens(const hg_tokens_request *request, hg_tokens_result *result, hg_error *err)
{
    tokens t = {.request = request, .result = result};
    hg_llava_set *set = NULL;
    hg_model *model = NULL;
    hg_model_options options = {
        .n_threads = request->n_threads, .cpu_tier = request->cpu_tier, .repack = HG_REPACK_NO};
    *result = (hg_tokens_result){0};
    if (request->cache == NULL || request->cache[0] == 0)
        return hg_error_set(err, HG_STATUS_USAGE, "a folder for the codes is wanted");
    hg_status status = hg_llava_open(&set, request->file, request->images, err);
    if (status == HG_STATUS_OK)
        status = hg_model_open(&model, request->model, &options, err);
    if (status == HG_STATUS_OK)
        status = hg_session_create(&t.session, model, err);
    if (status == HG_STATUS_OK)
        status = run(&t, model, set, err);
    hg_session_destroy(t.session);
    hg_model_close(model);
    hg_llava_close(set);
    return status;
}
