/* SPDX-License-Identifier: Apache-2.0
 *
 * bench.c: the order of the measurements, the model of random weights, and medians.
 */
#include "engine/bench_parts.h"

#include "base/file.h"
#include "base/memory.h"
#include "base/timing.h"
#include "package/random_files.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes beside the weights: settings and a tokenizer. */
#define RANDOM_MARGIN ((uint64_t)64 << 20)

static hg_status bench_report(const hg_bench *b, const char *stage, int done, hg_error *err)
{
    const hg_progress *p = &b->request->progress;
    if (p->report == NULL || p->report(p->user, stage, done, b->n_runs + 1))
        return HG_STATUS_OK;
    return hg_error_set(err, HG_STATUS_FAILED, "cancelled");
}

/* Seconds of one run. */
static hg_status timed_run(const hg_bench_task *task, double *seconds, hg_error *err)
{
    hg_status status = task->before != NULL ? task->before(task->arg, err) : HG_STATUS_OK;
    double begin = hg_timing_now();
    if (status == HG_STATUS_OK)
        status = task->run(task->arg, err);
    *seconds = hg_timing_now() - begin;
    return status;
}

/* The runs' seconds, and the least time that the stage's work can take: its amount of the yardstick
 * at the yardstick's median. */
static hg_status all_runs(const hg_bench *b, const hg_bench_label *label, const hg_bench_task *task,
                          double *seconds, double *limit_s, hg_error *err)
{
    double yard[HG_BENCH_MAX_RUNS];
    *limit_s = 0;
    for (int i = -1; i < b->n_runs; i++) { /* the first warms up */
        int at = i < 0 ? 0 : i;
        hg_status status = bench_report(b, label->stage, i + 1, err);
        if (status == HG_STATUS_OK)
            status = timed_run(task, &seconds[at], err);
        if (status == HG_STATUS_OK && label->limit != NULL)
            status = timed_run(&label->limit->task, &yard[at], err);
        if (status != HG_STATUS_OK)
            return status;
    }
    if (label->limit != NULL)
        *limit_s = label->limit_amount / label->limit->amount * hg_timing_median(b->n_runs, yard);
    return HG_STATUS_OK;
}

hg_status hg_bench_measure(hg_bench *b, const hg_bench_label *label, const hg_bench_task *task, hg_error *err)
{
    double seconds[HG_BENCH_MAX_RUNS], limit_s;
    hg_status status = all_runs(b, label, task, seconds, &limit_s, err);
    if (status != HG_STATUS_OK)
        return status;
    const double median = hg_timing_median(b->n_runs, seconds); /* sorts */
    if (b->report->n_lines == HG_BENCH_MAX_LINES)
        return hg_error_set(err, HG_STATUS_FAILED, "more than %d measurements", HG_BENCH_MAX_LINES);
    b->report->lines[b->report->n_lines++] = (hg_bench_line){
        .stage = label->stage,
        .work = label->work,
        .unit = label->unit,
        .speed = label->amount > 0 ? label->amount / median : 1e3 * median,
        .median = median,
        .low = seconds[0],
        .high = seconds[b->n_runs - 1],
        .n_runs = b->n_runs,
        .limit = label->limit != NULL ? label->limit->stage : NULL,
        .limit_s = limit_s,
        .share = limit_s / median,
    };
    return bench_report(b, label->stage, b->n_runs + 1, err);
}

bool hg_bench_wants(const hg_bench *b, const char *stage)
{
    const char *only = b->request->only;
    return only == NULL || strncmp(stage, only, strlen(only)) == 0;
}

/* ---- opening ---- */

typedef struct open_run {
    const char *path;
    const hg_model_options *options;
} open_run;

static hg_status open_and_close(void *arg, hg_error *err)
{
    const open_run *r = arg;
    hg_model *model;
    hg_status status = hg_model_open(&model, r->path, r->options, err);
    if (status == HG_STATUS_OK)
        hg_model_close(model);
    return status;
}

/* ---- all of it ---- */

static hg_status bench_session(hg_bench *b, hg_session *s, hg_error *err)
{
    const hg_clip *clip = &s->model->weights.clip;
    b->report->vision_bf16 = clip->bf16;
    b->report->prefill_bf16 = s->model->bf16;
    b->report->random_weights = hg_model_is_random(s->model);
    b->report->cpu_tier = b->kernels->name;
    b->report->n_threads = b->n_threads;
    if (b->n_prompt + b->n_answer >= s->cache.capacity)
        return hg_error_set(err, HG_STATUS_USAGE,
                            "a prompt of %lld tokens and %lld more do not fit the model's context of %lld",
                            (long long)b->n_prompt, (long long)b->n_answer, (long long)s->cache.capacity);
    hg_status status = hg_bench_limits_open(b, &clip->config, clip->bf16, err);
    if (status == HG_STATUS_OK)
        status = hg_bench_vision(b, s, err);
    for (int task = 0; task < HG_TASK_COUNT && status == HG_STATUS_OK; task++)
        status = hg_bench_language(b, s, (hg_task)task, err);
    if (status == HG_STATUS_OK)
        status = hg_bench_together(b, s->model, err);
    if (status == HG_STATUS_OK)
        status = hg_bench_picture(b, s, err);
    hg_bench_limits_close(b);
    return status;
}

