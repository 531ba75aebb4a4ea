/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_ask.c: healthgpt ask [IMAGE...] QUESTION
 */
#include "cli.h"
#include "cli_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ASK_MAX_IMAGES 64

static const char ask_help[] =
    "usage: healthgpt ask [OPTIONS] [IMAGE...] QUESTION\n"
    "Answers a question about images (PNG, JPEG), or about none.\n\n"
    "  --model FOLDER            the model\n"
    "  --max-tokens N            longest answer (1024)\n"
    "  --temperature X           0: greedy, the default; above: sampling\n"
    "  --top-k N  --top-p X  --repetition-penalty X  --seed N\n"
    "  --system TEXT             another system prompt than the model was trained with\n"
    "  --threads N  --cpu TIER  --kv-cache f32|f16|bf16  --json  --quiet\n";

typedef struct ask_options {
    cli_common common;
    hg_sampling sampling;
    const char *system;
    int max_tokens;
} ask_options;

static const struct option ask_long[] = {CLI_COMMON_OPTIONS,
                                         CLI_SAMPLING_OPTIONS,
                                         {"max-tokens", required_argument, NULL, CLI_COMMAND},
                                         {NULL, 0, NULL, 0}};

/* HG_STATUS_FAILED with *done set: help was printed. */
static hg_status ask_parse(ask_options *o, int argc, char **argv, bool *done)
{
    hg_status status = HG_STATUS_OK;
    int code;
    while (status == HG_STATUS_OK && (code = getopt_long(argc, argv, "", ask_long, NULL)) != -1) {
        if (code == CLI_HELP) {
            fputs(ask_help, stdout);
            *done = true;
            return HG_STATUS_OK;
        }
        if (cli_common_take(&o->common, code, optarg, &status) ||
            cli_sampling_take(&o->sampling, &o->system, code, optarg, &status))
            continue;
        if (code != CLI_COMMAND || !cli_parse_int("max-tokens", optarg, 1, 1000000, &o->max_tokens))
            status = HG_STATUS_USAGE;
    }
    return status;
}

typedef struct ask_stream {
    cli_progress progress;
    bool silent; /* --json prints all at the end */
} ask_stream;

static bool ask_on_text(void *user, const char *text, size_t n)
{
    ask_stream *stream = user;
    cli_progress_end(&stream->progress);
    if (!stream->silent) {
        fwrite(text, 1, n, stdout);
        fflush(stdout);
    }
    return !cli_interrupted();
}

static void ask_print_speed(const hg_ask_result *r)
{
    double prompt = r->timings.vision + r->timings.prefill;
    fprintf(stderr,
            "prompt %zu positions in %.2f s (image %.2f s); answer %zu tokens in %.2f s (%.1f tokens/s)\n",
            r->n_prompt_tokens, prompt, r->timings.vision, r->n_tokens, r->timings.decode,
            r->timings.decode > 0 ? (double)r->n_tokens / r->timings.decode : 0);
    if (r->stop == HG_STOP_LENGTH)
        fprintf(stderr, "note: the answer was cut at its longest length (--max-tokens)\n");
}

static hg_status ask_run(const ask_options *o, const hg_image *const *images, size_t n_images,
                         const char *question, hg_error *err)
{
    hg_model *model;
    hg_session *session;
    hg_status status = cli_open(&o->common, &model, &session, err);
    if (status != HG_STATUS_OK)
        return status;
    ask_stream stream = {.silent = o->common.json};
    hg_ask_request request = {.images = images,
                              .n_images = n_images,
                              .question = question,
                              .system = o->system,
                              .sampling = o->sampling,
                              .max_tokens = o->max_tokens,
                              .on_text = ask_on_text,
                              .on_text_user = &stream};
    request.progress = cli_progress_init(&stream.progress, &o->common);
    hg_ask_result result;
    status = hg_session_ask(session, &request, &result, err);
    cli_progress_end(&stream.progress);
    if (status == HG_STATUS_OK) {
        if (o->common.json)
            status = cli_json_print_answer(&result, err);
        else
            cli_end_line();
        if (!o->common.quiet)
            ask_print_speed(&result);
        hg_ask_result_free(&result);
    }
    hg_session_destroy(session);
    hg_model_close(model);
    return status;
}

int cmd_ask(int argc, char **argv)
{
    ask_options o = {.sampling = cli_sampling_default()};
    bool done = false;
    cli_common_init(&o.common);
    hg_status parsed = ask_parse(&o, argc, argv, &done);
    if (done || parsed != HG_STATUS_OK)
        return (int)parsed;
    o.sampling.seed = o.common.seed;
    if (optind >= argc)
        return cli_fail(HG_STATUS_USAGE, "ask: a question is wanted (see healthgpt ask --help)");
    int n_images = argc - optind - 1;
    if (n_images == 0 && access(argv[optind], F_OK) == 0)
        return cli_fail(HG_STATUS_USAGE, "ask: a question is wanted after '%s'", argv[optind]);
    if (n_images > ASK_MAX_IMAGES)
        return cli_fail(HG_STATUS_USAGE, "ask: %d images, at most %d", n_images, ASK_MAX_IMAGES);
    hg_image *images[ASK_MAX_IMAGES] = {NULL};
    hg_error err = {HG_STATUS_OK, ""};
    hg_status status = HG_STATUS_OK;
    for (int i = 0; i < n_images && status == HG_STATUS_OK; i++)
        status = hg_image_open(&images[i], argv[optind + i], &err);
    cli_catch_interrupt();
    if (status == HG_STATUS_OK)
        status = ask_run(&o, (const hg_image *const *)images, (size_t)n_images, argv[argc - 1], &err);
    for (int i = 0; i < n_images; i++)
        hg_image_close(images[i]);
    return status == HG_STATUS_OK ? HG_STATUS_OK : cli_fail_error(&err);
}
