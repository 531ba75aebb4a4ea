/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_bench.c: healthgpt bench [--model M | --small]
 */
#include "cli.h"
#include "cli_json.h"

#include <healthgpt/bench.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const char bench_help[] =
    "usage: healthgpt bench [OPTIONS]\n"
    "Measures every stage of asking and drawing beside what this machine allows: the bandwidth of its "
    "memory\n"
    "and the speed of its matrix products, measured in the same run. Let nothing else run meanwhile.\n\n"
    "  --model MODEL   the model to measure; without it (and without $HEALTHGPT_MODEL), a model of random\n"
    "                  weights with the dimensions of HealthGPT-M3 is written to $TMPDIR, and deleted at the "
    "end\n"
    "  --small         a small random model, for a quick look: ratios to limits mean little on it\n"
    "  --only STAGE    only stages whose names begin so: load, image, prefill, decode, together, picture;\n"
    "                  \"decode, ask\"\n"
    "  --runs N        runs of each measurement (5); the median counts\n"
    "  --prompt N      tokens of the prompt (512)      --answer N   tokens that a run makes (16)\n"
    "  --threads N  --cpu TIER  --kv-cache f32|f16|bf16|q8_0  --vision f32|bf16\n"
    "  --prefill f32|bf16  --mlock\n"
    "  --repack auto|yes|no  --huge-pages auto|yes|no\n"
    "  --json  --quiet\n\n"
    "docs/bench.md says what each line means.\n";

enum { BENCH_SMALL = CLI_OWN, BENCH_ONLY, BENCH_RUNS, BENCH_PROMPT, BENCH_ANSWER };

static const struct option bench_long[] = {CLI_COMMON_OPTIONS,
                                           {"small", no_argument, NULL, BENCH_SMALL},
                                           {"only", required_argument, NULL, BENCH_ONLY},
                                           {"runs", required_argument, NULL, BENCH_RUNS},
                                           {"prompt", required_argument, NULL, BENCH_PROMPT},
                                           {"answer", required_argument, NULL, BENCH_ANSWER},
                                           {NULL, 0, NULL, 0}};

static hg_status bench_print_json(const hg_bench_report *r, hg_error *err)
{
    json_t *lines = json_array();
    for (size_t i = 0; lines != NULL && i < r->n_lines; i++) {
        const hg_bench_line *l = &r->lines[i];
        json_array_append_new(lines, json_pack("{s:s, s:s, s:s, s:f, s:f, s:f, s:f, s:i, s:s?, s:f, s:f}",
                                               "stage", l->stage, "work", l->work, "unit", l->unit, "speed",
                                               l->speed, "median_s", l->median, "low_s", l->low, "high_s",
                                               l->high, "runs", l->n_runs, "limit", l->limit, "limit_s",
                                               l->limit_s, "share_of_limit", l->share));
    }
    json_t *report =
        json_pack("{s:s, s:i, s:b, s:s, s:s, s:f, s:f, s:o}", "cpu", r->cpu_tier, "threads", r->n_threads,
                  "random_weights", r->random_weights, "prefill", r->prefill_bf16 ? "bf16" : "f32", "vision",
                  r->vision_bf16 ? "bf16" : "f32", "vision_mean_difference", r->vision_mean,
                  "vision_largest_difference", r->vision_largest, "lines", lines);
    char *text = report == NULL ? NULL : json_dumps(report, JSON_COMPACT);
    json_decref(report);
    hg_status status = HG_STATUS_FAILED;
    if (text != NULL)
        status = cli_json_print_text(text, err);
    else
        *err = (hg_error){HG_STATUS_FAILED, "out of memory (the report)"};
    free(text);
    return status;
}

