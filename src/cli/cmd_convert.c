/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_convert.c: healthgpt convert (released files to one package) and healthgpt quantize (a model to another
 * type).
 */
#include "cli.h"
#include "cli_json.h"

#include <healthgpt/package.h>

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

static const char convert_help[] =
    "usage: healthgpt convert [MODEL] [--base DIR|FILE.gguf] [--clip DIR] [--com FILE] [--gen FILE]\n"
    "                         [--fusion FILE] [--vqgan DIR] [--type q4_k] -o OUT.gguf\n"
    "Puts released files into one package. MODEL is a folder with base/, clip/, vqgan/ and *.bin files, or a "
    "package\n"
    "whose plug-ins are to be replaced; single parts come before its own. Tensor by tensor: little memory is "
    "needed.\n\n"
    "  -o FILE.gguf         the package; appears when it is complete\n"
    "  --type T             of the language model: q4_k (default), q4_0, q6_k, q8_0, bf16, f16, f32, or "
    "keep\n"
    "  --embed-type T  --head-type T  --hlora-type T  --clip-type T  --vqgan-type T\n"
    "                       of other parts; by default finer than T\n"
    "  --adapters-only      leave the language model out; --base FILE.gguf must lie beside the package when "
    "it is used\n"
    "  --for-training       parts of a task that lacks others go in, too; no plug-in need be there: `train` "
    "begins new ones\n"
    "  --tasks LIST         drawing tasks that the generation plug-in was trained for, with commas\n"
    "  --name TEXT  --license TEXT  --description TEXT  --intended-use TEXT\n"
    "                       what the package says about itself\n"
    "  --no-hashes          do not note the SHA-256 of the released files\n"
    "  --threads N  --json  --quiet\n";

static const char quantize_help[] =
    "usage: healthgpt quantize IN OUT.gguf --type q8_0|q6_k|q4_k|q4_0|bf16|f16|f32\n"
    "Writes a model (a package, or a folder of released files) as a package of another type.\n\n"
    "  --embed-type T  --head-type T  --hlora-type T  --clip-type T  --vqgan-type T\n"
    "                       of other parts than the linear layers of the language model; by default finer "
    "than T\n"
    "  --threads N  --json  --quiet\n";

enum {
    CONVERT_BASE = CLI_OWN,
    CONVERT_CLIP,
    CONVERT_COM,
    CONVERT_GEN,
    CONVERT_FUSION,
    CONVERT_VQGAN,
    CONVERT_TYPE,
    CONVERT_EMBED_TYPE,
    CONVERT_HEAD_TYPE,
    CONVERT_HLORA_TYPE,
    CONVERT_CLIP_TYPE,
    CONVERT_VQGAN_TYPE,
    CONVERT_ADAPTERS,
    CONVERT_TASKS,
    CONVERT_NAME,
    CONVERT_LICENSE,
    CONVERT_DESCRIPTION,
    CONVERT_USE,
    CONVERT_NO_HASHES,
    CONVERT_FOR_TRAINING
};

/* clang-format off */
#define TYPE_OPTIONS \
    {"type", required_argument, NULL, CONVERT_TYPE}, {"embed-type", required_argument, NULL, CONVERT_EMBED_TYPE}, \
    {"head-type", required_argument, NULL, CONVERT_HEAD_TYPE}, \
    {"hlora-type", required_argument, NULL, CONVERT_HLORA_TYPE}, \
    {"clip-type", required_argument, NULL, CONVERT_CLIP_TYPE}, \
    {"vqgan-type", required_argument, NULL, CONVERT_VQGAN_TYPE}
/* clang-format on */

static const struct option convert_long[] = {CLI_COMMON_OPTIONS,
                                             TYPE_OPTIONS,
                                             {"base", required_argument, NULL, CONVERT_BASE},
                                             {"clip", required_argument, NULL, CONVERT_CLIP},
                                             {"com", required_argument, NULL, CONVERT_COM},
                                             {"gen", required_argument, NULL, CONVERT_GEN},
                                             {"fusion", required_argument, NULL, CONVERT_FUSION},
                                             {"vqgan", required_argument, NULL, CONVERT_VQGAN},
                                             {"adapters-only", no_argument, NULL, CONVERT_ADAPTERS},
                                             {"tasks", required_argument, NULL, CONVERT_TASKS},
                                             {"name", required_argument, NULL, CONVERT_NAME},
                                             {"license", required_argument, NULL, CONVERT_LICENSE},
                                             {"description", required_argument, NULL, CONVERT_DESCRIPTION},
                                             {"intended-use", required_argument, NULL, CONVERT_USE},
                                             {"no-hashes", no_argument, NULL, CONVERT_NO_HASHES},
                                             {"for-training", no_argument, NULL, CONVERT_FOR_TRAINING},
                                             {"output", required_argument, NULL, 'o'},
                                             {NULL, 0, NULL, 0}};

static const struct option quantize_long[] = {CLI_COMMON_OPTIONS, TYPE_OPTIONS, {NULL, 0, NULL, 0}};

/* Where the text of an option goes; NULL for another option. */
static const char **text_option(hg_convert_request *r, int code)
{
    switch (code) {
    case CONVERT_BASE:
        return &r->base;
    case CONVERT_CLIP:
        return &r->clip;
    case CONVERT_COM:
        return &r->com;
    case CONVERT_GEN:
        return &r->gen;
    case CONVERT_FUSION:
        return &r->fusion;
    case CONVERT_VQGAN:
        return &r->vqgan;
    case CONVERT_TYPE:
        return &r->types.type;
    case CONVERT_EMBED_TYPE:
        return &r->types.embed;
    case CONVERT_HEAD_TYPE:
        return &r->types.head;
    case CONVERT_HLORA_TYPE:
        return &r->types.hlora;
    case CONVERT_CLIP_TYPE:
        return &r->types.clip;
    case CONVERT_VQGAN_TYPE:
        return &r->types.vqgan;
    case CONVERT_TASKS:
        return &r->tasks;
    case CONVERT_NAME:
        return &r->name;
    case CONVERT_LICENSE:
        return &r->license;
    case CONVERT_DESCRIPTION:
        return &r->description;
    case CONVERT_USE:
        return &r->intended_use;
    case 'o':
        return &r->out;
    default:
        return NULL;
    }
}

