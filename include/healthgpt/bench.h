/* SPDX-License-Identifier: Apache-2.0
 *
 * bench.h: how fast every stage of a model runs on this machine, beside what the machine allows: the
 * bandwidth of its memory and the speed of its matrix products and convolutions, measured in the same run.
 */
#ifndef HEALTHGPT_BENCH_H
#define HEALTHGPT_BENCH_H

#include <healthgpt/healthgpt.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A measurement. Times are seconds of one run; a stage's limit is the least time that its work can take:
 * bytes read over bandwidth, or operations over the speed of products alone. */
typedef struct hg_bench_line {
    const char *stage; /* such as "decode, ask"; static text */
    const char *work;  /* what a run is, such as "16 tokens"; static text */
    const char *unit;  /* of `speed`: "GB/s", "GFLOP/s", "tok/s" or "ms"; static text */
    double speed;      /* at the median; of the unit "ms", the median itself */
    double median, low, high;
    int n_runs;
    const char *limit; /* which limit the stage has: the stage of another line; NULL: none */
    double limit_s;    /* 0: none */
    double share;      /* limit_s / median: 1 is as fast as the machine allows; 0 without a limit */
} hg_bench_line;

#define HG_BENCH_MAX_LINES 24

typedef struct hg_bench_report {
    hg_bench_line lines[HG_BENCH_MAX_LINES];
    size_t n_lines;
    const char *cpu_tier; /* static text */
    int n_threads;
    bool random_weights;
    bool vision_bf16;  /* the image encoder multiplies in bf16 */
    bool prefill_bf16; /* prompts' products by weights that are not block-quantised are in bf16 */
    double vision_mean, vision_largest;    /* then: how far its features are from those in f32, of their root
                                              mean square; else 0 */
    char lock_note[HG_ERROR_TEXT_BYTES];   /* see hg_model_get_lock_note */
    char huge_note[HG_ERROR_TEXT_BYTES];   /* see hg_model_get_huge_note */
    char repack_note[HG_ERROR_TEXT_BYTES]; /* see hg_model_get_repack_note */
} hg_bench_report;

typedef struct hg_bench_request {
    const char
        *model; /* NULL: a model of random weights is written to `folder` first, and deleted afterwards */
    const char
        *folder; /* where a random model may be written: a folder that exists; NULL: $TMPDIR, else /tmp */
    bool small;  /* the random model is small, for a quick run */
    hg_model_options options;
    const char *only;     /* only stages whose names begin so, such as "decode"; NULL: all */
    int n_runs;           /* of each measurement, 1 to 99; 0: 5 */
    int n_prompt;         /* tokens of a prompt; 0: 512 */
    int n_answer;         /* tokens that a run of decoding makes; 0: 16 */
    hg_progress progress; /* stages "writing" (megabytes), then the lines' names (runs) */
} hg_bench_request;

/* Bytes that a random model takes on disk while it is measured. */
HG_API uint64_t hg_bench_random_bytes(bool small);

/* Measures; nothing else should run meanwhile. What the model cannot do is left out. */
HG_API hg_status hg_bench_run(const hg_bench_request *request, hg_bench_report *report,
                              hg_error *err) HG_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
