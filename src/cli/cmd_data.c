/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_data.c: healthgpt data: the table of its actions, and phantom; the others are in cmd_data_sets.c.
 */
#include "cmd_data.h"
#include "cli.h"

#include <healthgpt/data.h>

#include <stdio.h>
#include <string.h>

static const char data_help[] =
    "usage: healthgpt data phantom -o FOLDER [OPTIONS]   synthetic patients with known truth\n"
    "       healthgpt data build --from SOURCE IN -o FOLDER   a published set in the form that training "
    "reads\n"
    "       healthgpt data check FILE.json...                 what is wrong in lists of one set, and counts\n"
    "       healthgpt data tokens --model M FILE.json         picture codes of all targets, before "
    "training\n\n"
    "phantom: pictures of several contrasts that fit each other, questions with answers, pairs for every\n"
    "drawing task, truth.jsonl with all that is true of each picture, and index.html to look at. The lists\n"
    "train.json, val.json and test.json are what `healthgpt train --data` reads; no patient is in two of "
    "them.\n"
    "  --patients N    (default 40)          --seed S    the same seed gives the same files (default 0)\n"
    "  --size N        64..256 pixels (128)  --parts P   head,chest,abdomen,pelvis,blood (all these), blank\n"
    "  --slices N      of each patient (4)   --questions N   of each picture (4)\n"
    "  --ill X         part of the patients with a lesion (0.7)   --noise X   1 is usual, 0 none\n"
    "  --format png|dicom|nifti   of CT and MRI slices (png); nifti: axial ones only\n\n"
    "build: SOURCE is vqa-rad, slake, pathvqa, mimic-cxr-vqa, llava-med, pubmedvision, llava-558k, "
    "llava-665k,\n"
    "ixi or synthrad2023; IN the folder with its files as published (docs/data.md).\n"
    "  --val X  --test X   parts for these lists where the publisher has no split (0.1 each)\n"
    "  --official      keep the publisher's splits although patients are in several\n"
    "  --near N        images whose hashes differ in at most N of 64 bits share a split (2)\n"
    "  --multi-image keep|drop   rows with several images (drop)   --keep-missing   rows without their "
    "image\n"
    "  --slices N      of each volume (8)    --seed S\n\n"
    "check: --images FOLDER  --decode (open every image)  --codes N (codes that a picture must have)\n"
    "tokens: --cache FOLDER (codes; training's setting of that name)  --images FOLDER\n"
    "  -o FILE.json    the list with codes in the place of target images\n\n"
    "  --all (show every problem)  --threads N  --json  --quiet\n";

enum {
    DATA_PATIENTS = CLI_OWN,
    DATA_SIZE,
    DATA_PARTS,
    DATA_FORMAT,
    DATA_SLICES,
    DATA_QUESTIONS,
    DATA_ILL,
    DATA_NOISE
};

static const struct option phantom_long[] = {CLI_COMMON_OPTIONS,
                                             {"output", required_argument, NULL, 'o'},
                                             {"patients", required_argument, NULL, DATA_PATIENTS},
                                             {"size", required_argument, NULL, DATA_SIZE},
                                             {"parts", required_argument, NULL, DATA_PARTS},
                                             {"format", required_argument, NULL, DATA_FORMAT},
                                             {"slices", required_argument, NULL, DATA_SLICES},
                                             {"questions", required_argument, NULL, DATA_QUESTIONS},
                                             {"ill", required_argument, NULL, DATA_ILL},
                                             {"noise", required_argument, NULL, DATA_NOISE},
                                             {NULL, 0, NULL, 0}};

/* False when the option is unknown or its value bad, which is then told. */
static bool phantom_take(hg_phantom_request *r, int code)
{
    switch (code) {
    case 'o':
        r->out = optarg;
        return true;
    case DATA_PATIENTS:
        return cli_parse_int("--patients", optarg, 1, 1000000, &r->n_patients);
    case DATA_SIZE:
        return cli_parse_int("--size", optarg, 64, 256, &r->size);
    case DATA_PARTS:
        r->parts = optarg;
        return true;
    case DATA_FORMAT:
        r->format = optarg;
        return true;
    case DATA_SLICES:
        return cli_parse_int("--slices", optarg, 1, 64, &r->n_slices);
    case DATA_QUESTIONS:
        return cli_parse_int("--questions", optarg, 1, 16, &r->n_questions);
    case DATA_ILL:
        return cli_parse_double("--ill", optarg, 0, 1, &r->ill);
    case DATA_NOISE:
        return cli_parse_double("--noise", optarg, 0, 10, &r->noise);
    default:
        return false;
    }
}

static void phantom_print(const hg_phantom_request *r, const hg_phantom_result *result, bool json)
{
    if (json)
        printf("{\"patients\": %zu, \"ill\": %zu, \"images\": %zu, \"train\": %zu, \"val\": %zu, \"test\": "
               "%zu}\n",
               result->n_patients, result->n_ill, result->n_images, result->n_items[0], result->n_items[1],
               result->n_items[2]);
    else
        printf("%s: %zu patients (%zu with a lesion), %zu pictures; items: %zu train, %zu val, %zu test\n",
               r->out, result->n_patients, result->n_ill, result->n_images, result->n_items[0],
               result->n_items[1], result->n_items[2]);
}

static int phantom_run(hg_phantom_request *r, const cli_common *common)
{
    cli_progress bar;
    hg_phantom_result result;
    hg_error err = {HG_STATUS_OK, ""};
    r->seed = common->seed;
    r->n_threads = common->threads;
    r->progress = cli_progress_init(&bar, common);
    cli_catch_interrupt();
    hg_status status = hg_data_phantom(r, &result, &err);
    cli_progress_end(&bar);
    if (status != HG_STATUS_OK)
        return cli_fail_error(&err);
    phantom_print(r, &result, common->json);
    return HG_STATUS_OK;
}

static int data_phantom(int argc, char **argv)
{
    cli_common common = {0};
    hg_phantom_request r = {.n_patients = 40, .size = 128, .ill = -1, .noise = 1};
    hg_status status = HG_STATUS_OK;
    int code;
    while ((code = getopt_long(argc, argv, "o:", phantom_long, NULL)) != -1) {
        if (code == CLI_HELP) {
            fputs(data_help, stdout);
            return HG_STATUS_OK;
        }
        if (!cli_common_take(&common, code, optarg, &status) && !phantom_take(&r, code))
            return HG_STATUS_USAGE;
        if (status != HG_STATUS_OK)
            return (int)status;
    }
    if (optind < argc)
        return cli_fail(HG_STATUS_USAGE, "data phantom: '%s' is too much", argv[optind]);
    if (r.out == NULL)
        return cli_fail(HG_STATUS_USAGE, "data phantom: -o FOLDER is wanted");
    return phantom_run(&r, &common);
}

void cmd_data_help(void)
{
    fputs(data_help, stdout);
}

int cmd_data(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(int argc, char **argv);
    } actions[] = {{"phantom", data_phantom},
                   {"build", cmd_data_build},
                   {"check", cmd_data_check},
                   {"tokens", cmd_data_tokens}};
    if (argc >= 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        cmd_data_help();
        return HG_STATUS_OK;
    }
    for (size_t i = 0; argc >= 2 && i < sizeof actions / sizeof *actions; i++) {
        if (strcmp(argv[1], actions[i].name) == 0)
            return actions[i].run(argc - 1, argv + 1);
    }
    return cli_fail(HG_STATUS_USAGE,
                    "data: phantom, build, check or tokens is wanted (see healthgpt data --help)");
}
