/* SPDX-License-Identifier: Apache-2.0
 *
 * eval_log.c: FOLDER/run.json says what the lines of FOLDER/items.jsonl belong to. A line is flushed as soon
 * as its record is there, so that a run that is ended at any moment keeps what it has.
 */
#include "eval/eval_run.h"

#include "base/file.h"
#include "base/memory.h"

#include <errno.h>
#include <string.h>

#define LOG_MAX_BYTES ((size_t)2 << 30)
#define SETTINGS_MAX_BYTES ((size_t)1 << 20)

static hg_status write_settings(const hg_eval_run *run, const char *path, hg_error *err)
{
    hg_buffer text;
    hg_buffer_init(&text, SETTINGS_MAX_BYTES);
    uint8_t *bytes = NULL;
    size_t n = json_dumpb(run->settings, NULL, 0, JSON_INDENT(2));
    if (n > 0)
        bytes = hg_buffer_extend(&text, n);
    hg_status status = HG_STATUS_OK;
    if (bytes == NULL || json_dumpb(run->settings, (char *)bytes, n, JSON_INDENT(2)) != n)
        status = hg_error_memory(err, n, "the settings of the evaluation");
    if (status == HG_STATUS_OK)
        status = hg_file_write(path, text.data, text.size, err);
    hg_buffer_deinit(&text);
    return status;
}

/* Whether an earlier run had the same settings. */
static hg_status check_settings(const hg_eval_run *run, const char *path, hg_error *err)
{
    hg_buffer text;
    hg_buffer_init(&text, SETTINGS_MAX_BYTES);
    hg_status status = hg_file_read(path, &text, err);
    json_t *old = status == HG_STATUS_OK ? json_loads(hg_buffer_text(&text), 0, NULL) : NULL;
    if (status == HG_STATUS_OK && !json_equal(old, run->settings))
        status = hg_error_set(err, HG_STATUS_USAGE,
                              "%s: the earlier run had another list, model, --limit or --max-tokens; give "
                              "another folder, or go on with the same",
                              path);
    json_decref(old);
    hg_buffer_deinit(&text);
    return status;
}

/* Whether a line is a record of this list that comes after `last`. */
static bool is_next(const hg_eval_run *run, const json_t *record, json_int_t last)
{
    const json_t *index = json_object_get(record, "index");
    return json_is_integer(index) && json_integer_value(index) > last &&
           json_integer_value(index) < (json_int_t)hg_llava_n_items(run->set);
}

/* Records of whole lines, up to the first that is none; *kept: bytes that they take. */
static hg_status take_lines(hg_eval_run *run, const hg_buffer *text, size_t *kept, hg_error *err)
{
    const char *begin = hg_buffer_text(text), *line = begin, *end;
    json_int_t last = -1;
    while ((end = strchr(line, '\n')) != NULL) {
        json_t *record = json_loadb(line, (size_t)(end - line), 0, NULL);
        if (!is_next(run, record, last)) {
            json_decref(record);
            break;
        }
        last = json_integer_value(json_object_get(record, "index"));
        if (json_array_append_new(run->records, record) != 0)
            return hg_error_memory(err, text->size, "earlier items");
        line = end + 1;
    }
    *kept = (size_t)(line - begin);
    return HG_STATUS_OK;
}

static hg_status take_earlier(hg_eval_run *run, const char *path, hg_error *err)
{
    hg_buffer text;
    size_t kept = 0;
    hg_buffer_init(&text, LOG_MAX_BYTES);
    hg_status status = hg_file_read(path, &text, err);
    if (status == HG_STATUS_OK)
        status = take_lines(run, &text, &kept, err);
    if (status == HG_STATUS_OK && kept < text.size)
        status = hg_file_write(path, kept > 0 ? (const void *)text.data : "", kept, err);
    hg_buffer_deinit(&text);
    return status;
}

hg_status hg_eval_log_open(hg_eval_run *run, hg_error *err)
{
    char settings[HG_PATH_BYTES], items[HG_PATH_BYTES], drawn[HG_PATH_BYTES];
    const char *folder = run->request->out;
    if (folder == NULL)
        return HG_STATUS_OK;
    hg_status status = hg_path_join(settings, folder, "run.json", err);
    if (status == HG_STATUS_OK)
        status = hg_path_join(items, folder, "items.jsonl", err);
    if (status == HG_STATUS_OK)
        status = hg_path_join(drawn, folder, "drawn", err);
    if (status == HG_STATUS_OK)
        status = hg_folder_create(drawn, err);
    if (status != HG_STATUS_OK)
        return status;
    bool earlier = hg_file_exists(items);
    if (earlier && !run->request->resume)
        return hg_error_set(err, HG_STATUS_USAGE,
                            "%s is there already: --resume goes on with it, another folder begins anew",
                            items);
    status = earlier ? check_settings(run, settings, err) : write_settings(run, settings, err);
    if (status == HG_STATUS_OK && earlier)
        status = take_earlier(run, items, err);
    if (status == HG_STATUS_OK && (run->log = fopen(items, "a")) == NULL)
        status = hg_error_set(err, HG_STATUS_FAILED, "%s: %s", items, strerror(errno));
    return status;
}

hg_status hg_eval_log_push(hg_eval_run *run, json_t *record, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    if (run->log != NULL && (json_dumpf(record, run->log, JSON_COMPACT) != 0 ||
                             fputc('\n', run->log) == EOF || fflush(run->log) != 0))
        status = hg_error_set(err, HG_STATUS_FAILED, "%s/items.jsonl cannot be written: %s",
                              run->request->out, strerror(errno));
    if (json_array_append_new(run->records, record) != 0 && status == HG_STATUS_OK)
        status = hg_error_memory(err, 0, "a record");
    return status;
}

void hg_eval_log_close(hg_eval_run *run)
{
    if (run->log != NULL)
        fclose(run->log);
    run->log = NULL;
}
