/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_inspect.c: healthgpt inspect MODEL [--tensors]
 */
#include "cli.h"
#include "cli_json.h"

#include <jansson.h>
#include <stdio.h>

static const char inspect_help[] =
    "usage: healthgpt inspect [--tensors] [--json] MODEL\n"
    "Says what a model folder holds, which tasks it can do, and what is missing.\n";

static const struct option inspect_long[] = {
    CLI_COMMON_OPTIONS, {"tensors", no_argument, NULL, CLI_OWN}, {NULL, 0, NULL, 0}};

static void print_parts(const json_t *parts)
{
    const char *name;
    json_t *part;
    json_object_foreach((json_t *)(uintptr_t)parts, name, part)
    {
        const char *path = json_string_value(json_object_get(part, "path"));
        printf("  %-8s %s", name, path != NULL ? path : "missing");
        if (json_object_get(part, "tensors_count") != NULL)
            printf("  (%lld tensors, %.1f MB)", json_integer_value(json_object_get(part, "tensors_count")),
                   json_number_value(json_object_get(part, "bytes")) / 1e6);
        putchar('\n');
        const char *problem = json_string_value(json_object_get(part, "problem"));
        if (problem != NULL)
            printf("           problem: %s\n", problem);
    }
}

static void print_tasks(const json_t *tasks)
{
    size_t i;
    json_t *task;
    json_array_foreach((json_t *)(uintptr_t)tasks, i, task)
    {
        const char *why = json_string_value(json_object_get(task, "why_not"));
        printf("  %-18s %s%s\n", json_string_value(json_object_get(task, "name")),
               why == NULL ? "yes" : "no: ", why == NULL ? "" : why);
    }
}

static void print_tensors(const json_t *parts)
{
    const char *name;
    json_t *part;
    json_object_foreach((json_t *)(uintptr_t)parts, name, part)
    {
        size_t i;
        json_t *tensor;
        json_array_foreach(json_object_get(part, "tensors"), i, tensor)
            printf("%s\t%s\t%s\t%s\n", name, json_string_value(json_object_get(tensor, "name")),
                   json_string_value(json_object_get(tensor, "type")),
                   json_string_value(json_object_get(tensor, "shape")));
    }
}

static void print_report(const json_t *report, bool tensors)
{
    const char *family = json_string_value(json_object_get(report, "family"));
    printf("%s\n", json_string_value(json_object_get(report, "path")));
    if (family != NULL)
        printf("  base model: %s\n", family);
    if (json_is_true(json_object_get(report, "random_weights")))
        printf("  the weights are random numbers: what this model says and draws means nothing\n");
    printf("parts:\n");
    print_parts(json_object_get(report, "parts"));
    printf("tasks:\n");
    print_tasks(json_object_get(report, "tasks"));
    if (tensors)
        print_tensors(json_object_get(report, "parts"));
}

int cmd_inspect(int argc, char **argv)
{
    cli_common common;
    bool tensors = false;
    hg_status status = HG_STATUS_OK;
    cli_common_init(&common);
    int code;
    while ((code = getopt_long(argc, argv, "", inspect_long, NULL)) != -1) {
        if (code == CLI_HELP) {
            fputs(inspect_help, stdout);
            return HG_STATUS_OK;
        }
        if (code == CLI_OWN)
            tensors = true;
        else if (!cli_common_take(&common, code, optarg, &status) || status != HG_STATUS_OK)
            return HG_STATUS_USAGE;
    }
    if (argc - optind == 1)
        common.model = argv[optind];
    const char *path = cli_model_path(&common);
    if (path == NULL || argc - optind > 1)
        return cli_fail(HG_STATUS_USAGE, "inspect: one model folder is wanted");
    char *json;
    hg_error err = {HG_STATUS_OK, ""};
    status = hg_model_inspect(path, tensors, &json, &err);
    if (status != HG_STATUS_OK)
        return cli_fail_error(&err);
    if (common.json) {
        status = cli_json_print_text(json, &err);
    } else {
        json_t *report = json_loads(json, 0, NULL);
        print_report(report, tensors);
        json_decref(report);
    }
    hg_text_free(json);
    return status == HG_STATUS_OK ? HG_STATUS_OK : cli_fail_error(&err);
}