/* Fills the request; *done is set when help was wanted and printed. */
static hg_status convert_parse(hg_convert_request *r, cli_common *common, int argc, char **argv,
                               const struct option *options, const char *help, bool *done)
{
    hg_status status = HG_STATUS_OK;
    int code;
    while ((code = getopt_long(argc, argv, "o:", options, NULL)) != -1) {
        const char **text = text_option(r, code);
        if (code == CLI_HELP) {
            *done = true;
            fputs(help, stdout);
            return HG_STATUS_OK;
        }
        if (text != NULL)
            *text = optarg;
        else if (code == CONVERT_ADAPTERS)
            r->adapters_only = true;
        else if (code == CONVERT_NO_HASHES)
            r->no_hashes = true;
        else if (code == CONVERT_FOR_TRAINING)
            r->for_training = true;
        else if (!cli_common_take(common, code, optarg, &status) || status != HG_STATUS_OK)
            return HG_STATUS_USAGE;
    }
    r->n_threads = common->threads;
    return HG_STATUS_OK;
}

static hg_status print_json(const hg_convert_request *r, const hg_convert_result *result, hg_error *err)
{
    const size_t *n = result->n_by_part;
    json_t *json =
        json_pack("{s:s, s:I, s:I, s:{s:I, s:I, s:I, s:I, s:I, s:I}, s:I, s:I}", "package", r->out, "bytes",
                  (json_int_t)result->file_bytes, "tensors", (json_int_t)result->n_tensors, "parts", "base",
                  (json_int_t)n[0], "clip", (json_int_t)n[1], "com", (json_int_t)n[2], "gen",
                  (json_int_t)n[3], "fusion", (json_int_t)n[4], "vqgan", (json_int_t)n[5], "other_type",
                  (json_int_t)result->n_fallback, "left_out", (json_int_t)result->n_left_out);
    char *text = json == NULL ? NULL : json_dumps(json, JSON_COMPACT);
    json_decref(json);
    if (text == NULL) {
        *err = (hg_error){HG_STATUS_FAILED, "out of memory (the result)"};
        return HG_STATUS_FAILED;
    }
    hg_status status = cli_json_print_text(text, err);
    free(text);
    return status;
}

static void print_result(const hg_convert_request *r, const hg_convert_result *result)
{
    const size_t *n = result->n_by_part;
    fprintf(stderr,
            "%s: %.1f MB, %zu tensors (base %zu, clip %zu, com %zu, gen %zu, fusion %zu, vqgan %zu)\n",
            r->out, (double)result->file_bytes / 1e6, result->n_tensors, n[0], n[1], n[2], n[3], n[4], n[5]);
    if (result->n_fallback > 0)
        fprintf(stderr,
                "note: the rows of %zu tensors do not fill the type's blocks; they got q8_0 or f16 (see "
                "healthgpt "
                "inspect --tensors)\n",
                result->n_fallback);
    if (result->n_left_out > 0)
        fprintf(stderr, "note: %zu tensors of the released files, which no model uses, were left out\n",
                result->n_left_out);
}

static int convert_run(hg_convert_request *r, const cli_common *common)
{
    cli_progress progress;
    hg_convert_result result;
    hg_error err = {HG_STATUS_OK, ""};
    cli_catch_interrupt();
    r->progress = cli_progress_init(&progress, common);
    hg_status status = hg_model_convert(r, &result, &err);
    cli_progress_end(&progress);
    if (status == HG_STATUS_OK && common->json)
        status = print_json(r, &result, &err);
    else if (status == HG_STATUS_OK && !common->quiet)
        print_result(r, &result);
    return status == HG_STATUS_OK ? HG_STATUS_OK : cli_fail_error(&err);
}

int cmd_convert(int argc, char **argv)
{
    hg_convert_request request = {.model = NULL};
    cli_common common = {0};
    bool done = false;
    hg_status status = convert_parse(&request, &common, argc, argv, convert_long, convert_help, &done);
    if (status != HG_STATUS_OK || done)
        return (int)status;
    request.model = argc - optind == 1 ? argv[optind] : common.model;
    if (argc - optind > 1 || request.out == NULL ||
        (request.model == NULL && (request.base == NULL || request.clip == NULL)))
        return cli_fail(
            HG_STATUS_USAGE,
            "convert: a model folder, or --base and --clip, and -o OUT.gguf are wanted (see healthgpt "
            "convert --help)");
    return convert_run(&request, &common);
}

int cmd_quantize(int argc, char **argv)
{
    hg_convert_request request = {.model = NULL};
    cli_common common = {0};
    bool done = false;
    hg_status status = convert_parse(&request, &common, argc, argv, quantize_long, quantize_help, &done);
    if (status != HG_STATUS_OK || done)
        return (int)status;
    if (argc - optind != 2 || request.types.type == NULL)
        return cli_fail(HG_STATUS_USAGE,
                        "quantize: IN, OUT.gguf and --type are wanted (see healthgpt quantize --help)");
    request.model = argv[optind];
    request.out = argv[optind + 1];
    return convert_run(&request, &common);
}
