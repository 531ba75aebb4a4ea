/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_eval_set.c: healthgpt eval set LIST: a model on a list of items with known answers.
 */
#include "cli.h"
#include "cli_json.h"
#include "cmd_eval.h"

#include <healthgpt/eval.h>

#include <jansson.h>
#include <stdio.h>

static const char set_help[] =
    "usage: healthgpt eval set LIST.json [OPTIONS]   a model on a list of items with known answers\n\n"
    "Asks the questions and draws the pictures of the list, greedily, and compares with the truth: accuracy "
    "by "
    "groups with\n"
    "95 % intervals beside the most common answer, lesions invented on clean pictures, SSIM, PSNR and MAE "
    "beside "
    "the input\n"
    "and the picture autoencoder's ceiling. Tasks that the model was not trained for are skipped.\n"
    "  -o, --output FOLDER  items.jsonl (a line an item), result.json, index.html, drawn/\n"
    "  --resume             go on with an interrupted run in FOLDER\n"
    "  --limit N            N items, spread evenly over the list\n"
    "  --images FOLDER      what image paths are relative to (default: the list's folder)\n"
    "  --max-tokens N       of an answer (default 128)\n"
    "  --together N         items at once, for which weights are read once: 1 to 4 (default: as memory "
    "allows)\n"
    "  --instead KIND       ask about pictures that show nothing instead: black, white, grey, noise, "
    "gradient\n"
    "  --model MODEL  --threads N  --cpu TIER  --json  --quiet\n"
    "Exit code 3 when items could not be scored; the rest counts all the same.\n";

enum { SET_RESUME = CLI_OWN, SET_LIMIT, SET_IMAGES, SET_TOKENS, SET_INSTEAD, SET_TOGETHER };

static const struct option set_long[] = {CLI_COMMON_OPTIONS,
                                         {"output", required_argument, NULL, 'o'},
                                         {"resume", no_argument, NULL, SET_RESUME},
                                         {"limit", required_argument, NULL, SET_LIMIT},
                                         {"images", required_argument, NULL, SET_IMAGES},
                                         {"max-tokens", required_argument, NULL, SET_TOKENS},
                                         {"instead", required_argument, NULL, SET_INSTEAD},
                                         {"together", required_argument, NULL, SET_TOGETHER},
                                         {NULL, 0, NULL, 0}};

typedef struct set_options {
    cli_common common;
    hg_eval_set_request request;
} set_options;

static hg_status set_take(set_options *o, int code)
{
    hg_status status = HG_STATUS_OK;
    hg_eval_set_request *r = &o->request;
    int n;
    if (cli_common_take(&o->common, code, optarg, &status))
        return status;
    switch (code) {
    case 'o':
        r->out = optarg;
        return HG_STATUS_OK;
    case SET_RESUME:
        r->resume = true;
        return HG_STATUS_OK;
    case SET_IMAGES:
        r->images = optarg;
        return HG_STATUS_OK;
    case SET_INSTEAD:
        r->instead = optarg;
        return HG_STATUS_OK;
    case SET_TOKENS:
        return cli_parse_int("--max-tokens", optarg, 1, 1048576, &r->max_tokens) ? HG_STATUS_OK
                                                                                 : HG_STATUS_USAGE;
    case SET_TOGETHER:
        return cli_parse_int("--together", optarg, 1, HG_REQUESTS_MAX, &r->together) ? HG_STATUS_OK
                                                                                     : HG_STATUS_USAGE;
    case SET_LIMIT:
        if (!cli_parse_int("--limit", optarg, 1, 1000000000, &n))
            return HG_STATUS_USAGE;
        r->limit = (size_t)n;
        return HG_STATUS_OK;
    default:
        return HG_STATUS_USAGE;
    }
}

/* ---- the result as text ---- */

static const char *text_of(const json_t *object, const char *key)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text == NULL ? "" : text;
}

static double number_of(const json_t *object, const char *key)
{
    return json_number_value(json_object_get(object, key));
}

static void print_questions(const json_t *questions)
{
    json_t *group, *rate;
    const char *key;
    size_t i;
    if (number_of(questions, "n") == 0)
        return;
    printf("%-14s %-30s %6s  %-24s %9s %9s  %6s %6s\n", "questions", "", "n", "accuracy % (95 %)",
           "commonest", "by type", "recall", "F1");
    json_array_foreach(json_object_get(questions, "groups"), i, group)
    {
        printf("%-14s %-30s %6.0f  %5.1f (%5.1f to %5.1f)   %9.1f %9.1f  %6.3f %6.3f\n", text_of(group, "by"),
               text_of(group, "name"), number_of(group, "n"), 100 * number_of(group, "accuracy"),
               100 * number_of(group, "low"), 100 * number_of(group, "high"),
               100 * number_of(group, "majority"), 100 * number_of(group, "majority_by_type"),
               number_of(group, "recall"), number_of(group, "f1"));
    }
    json_object_foreach(json_object_get(questions, "invented_lesions"), key, rate)
    {
        if (json_is_object(rate))
            printf(
                "invented lesions (%s): %.1f %% (%.1f to %.1f), %.0f of %.0f questions whose answer is No\n",
                key, 100 * number_of(rate, "rate"), 100 * number_of(rate, "low"),
                100 * number_of(rate, "high"), number_of(rate, "answered_yes"), number_of(rate, "n"));
    }
}

