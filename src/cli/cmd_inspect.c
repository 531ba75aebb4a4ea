/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_inspect.c: healthgpt inspect [MODEL|FILE] [--tensors] [--check]
 */
#include "cli.h"
#include "cli_card.h"
#include "cli_json.h"

#include <healthgpt/package.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char inspect_help[] =
    "usage: healthgpt inspect [--tensors] [--json] [MODEL|FILE]\n"
    "       healthgpt inspect --check [--json] [MODEL|FILE]\n"
    "Says what a model (a .gguf package or a folder of released files) holds, what memory it needs, which "
    "tasks\n"
    "it can do, and what is missing; or what a file of tensors (.safetensors, .bin, .ckpt, .pt, .gguf) "
    "holds. Without a name: $HEALTHGPT_MODEL, else the model shipped with the program.\n\n"
    "  --tensors   also list the tensors' names, types and shapes\n"
    "  --check     read all weights and list the tensors with infinities or values that are no numbers;\n"
    "              exit code 3 when there are such\n"
    "  --threads N  --json  --quiet\n";

enum { INSPECT_TENSORS = CLI_OWN, INSPECT_CHECK };

static const struct option inspect_long[] = {CLI_COMMON_OPTIONS,
                                             {"tensors", no_argument, NULL, INSPECT_TENSORS},
                                             {"check", no_argument, NULL, INSPECT_CHECK},
                                             {NULL, 0, NULL, 0}};

static hg_status inspect_memory(hg_error *err)
{
    *err = (hg_error){HG_STATUS_FAILED, "out of memory (the report)"};
    return HG_STATUS_FAILED;
}

static hg_status inspect_print_json(json_t *report, hg_error *err)
{
    char *text = report == NULL ? NULL : json_dumps(report, JSON_COMPACT);
    hg_status status = text == NULL ? inspect_memory(err) : cli_json_print_text(text, err);
    free(text);
    return status;
}

/* ---- the card ---- */

static hg_status inspect_show(const char *path, bool tensors, bool as_json, hg_error *err)
{
    char *text;
    hg_status status = hg_model_inspect(path, tensors, &text, err);
    if (status != HG_STATUS_OK)
        return status;
    json_t *report = as_json ? NULL : json_loads(text, 0, NULL);
    if (as_json)
        status = cli_json_print_text(text, err);
    else if (report == NULL)
        status = inspect_memory(err);
    else
        cli_card_print(report);
    json_decref(report);
    hg_text_free(text);
    return status;
}

/* ---- the check ---- */

/* Keeps the name for the end: a bar may stand on the terminal. */
static void inspect_on_bad(void *user, const char *tensor)
{
    json_t *names = user;
    char *name = strdup(tensor);
    json_t *text = name == NULL ? NULL : json_string(name);
    for (char *c = name; text == NULL && c != NULL && *c != 0; c++) {
        if ((unsigned char)*c > 0x7e) /* not UTF-8 */
            *c = '?';
    }
    if (text == NULL && name != NULL)
        text = json_string(name);
    json_array_append_new(names, text);
    free(name);
}

static hg_status check_print(const hg_check_result *result, json_t *names, bool as_json, hg_error *err)
{
    size_t i;
    json_t *name;
    if (as_json) {
        json_t *report = json_pack("{s:I, s:I, s:I, s:O}", "tensors", (json_int_t)result->n_tensors, "bad",
                                   (json_int_t)result->n_bad, "not_checked", (json_int_t)result->n_skipped,
                                   "bad_tensors", names);
        hg_status status = inspect_print_json(report, err);
        json_decref(report);
        return status;
    }
    json_array_foreach(names, i, name)
    {
        char *text = (char *)(uintptr_t)json_string_value(name);
        cli_card_clean(text);
        puts(text);
    }
    if (result->n_bad == 0)
        printf("all %zu tensors are finite\n", result->n_tensors);
    return HG_STATUS_OK;
}

static hg_status inspect_check(const char *path, const cli_common *common, hg_error *err)
{
    cli_progress progress;
    hg_check_result result;
    json_t *names = json_array();
    if (names == NULL)
        return inspect_memory(err);
    cli_catch_interrupt();
    const hg_check_request request = {.path = path,
                                      .n_threads = common->threads,
                                      .on_bad = inspect_on_bad,
                                      .on_bad_user = names,
                                      .progress = cli_progress_init(&progress, common)};
    hg_error print_err = {HG_STATUS_OK, ""};
    hg_status status = hg_model_check(&request, &result, err), printed = HG_STATUS_OK;
    cli_progress_end(&progress);
    if (status == HG_STATUS_OK || result.n_bad > 0)
        printed = check_print(&result, names, common->json, &print_err);
    if (result.n_skipped > 0 && status == HG_STATUS_OK && !common->quiet)
        fprintf(stderr, "note: %zu tensors of other types were not looked at\n", result.n_skipped);
    json_decref(names);
    if (status == HG_STATUS_OK && printed != HG_STATUS_OK)
        *err = print_err;
    return status != HG_STATUS_OK ? status : printed;
}

int cmd_inspect(int argc, char **argv)
{
    cli_common common = {0};
    bool tensors = false, check = false;
    hg_error err = {HG_STATUS_OK, ""};
    hg_status status = HG_STATUS_OK;
    int code;
    while ((code = getopt_long(argc, argv, "", inspect_long, NULL)) != -1) {
        if (code == CLI_HELP) {
            fputs(inspect_help, stdout);
            return HG_STATUS_OK;
        }
        if (code == INSPECT_TENSORS)
            tensors = true;
        else if (code == INSPECT_CHECK)
            check = true;
        else if (!cli_common_take(&common, code, optarg, &status) || status != HG_STATUS_OK)
            return HG_STATUS_USAGE;
    }
    if (argc - optind == 1)
        common.model = argv[optind];
    if (argc - optind > 1)
        return cli_fail(HG_STATUS_USAGE, "inspect: one model, or one file of tensors, is wanted");
    const char *path = cli_model_find(&common, &err);
    if (path == NULL)
        return cli_fail_error(&err);
    status = check ? inspect_check(path, &common, &err) : inspect_show(path, tensors, common.json, &err);
    return status == HG_STATUS_OK ? HG_STATUS_OK : cli_fail_error(&err);
}
