/* SPDX-License-Identifier: Apache-2.0
 *
 * bench_parts.h: what the measurements share: repeated runs with progress, and the machine's limits.
 */
#ifndef HG_ENGINE_BENCH_PARTS_H
#define HG_ENGINE_BENCH_PARTS_H

#include "engine/engine.h"

#include <healthgpt/bench.h>

#define HG_BENCH_MAX_RUNS 99

/* One run of a measurement; the time it takes is what is measured. `before` (may be NULL) is not. */
typedef struct hg_bench_task {
    hg_status (*before)(void *arg, hg_error *err);
    hg_status (*run)(void *arg, hg_error *err);
    void *arg;
} hg_bench_task;

/* Work that shows what the machine allows. It is run again beside every run of a stage that is judged by it:
 * clocks, other machines on the same processor and other work change from second to second. */
typedef struct hg_bench_yardstick {
    const char *stage; /* its own line in the report; NULL: this machine has it not */
    hg_bench_task task;
    double amount; /* bytes or operations of a run */
    double speed;  /* of them a second, when it was measured alone */
} hg_bench_yardstick;

typedef struct hg_bench_limits hg_bench_limits;

typedef struct hg_bench {
    const hg_bench_request *request;
    hg_bench_report *report;
    const hg_kernels *kernels;
    int n_threads, n_runs;
    int64_t n_prompt, n_answer;
    hg_bench_limits *limits;         /* what the yardsticks work on */
    hg_bench_yardstick bandwidth;    /* bytes */
    hg_bench_yardstick f32, bf16;    /* operations, in the decoder's shapes; bf16 only where it is fast */
    hg_bench_yardstick vision;       /* operations, in the image encoder's shape and type */
    hg_bench_yardstick convolutions; /* of the picture decoder or encoder: 1 is all of them */
} hg_bench;

/* What the runs are worth. */
typedef struct hg_bench_label {
    const char *stage, *work, *unit;
    double amount;                   /* units in a run: tokens, gigabytes, 1e9 operations; of "ms" 0 */
    const hg_bench_yardstick *limit; /* NULL: none */
    double limit_amount;             /* what a run needs of it at least */
} hg_bench_label;

/* Runs the task (and the yardstick beside it) once to warm up and then n_runs times, and adds a line to the
 * report. HG_STATUS_FAILED and "cancelled" when the caller wants no more. */
hg_status hg_bench_measure(hg_bench *b, const hg_bench_label *label, const hg_bench_task *task,
                           hg_error *err) HG_MUST_CHECK;

/* Whether the request wants the stage: any, or those whose names begin as it says. */
bool hg_bench_wants(const hg_bench *b, const char *stage);

/* Measures bandwidth and products, and leaves them as yardsticks until hg_bench_limits_close. */
hg_status hg_bench_limits_open(hg_bench *b, const hg_clip_config *clip, bool vision_bf16,
                               hg_error *err) HG_MUST_CHECK;
void hg_bench_limits_close(hg_bench *b);

/* Elements or bytes of the linear layers, and of a task's plug-in, that every position is multiplied with. */
double hg_bench_frozen(const hg_healthgpt *m, bool bytes);
double hg_bench_plugin(const hg_healthgpt *m, hg_task task, bool bytes);
/* The rows of the head that a task computes. */
hg_tensor hg_bench_head_rows(const hg_session *s, hg_task task);
/* Bytes of cached keys and values that a token behind the prompt sees, on average. */
double hg_bench_cached(const hg_bench *b, const hg_kv_cache *cache);
/* Appends the request's number of tokens to an empty prompt. */
hg_status hg_bench_prompt(const hg_bench *b, const hg_session *s, hg_prompt *prompt,
                          hg_error *err) HG_MUST_CHECK;

/* The stages of an open model. */
hg_status hg_bench_vision(hg_bench *b, hg_session *s, hg_error *err) HG_MUST_CHECK;
hg_status hg_bench_language(hg_bench *b, hg_session *s, hg_task task, hg_error *err) HG_MUST_CHECK;
hg_status hg_bench_together(hg_bench *b, hg_model *model, hg_error *err) HG_MUST_CHECK;
hg_status hg_bench_picture(hg_bench *b, hg_session *s, hg_error *err) HG_MUST_CHECK;

#endif