static void print_mean(const json_t *mean, int digits)
{
    if (json_is_number(json_object_get(mean, "low")))
        printf("  %.*f (%.*f to %.*f)", digits, number_of(mean, "mean"), digits, number_of(mean, "low"),
               digits, number_of(mean, "high"));
    else if (json_is_number(json_object_get(mean, "mean")))
        printf("  %.*f", digits, number_of(mean, "mean"));
    else
        printf("  -");
}

static void print_drawings(const json_t *drawings)
{
    static const char *const methods[] = {"drawn", "input", "ceiling"};
    json_t *group;
    size_t i;
    if (number_of(drawings, "n") > 0)
        printf("drawings: means of SSIM, PSNR in dB and MAE, with 95 %% intervals\n");
    json_array_foreach(json_object_get(drawings, "groups"), i, group)
    {
        for (size_t k = 0; k < 3; k++) {
            const json_t *method = json_object_get(group, methods[k]);
            if (!json_is_object(method))
                continue;
            printf("%-16s %-12s %6.0f  %-7s", text_of(group, "task"),
                   text_of(group, "part")[0] != 0 ? text_of(group, "part") : "all", number_of(group, "n"),
                   methods[k]);
            print_mean(json_object_get(method, "ssim"), 4);
            print_mean(json_object_get(method, "psnr"), 2);
            print_mean(json_object_get(method, "mae"), 2);
            putchar('\n');
        }
    }
}

static void print_skipped(json_t *skipped)
{
    const char *name;
    json_t *task;
    json_object_foreach(skipped, name, task)
        fprintf(stderr, "skipped %.0f items of %s: %s\n", number_of(task, "n"), name, text_of(task, "why"));
}

static hg_status print_result(const set_options *o, const char *text, hg_error *err)
{
    json_t *result = json_loads(text, 0, NULL);
    hg_status status = HG_STATUS_OK;
    double failed = number_of(result, "failed");
    if (o->common.json) {
        status = cli_json_print_text(text, err);
    } else {
        print_questions(json_object_get(result, "comprehension"));
        print_drawings(json_object_get(result, "drawing"));
    }
    if (!o->common.quiet)
        print_skipped(json_object_get(result, "skipped"));
    if (status == HG_STATUS_OK && failed > 0) {
        err->code = status = HG_STATUS_INPUT;
        snprintf(err->text, sizeof err->text, "%.0f of %.0f items could not be scored%s", failed,
                 number_of(result, "n"),
                 o->request.out != NULL ? ": \"error\" in items.jsonl says why"
                                        : " (-o FOLDER keeps the reasons)");
    }
    json_decref(result);
    return status;
}

static hg_status set_run(set_options *o, hg_error *err)
{
    hg_model *model;
    hg_session *session;
    cli_progress progress;
    char *text = NULL;
    hg_status status = cli_open(&o->common, &model, &session, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_session_destroy(session);
    cli_catch_interrupt();
    o->request.progress = cli_progress_init(&progress, &o->common);
    status = hg_eval_set(model, &o->request, &text, err);
    cli_progress_end(&progress);
    if (status == HG_STATUS_OK)
        status = print_result(o, text, err);
    else if (cli_interrupted() && o->request.out != NULL && !o->common.quiet)
        fprintf(stderr, "what was done is kept in %s: --resume goes on with it\n", o->request.out);
    hg_text_free(text);
    hg_model_close(model);
    return status;
}

int cmd_eval_set(int argc, char **argv)
{
    set_options o = {.common = {0}};
    hg_error err = {HG_STATUS_OK, ""};
    int code;
    while ((code = getopt_long(argc, argv, "o:", set_long, NULL)) != -1) {
        if (code == CLI_HELP) {
            fputs(set_help, stdout);
            return HG_STATUS_OK;
        }
        hg_status status = set_take(&o, code);
        if (status != HG_STATUS_OK)
            return (int)status;
    }
    if (argc - optind != 1)
        return cli_fail(HG_STATUS_USAGE, "eval set: one LIST.json is wanted (see healthgpt eval set --help)");
    if (o.request.resume && o.request.out == NULL)
        return cli_fail(HG_STATUS_USAGE, "eval set: --resume needs -o FOLDER");
    o.request.data = argv[optind];
    return set_run(&o, &err) == HG_STATUS_OK ? HG_STATUS_OK : cli_fail_error(&err);
}
