/* SPDX-License-Identifier: Apache-2.0
 *
 * train_log.c: lines are written whole and flushed, so that a run that is killed leaves a readable log.
 */
#include "train/train_log.h"

#include "base/file.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <string.h>

#define LOG_MAX_BYTES ((size_t)4 << 30)

/* Whether a line belongs to the first `step` steps. A line that was cut short does not. */
static bool keep_line(const char *line, size_t n, int64_t step)
{
    json_t *json = json_loadb(line, n, 0, NULL);
    const json_t *at = json_object_get(json, "step");
    bool good = json_is_integer(at) && json_integer_value(at) <= step;
    json_decref(json);
    return good;
}

static hg_status keep_lines(const char *path, int64_t step, hg_error *err)
{
    hg_buffer old, kept;
    hg_buffer_init(&old, LOG_MAX_BYTES);
    hg_buffer_init(&kept, LOG_MAX_BYTES);
    hg_status status = hg_file_read(path, &old, err);
    const char *line = hg_buffer_text(&old), *end;
    while (status == HG_STATUS_OK && (end = strchr(line, '\n')) != NULL) {
        size_t n = (size_t)(end + 1 - line);
        if (keep_line(line, n, step) && !hg_buffer_push(&kept, line, n))
            status = hg_error_memory(err, old.size, "the log");
        line = end + 1;
    }
    if (status == HG_STATUS_OK)
        status = hg_file_write(path, kept.size > 0 ? (const void *)kept.data : "", kept.size, err);
    hg_buffer_deinit(&old);
    hg_buffer_deinit(&kept);
    return status;
}

hg_status hg_train_log_open(hg_train_log *log, const char *path, int64_t step, hg_error *err)
{
    log->file = NULL;
    hg_status status = HG_STATUS_OK;
    if (hg_file_exists(path))
        status = keep_lines(path, step, err);
    if (status == HG_STATUS_OK)
        log->file = fopen(path, "a");
    if (status == HG_STATUS_OK && log->file == NULL)
        status = hg_error_set(err, HG_STATUS_FAILED, "%s: %s", path, strerror(errno));
    return status;
}

void hg_train_log_close(hg_train_log *log)
{
    if (log->file != NULL)
        fclose(log->file);
    log->file = NULL;
}

static void write_line(hg_train_log *log, json_t *json)
{
    if (json != NULL && log->file != NULL && json_dumpf(json, log->file, JSON_COMPACT) == 0) {
        fputc('\n', log->file);
        fflush(log->file);
    }
    json_decref(json);
}

/* JSON has no infinity and no NaN. */
static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

void hg_train_log_step(hg_train_log *log, const hg_train_step *s)
{
    double seconds = s->seconds > 0 ? s->seconds : 1e-9;
    write_line(log, json_pack("{s:I, s:o, s:o, s:o, s:I, s:I, s:b, s:o, s:o}", "step", (json_int_t)s->step,
                              "loss", number(s->loss), "lr", number(s->rate), "norm", number(s->norm),
                              "tokens", (json_int_t)s->n_tokens, "positions", (json_int_t)s->n_positions,
                              "skipped", s->skipped, "seconds", number(s->seconds), "positions_per_second",
                              number((double)s->n_positions / seconds)));
}

void hg_train_log_validation(hg_train_log *log, int64_t step, double loss, int64_t n_samples, bool best)
{
    write_line(log, json_pack("{s:I, s:o, s:I, s:b}", "step", (json_int_t)step, "validation_loss",
                              number(loss), "samples", (json_int_t)n_samples, "best", best));
}

void hg_train_log_note(hg_train_log *log, int64_t step, const char *kind, const char *text)
{
    write_line(log, json_pack("{s:I, s:s, s:s}", "step", (json_int_t)step, "note", kind, "text", text));
}
