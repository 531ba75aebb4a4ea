/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_inspect.c: healthgpt inspect MODEL|FILE [--tensors]
 */
#include "cli.h"
#include "cli_json.h"

#include <jansson.h>
#include <stdio.h>

static const char inspect_help[] =
    "usage: healthgpt inspect [--tensors] [--json] MODEL|FILE\n"
    "Says what a model folder holds, which tasks it can do, and what is missing; or what a file of tensors\n"
    "(.safetensors, .bin, .ckpt, .pt, .gguf) holds. --tensors lists the tensors' names, types and shapes.\n";

static const struct option inspect_long[] = {
    CLI_COMMON_OPTIONS, {"tensors", no_argument, NULL, CLI_OWN}, {NULL, 0, NULL, 0}};

/* A member of text; "" when there is none. Files choose tensor names: control characters, which a terminal
 * would obey, become '?' in place (the text is this program's own copy). */
static const char *text_of(const json_t *object, const char *key)
{
    char *text = (char *)(uintptr_t)json_string_value(json_object_get(object, key));
    for (char *c = text; c != NULL && *c != 0; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            *c = '?';
    }
    return text == NULL ? "" : text;
}

/* "PyTorch, 34 tensors, 1.2 MB" */
static void print_size(const json_t *part)
{
    printf("%s, %lld tensors, %.1f MB", text_of(part, "kind"),
           json_integer_value(json_object_get(part, "tensors_count")),
           json_number_value(json_object_get(part, "bytes")) / 1e6);
}

static void print_parts(const json_t *parts)
{
    const char *name;
    json_t *part;
    json_object_foreach((json_t *)(uintptr_t)parts, name, part)
    {
        const char *path = text_of(part, "path"), *problem = text_of(part, "problem");
        printf("  %-8s %s", name, path[0] != 0 ? path : "missing");
        if (json_object_get(part, "tensors_count") != NULL) {
            printf("  (");
            print_size(part);
            printf(")");
        }
        putchar('\n');
        if (problem[0] != 0)
            printf("           problem: %s\n", problem);
    }
}

static void print_tasks(const json_t *tasks)
{
    size_t i;
    json_t *task;
    json_array_foreach((json_t *)(uintptr_t)tasks, i, task)
    {
        const char *why = text_of(task, "why_not");
        printf("  %-18s %s%s\n", text_of(task, "name"), why[0] == 0 ? "yes" : "no: ", why);
    }
}

/* One line a tensor, after `prefix`. */
static void print_tensors(const char *prefix, const json_t *part)
{
    size_t i;
    json_t *tensor;
    json_array_foreach(json_object_get(part, "tensors"), i, tensor) printf(
        "%s%s\t%s\t%s\n", prefix, text_of(tensor, "name"), text_of(tensor, "type"), text_of(tensor, "shape"));
}

static void print_file(const json_t *report)
{
    printf("%s: ", text_of(report, "path"));
    print_size(report);
    putchar('\n');
    print_tensors("", report);
}

static void print_folder(const json_t *report)
{
    const char *family = text_of(report, "family"), *name;
    printf("%s\n", text_of(report, "path"));
    if (family[0] != 0)
        printf("  base model: %s\n", family);
    if (json_is_true(json_object_get(report, "random_weights")))
        printf("  the weights are random numbers: what this model says and draws means nothing\n");
    printf("parts:\n");
    print_parts(json_object_get(report, "parts"));
    printf("tasks:\n");
    print_tasks(json_object_get(report, "tasks"));
    json_t *part;
    json_object_foreach(json_object_get(report, "parts"), name, part)
    {
        char prefix[32];
        snprintf(prefix, sizeof prefix, "%s\t", name);
        print_tensors(prefix, part);
    }
}

static hg_status inspect_print(const char *text, hg_error *err)
{
    json_t *report = json_loads(text, 0, NULL);
    if (report == NULL) {
        *err = (hg_error){HG_STATUS_FAILED, "out of memory (the report)"};
        return HG_STATUS_FAILED;
    }
    if (json_object_get(report, "parts") != NULL)
        print_folder(report);
    else
        print_file(report);
    json_decref(report);
    return HG_STATUS_OK;
}

int cmd_inspect(int argc, char **argv)
{
    cli_common common = {0};
    bool tensors = false;
    hg_status status = HG_STATUS_OK;
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
        return cli_fail(HG_STATUS_USAGE, "inspect: one model folder, or one file of tensors, is wanted");
    char *json;
    hg_error err = {HG_STATUS_OK, ""};
    status = hg_model_inspect(path, tensors, &json, &err);
    if (status != HG_STATUS_OK)
        return cli_fail_error(&err);
    status = common.json ? cli_json_print_text(json, &err) : inspect_print(json, &err);
    hg_text_free(json);
    return status == HG_STATUS_OK ? HG_STATUS_OK : cli_fail_error(&err);
}