static hg_status bench_model(hg_bench *b, const char *path, hg_error *err)
{
    hg_model *model;
    hg_session *session = NULL;
    hg_status status = hg_model_open(&model, path, &b->request->options, err);
    if (status != HG_STATUS_OK)
        return status;
    b->kernels = model->kernels;
    b->n_threads = model->n_threads;
    snprintf(b->report->lock_note, sizeof b->report->lock_note, "%s", hg_model_get_lock_note(model));
    snprintf(b->report->repack_note, sizeof b->report->repack_note, "%s", hg_model_get_repack_note(model));
    snprintf(b->report->huge_note, sizeof b->report->huge_note, "%s", hg_model_get_huge_note(model));
    hg_model_options plain = b->request->options;
    plain.lock = false; /* what is locked twice counts twice against the limit */
    open_run again = {path, &plain};
    const hg_bench_label label = {"load", "open and close", "ms", 0, NULL, 0};
    if (hg_bench_wants(b, label.stage))
        status = hg_bench_measure(b, &label, &(hg_bench_task){NULL, open_and_close, &again}, err);
    if (status == HG_STATUS_OK)
        status = hg_session_create(&session, model, err);
    if (status == HG_STATUS_OK)
        status = bench_session(b, session, err);
    hg_session_destroy(session);
    hg_model_close(model);
    return status;
}

/* ---- the model of random weights ---- */

static hg_random_shape random_shape_of(bool small)
{
    hg_random_shape shape;
    (void)hg_random_shape_find(small ? "small" : "m3", &shape); /* both are there */
    return shape;
}

uint64_t hg_bench_random_bytes(bool small)
{
    hg_random_shape shape = random_shape_of(small);
    return hg_random_files_bytes(&shape) + RANDOM_MARGIN;
}

static hg_status remove_one(void *user, const char *name, hg_error *err)
{
    char path[HG_PATH_BYTES];
    hg_status status = hg_path_join(path, user, name, err);
    if (status == HG_STATUS_OK)
        unlink(path);
    return status;
}

/* Removes what hg_random_files_write leaves: files in the folder and in three folders. */
static void remove_random(char *folder)
{
    static const char *const inner[] = {"base", "clip", "vqgan", ""};
    for (size_t i = 0; i < sizeof inner / sizeof *inner; i++) {
        char path[HG_PATH_BYTES];
        if (hg_path_join(path, folder, inner[i], NULL) != HG_STATUS_OK ||
            hg_folder_list(path, remove_one, path, NULL) != HG_STATUS_OK)
            continue;
        rmdir(path);
    }
}

static hg_status bench_random(hg_bench *b, hg_error *err)
{
    const char *folder = b->request->folder != NULL ? b->request->folder : getenv("TMPDIR");
    char path[HG_PATH_BYTES];
    hg_random_shape shape = random_shape_of(b->request->small);
    uint64_t bytes = hg_bench_random_bytes(b->request->small), left;
    hg_status status =
        hg_path_join(path, hg_path_given(folder) ? folder : "/tmp", "healthgpt-bench-XXXXXX", err);
    if (status != HG_STATUS_OK)
        return status;
    if (hg_file_free_bytes(path, &left) && left < bytes)
        return hg_error_set(
            err, HG_STATUS_FAILED,
            "%s: a random model takes %.1f GB, the disk has %.1f GB left: choose another folder", path,
            (double)bytes * 1e-9, (double)left * 1e-9);
    if (mkdtemp(path) == NULL)
        return hg_error_set(err, HG_STATUS_FAILED, "%s: the folder cannot be made", path);
    status = hg_random_files_write(&shape, path, 1, &b->request->progress, err);
    if (status == HG_STATUS_OK)
        status = bench_model(b, path, err);
    remove_random(path);
    return status;
}

static bool in_range(int value, int max)
{
    return value >= 0 && value <= max;
}

hg_status hg_bench_run(const hg_bench_request *request, hg_bench_report *report, hg_error *err)
{
    *report = (hg_bench_report){0};
    if (!in_range(request->n_runs, HG_BENCH_MAX_RUNS) || !in_range(request->n_prompt, 1 << 20) ||
        !in_range(request->n_answer, 1 << 20))
        return hg_error_set(err, HG_STATUS_USAGE, "1 to %d runs, 1 to %d tokens", HG_BENCH_MAX_RUNS, 1 << 20);
    hg_bench b = {.request = request,
                  .report = report,
                  .n_runs = request->n_runs > 0 ? request->n_runs : 5,
                  .n_prompt = request->n_prompt > 0 ? request->n_prompt : 512,
                  .n_answer = request->n_answer > 0 ? request->n_answer : 16};
    return request->model != NULL ? bench_model(&b, request->model, err) : bench_random(&b, err);
}
