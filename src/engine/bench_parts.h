/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_parts.h: what the measurements share: repeated runs with progress, and the machine's limits.
 */
#ifndef HG_ENGINE_BENCH_PARTS_H
#define HG_ENGINE_BENCH_PARTS_H

#include "engine/engine.h"

#include <healthgpt/bench.h>

#define HG_BENCH_MAX_RUNS 99

typedef struct hg_bench {
    const hg_bench_request *request;
    hg_bench_report *report;
    const hg_kernels *kernels;
    int n_threads, n_runs;
    int64_t n_prompt, n_answer;
    double bandwidth;         /* bytes a second */
    double f32, bf16, vision; /* operations a second: decoder's shapes in f32 and bf16 (0: slower), the image
                                 encoder's shape in its type */
} hg_bench;

/* One run of a measurement; the time it takes is what is measured. `before` (may be NULL) is not. */
typedef struct hg_bench_task {
    hg_status (*before)(void *arg, hg_error *err);
    hg_status (*run)(void *arg, hg_error *err);
    void *arg;
} hg_bench_task;

/* What the runs are worth. */
typedef struct hg_bench_label {
    const char *stage, *work, *unit;
    double amount; /* units in a run: tokens, gigabytes, 1e9 operations; of "ms" 0 */
    const char *limit;
    double limit_s;
} hg_bench_label;

/* Runs the task once to warm up and then n_runs times, and adds a line to the report. HG_STATUS_FAILED and
 * "cancelled" when the caller wants no more. */
hg_status hg_bench_measure(hg_bench *b, const hg_bench_label *label, const hg_bench_task *task,
                           hg_error *err) HG_MUST_CHECK;

/* Bandwidth and products. */
hg_status hg_bench_limits(hg_bench *b, const hg_clip_config *clip, bool vision_bf16,
                          hg_error *err) HG_MUST_CHECK;

/* The stages of an open model. */
hg_status hg_bench_vision(hg_bench *b, hg_session *s, hg_error *err) HG_MUST_CHECK;
hg_status hg_bench_language(hg_bench *b, hg_session *s, hg_task task, hg_error *err) HG_MUST_CHECK;
hg_status hg_bench_picture(hg_bench *b, hg_session *s, hg_error *err) HG_MUST_CHECK;

#endif
