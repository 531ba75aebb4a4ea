/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_export.c: healthgpt export --part PART MODEL -o OUT.bin|OUT.safetensors
 */
#include "cli.h"
#include "cli_json.h"

#include <healthgpt/package.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const char export_help[] =
    "usage: healthgpt export --part com|gen|fusion|clip|vqgan|base MODEL -o OUT.bin|OUT.safetensors\n"
    "Writes one part of a model (a package, or a folder of released files) under its released names: .bin "
    "for\n"
    "PyTorch, or .safetensors. --part com gives the file that released models call com_hlora_weights.bin.\n\n"
    "  --part PART       com, gen: a plug-in; fusion: the embedding and head of drawing; clip: the image "
    "encoder;\n"
    "                    vqgan: the picture decoder; base: the language model\n"
    "  -o FILE           the file; appears when it is complete; a .bin takes less than 4 GB\n"
    "  --type T          f32, f16 or bf16; otherwise types stay as they are, and block types become f16\n"
    "  --threads N  --json  --quiet\n";

enum { EXPORT_PART = CLI_OWN, EXPORT_TYPE };

static const struct option export_long[] = {CLI_COMMON_OPTIONS,
                                            {"part", required_argument, NULL, EXPORT_PART},
                                            {"type", required_argument, NULL, EXPORT_TYPE},
                                            {"output", required_argument, NULL, 'o'},
                                            {NULL, 0, NULL, 0}};

/* Fills the request; *done is set when help was wanted and printed. */
static hg_status export_parse(hg_export_request *r, cli_common *common, int argc, char **argv, bool *done)
{
    hg_status status = HG_STATUS_OK;
    int code;
    while ((code = getopt_long(argc, argv, "o:", export_long, NULL)) != -1) {
        if (code == CLI_HELP) {
            *done = true;
            fputs(export_help, stdout);
            return HG_STATUS_OK;
        }
        if (code == EXPORT_PART)
            r->part = optarg;
        else if (code == EXPORT_TYPE)
            r->type = optarg;
        else if (code == 'o')
            r->out = optarg;
        else if (!cli_common_take(common, code, optarg, &status) || status != HG_STATUS_OK)
            return HG_STATUS_USAGE;
    }
    r->n_threads = common->threads;
    return HG_STATUS_OK;
}

static hg_status export_print_json(const hg_export_request *r, size_t n_tensors, hg_error *err)
{
    json_t *json =
        json_pack("{s:s, s:s, s:I}", "part", r->part, "file", r->out, "tensors", (json_int_t)n_tensors);
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (text == NULL) {
        *err = (hg_error){HG_STATUS_FAILED, "cannot print the result as JSON"};
        return HG_STATUS_FAILED;
    }
    hg_status status = cli_json_print_text(text, err);
    free(text);
    return status;
}

int cmd_export(int argc, char **argv)
{
    hg_export_request request = {.model = NULL};
    cli_common common = {0};
    cli_progress progress;
    bool done = false;
    size_t n_tensors;
    hg_error err = {HG_STATUS_OK, ""};
    hg_status status = export_parse(&request, &common, argc, argv, &done);
    if (status != HG_STATUS_OK || done)
        return (int)status;
    if (argc - optind == 1)
        common.model = argv[optind];
    request.model = cli_model_path(&common);
    if (argc - optind > 1 || request.model == NULL || request.part == NULL || request.out == NULL)
        return cli_fail(HG_STATUS_USAGE,
                        "export: --part, a model and -o FILE are wanted (see healthgpt export --help)");
    cli_catch_interrupt();
    request.progress = cli_progress_init(&progress, &common);
    status = hg_model_export(&request, &n_tensors, &err);
    cli_progress_end(&progress);
    if (status == HG_STATUS_OK && common.json)
        status = export_print_json(&request, n_tensors, &err);
    else if (status == HG_STATUS_OK && !common.quiet)
        fprintf(stderr, "%s: %s, %zu tensors\n", request.out, request.part, n_tensors);
    return status == HG_STATUS_OK ? HG_STATUS_OK : cli_fail_error(&err);
}