static void bench_print(const hg_bench_report *r)
{
    printf("%d threads, %s; medians, in brackets the fastest and the slowest of %d runs\n\n", r->n_threads,
           r->cpu_tier, r->n_lines > 0 ? r->lines[0].n_runs : 0);
    printf("%-19s %-25s %-26s %16s  %s\n", "stage", "work", "seconds", "speed", "share of the limit");
    for (size_t i = 0; i < r->n_lines; i++) {
        const hg_bench_line *l = &r->lines[i];
        char seconds[64];
        snprintf(seconds, sizeof seconds, "%.4f (%.4f to %.4f)", l->median, l->low, l->high);
        printf("%-19s %-25s %-26s %8.*f %-7s", l->stage, l->work, seconds, l->speed < 100 ? 2 : 0, l->speed,
               l->unit);
        if (l->limit_s > 0)
            printf("  %3.0f %% of %.4f s (%s)", 100 * l->share, l->limit_s, l->limit);
        putchar('\n');
    }
    if (r->prefill_bf16)
        printf("\nPrompts are multiplied with weights that are not block-quantised in bf16 (--prefill).\n");
    if (r->vision_bf16 && r->vision_largest > 0) /* else no image stage was asked for */
        printf("\nThe image encoder multiplies in bf16: its features differ from float32's by %.4f of their "
               "root mean "
               "square, at most %.3f.\n",
               r->vision_mean, r->vision_largest);
    if (r->random_weights)
        printf("The weights are random numbers: only the times mean something.\n");
}

static hg_status bench_run(hg_bench_request *request, const cli_common *common, hg_error *err)
{
    static hg_bench_report report;
    cli_progress progress;
    if (request->model == NULL && !common->quiet)
        fprintf(stderr,
                "note: writing a model of random weights (%.1f GB, about %d seconds), deleted at the end\n",
                (double)hg_bench_random_bytes(request->small) * 1e-9, request->small ? 1 : 60);
    cli_catch_interrupt();
    request->progress = cli_progress_init(&progress, common);
    hg_status status = hg_bench_run(request, &report, err);
    cli_progress_end(&progress);
    if (status != HG_STATUS_OK)
        return status;
    cli_memory_note(common, report.repack_note);
    cli_memory_note(common, report.huge_note);
    cli_memory_note(common, report.lock_note);
    if (common->json)
        return bench_print_json(&report, err);
    bench_print(&report);
    return HG_STATUS_OK;
}

int cmd_bench(int argc, char **argv)
{
    cli_common common = {0};
    hg_bench_request request = {0};
    hg_error err = {HG_STATUS_OK, ""};
    hg_status status = HG_STATUS_OK;
    int code;
    while ((code = getopt_long(argc, argv, "", bench_long, NULL)) != -1) {
        bool ok = true;
        if (code == CLI_HELP) {
            fputs(bench_help, stdout);
            return HG_STATUS_OK;
        }
        if (code == BENCH_SMALL)
            request.small = true;
        else if (code == BENCH_ONLY)
            request.only = optarg;
        else if (code == BENCH_RUNS)
            ok = cli_parse_int("runs", optarg, 1, 99, &request.n_runs);
        else if (code == BENCH_PROMPT)
            ok = cli_parse_int("prompt", optarg, 1, 100000, &request.n_prompt);
        else if (code == BENCH_ANSWER)
            ok = cli_parse_int("answer", optarg, 1, 100000, &request.n_answer);
        else
            ok = cli_common_take(&common, code, optarg, &status) && status == HG_STATUS_OK;
        if (!ok)
            return HG_STATUS_USAGE;
    }
    if (optind != argc)
        return cli_fail(HG_STATUS_USAGE, "bench: '%s' is not wanted; --model MODEL names a model",
                        argv[optind]);
    if (request.small && common.model != NULL)
        return cli_fail(HG_STATUS_USAGE, "bench: --small makes a model, --model names one: give one of them");
    request.model = request.small ? NULL : cli_model_path(&common);
    request.options = cli_model_options(&common);
    status = bench_run(&request, &common, &err);
    return status == HG_STATUS_OK ? HG_STATUS_OK : cli_fail_error(&err);
}
