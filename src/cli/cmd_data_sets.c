/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_data_sets.c: healthgpt data build|check|tokens.
 */
#include "cli.h"
#include "cmd_data.h"

#include <healthgpt/data.h>

#include <stdio.h>
#include <string.h>

#define SETS_MAX_NOTES 20 /* that are shown of a kind without --all */

enum {
    SETS_FROM = CLI_OWN,
    SETS_VAL,
    SETS_TEST,
    SETS_NEAR,
    SETS_SLICES,
    SETS_MULTI,
    SETS_MISSING,
    SETS_OFFICIAL,
    SETS_IMAGES,
    SETS_DECODE,
    SETS_CODES,
    SETS_CACHE,
    SETS_ALL
};

/* What was told so far. */
typedef struct sets_notes {
    cli_progress bar;
    size_t n;
    bool all, quiet;
} sets_notes;

static void sets_note(void *user, const char *text)
{
    sets_notes *notes = user;
    notes->n++;
    if (notes->quiet || (!notes->all && notes->n > SETS_MAX_NOTES + 1))
        return;
    cli_progress_end(&notes->bar);
    if (!notes->all && notes->n == SETS_MAX_NOTES + 1)
        fprintf(stderr, "... and more (--all shows them)\n");
    else
        fprintf(stderr, "%s\n", text);
}

/* ---- build ---- */

static const struct option build_long[] = {CLI_COMMON_OPTIONS,
                                           {"output", required_argument, NULL, 'o'},
                                           {"from", required_argument, NULL, SETS_FROM},
                                           {"val", required_argument, NULL, SETS_VAL},
                                           {"test", required_argument, NULL, SETS_TEST},
                                           {"near", required_argument, NULL, SETS_NEAR},
                                           {"slices", required_argument, NULL, SETS_SLICES},
                                           {"multi-image", required_argument, NULL, SETS_MULTI},
                                           {"keep-missing", no_argument, NULL, SETS_MISSING},
                                           {"official", no_argument, NULL, SETS_OFFICIAL},
                                           {"all", no_argument, NULL, SETS_ALL},
                                           {NULL, 0, NULL, 0}};

static bool build_take(hg_build_request *r, sets_notes *notes, int code)
{
    switch (code) {
    case 'o':
        r->out = optarg;
        return true;
    case SETS_FROM:
        r->from = optarg;
        return true;
    case SETS_VAL:
        return cli_parse_double("--val", optarg, 0, 0.9, &r->val);
    case SETS_TEST:
        return cli_parse_double("--test", optarg, 0, 0.9, &r->test);
    case SETS_NEAR:
        return cli_parse_int("--near", optarg, 0, 16, &r->near);
    case SETS_SLICES:
        return cli_parse_int("--slices", optarg, 1, 512, &r->n_slices);
    case SETS_MULTI:
        r->multi_image = strcmp(optarg, "keep") == 0;
        return r->multi_image || strcmp(optarg, "drop") == 0 ||
               cli_fail(HG_STATUS_USAGE, "--multi-image is keep or drop, not '%s'", optarg) == HG_STATUS_OK;
    case SETS_MISSING:
        r->keep_missing = true;
        return true;
    case SETS_OFFICIAL:
        r->official = true;
        return true;
    case SETS_ALL:
        notes->all = true;
        return true;
    default:
        return false;
    }
}

static void build_print(const hg_build_request *r, const hg_build_result *b, bool json)
{
    if (json) {
        printf("{\"train\": %zu, \"val\": %zu, \"test\": %zu, \"images\": %zu, \"patients\": %zu, \"bad\": "
               "%zu, \"missing\": "
               "%zu, \"multi_image\": %zu, \"repeated\": %zu, \"skipped\": %zu, \"alike\": %zu, \"moved\": "
               "%zu}\n",
               b->n_items[0], b->n_items[1], b->n_items[2], b->n_images, b->n_patients, b->n_bad,
               b->n_missing, b->n_multi, b->n_repeated, b->n_skipped, b->n_alike, b->n_moved);
        return;
    }
    printf("%s: items: %zu train, %zu val, %zu test; %zu images\n", r->out, b->n_items[0], b->n_items[1],
           b->n_items[2], b->n_images);
    printf("rows %s: %zu image missing or damaged; left out: %zu several images, %zu repeated, %zu other "
           "language, %zu "
           "bad\n",
           r->keep_missing ? "kept" : "left out", b->n_missing, b->n_multi, b->n_repeated, b->n_skipped,
           b->n_bad);
    printf("%zu pairs of images look alike and share a split; %zu rows are in another split than the "
           "publisher's\n",
           b->n_alike, b->n_moved);
}

static int build_run(hg_build_request *r, sets_notes *notes, const cli_common *common)
{
    hg_build_result result;
    hg_error err = {HG_STATUS_OK, ""};
    notes->quiet = common->quiet;
    r->seed = common->seed;
    r->on_note = sets_note;
    r->on_note_user = notes;
    r->progress = cli_progress_init(&notes->bar, common);
    cli_catch_interrupt();
    hg_status status = hg_data_build(r, &result, &err);
    cli_progress_end(&notes->bar);
    if (status != HG_STATUS_OK)
        return cli_fail_error(&err);
    build_print(r, &result, common->json);
    return HG_STATUS_OK;
}

int cmd_data_build(int argc, char **argv)
{
    cli_common common = {0};
    hg_build_request r = {.val = 0.1, .test = 0.1, .near = 2, .n_slices = 8};
    sets_notes notes = {0};
    hg_status status = HG_STATUS_OK;
    int code;
    while ((code = getopt_long(argc, argv, "o:", build_long, NULL)) != -1) {
        if (code == CLI_HELP) {
            cmd_data_help();
            return HG_STATUS_OK;
        }
        if (!cli_common_take(&common, code, optarg, &status) && !build_take(&r, &notes, code))
            return HG_STATUS_USAGE;
        if (status != HG_STATUS_OK)
            return (int)status;
    }
    if (argc - optind != 1 || r.from == NULL || r.out == NULL)
        return cli_fail(HG_STATUS_USAGE, "data build: '--from SOURCE IN -o OUT' is wanted");
    r.in = argv[optind];
    return build_run(&r, &notes, &common);
}

/* ---- check ---- */

static const struct option check_long[] = {CLI_COMMON_OPTIONS,
                                           {"images", required_argument, NULL, SETS_IMAGES},
                                           {"decode", no_argument, NULL, SETS_DECODE},
                                           {"codes", required_argument, NULL, SETS_CODES},
                                           {"all", no_argument, NULL, SETS_ALL},
                                           {NULL, 0, NULL, 0}};

static void check_print(const hg_data_check_result *r, bool json)
{
    double mean = r->n_questions > 0 ? (double)r->answer_bytes / (double)r->n_questions : 0;
    if (json) {
        printf("{\"items\": %zu, \"draw\": %zu, \"questions\": %zu, \"text_only\": %zu, \"several_images\": "
               "%zu, "
               "\"images\": %zu, \"patients\": %zu, \"answer_bytes\": %.2f, \"problems\": %zu, "
               "\"bad_items\": %zu, "
               "\"bad_images\": %zu, \"bad_codes\": %zu, \"repeated\": %zu, \"shared_patients\": %zu, "
               "\"shared_images\": %zu, \"contradicting\": %zu}\n",
               r->n_items, r->n_draw, r->n_questions, r->n_text_only, r->n_several_images, r->n_images,
               r->n_patients, mean, r->n_problems, r->n_bad_items, r->n_bad_images, r->n_bad_codes,
               r->n_repeated, r->n_shared_patients, r->n_shared_images, r->n_contradicting);
        return;
    }
    printf("%zu items: %zu to draw, %zu questions (answers of %.1f bytes on average), %zu text only, %zu "
           "with several "
           "images\n%zu images, %zu patients\n",
           r->n_items, r->n_draw, r->n_questions, mean, r->n_text_only, r->n_several_images, r->n_images,
           r->n_patients);
    printf("problems: %zu (%zu bad items, %zu missing or damaged images, %zu wrong counts of codes, %zu "
           "repeated, %zu "
           "patients and %zu images in several lists)\n",
           r->n_problems, r->n_bad_items, r->n_bad_images, r->n_bad_codes, r->n_repeated,
           r->n_shared_patients, r->n_shared_images);
    printf("asked again with another answer: %zu\n", r->n_contradicting);
}

static int check_run(hg_data_check_request *r, sets_notes *notes, const cli_common *common)
{
    hg_data_check_result result;
    hg_error err = {HG_STATUS_OK, ""};
    notes->quiet = common->quiet;
    r->on_problem = sets_note;
    r->on_problem_user = notes;
    r->progress = cli_progress_init(&notes->bar, common);
    cli_catch_interrupt();
    hg_status status = hg_data_check(r, &result, &err);
    cli_progress_end(&notes->bar);
    if (status == HG_STATUS_OK || result.n_problems > 0)
        check_print(&result, common->json);
    return status == HG_STATUS_OK ? HG_STATUS_OK : cli_fail_error(&err);
}

int cmd_data_check(int argc, char **argv)
{
    cli_common common = {0};
    hg_data_check_request r = {0};
    sets_notes notes = {0};
    hg_status status = HG_STATUS_OK;
    int code;
    while ((code = getopt_long(argc, argv, "", check_long, NULL)) != -1) {
        if (code == CLI_HELP) {
            cmd_data_help();
            return HG_STATUS_OK;
        }
        if (code == SETS_IMAGES)
            r.images = optarg;
        else if (code == SETS_DECODE)
            r.decode = true;
        else if (code == SETS_ALL)
            notes.all = true;
        else if (code == SETS_CODES && !cli_parse_int("--codes", optarg, 1, 1 << 20, &r.n_codes))
            return HG_STATUS_USAGE;
        else if (code != SETS_CODES && !cli_common_take(&common, code, optarg, &status))
            return HG_STATUS_USAGE;
        if (status != HG_STATUS_OK)
            return (int)status;
    }
    if (optind == argc)
        return cli_fail(HG_STATUS_USAGE, "data check: FILE.json is wanted (or several of one set)");
    r.files = (const char *const *)(argv + optind);
    r.n_files = argc - optind;
    return check_run(&r, &notes, &common);
}

/* ---- tokens ---- */

static const struct option tokens_long[] = {CLI_COMMON_OPTIONS,
                                            {"output", required_argument, NULL, 'o'},
                                            {"images", required_argument, NULL, SETS_IMAGES},
                                            {"cache", required_argument, NULL, SETS_CACHE},
                                            {"all", no_argument, NULL, SETS_ALL},
                                            {NULL, 0, NULL, 0}};

static int tokens_run(hg_tokens_request *r, sets_notes *notes, const cli_common *common)
{
    hg_tokens_result result;
    hg_error err = {HG_STATUS_OK, ""};
    notes->quiet = common->quiet;
    r->model = cli_model_path(common);
    if (r->model == NULL)
        return cli_fail(HG_STATUS_USAGE, "data tokens: no model: give --model or set HEALTHGPT_MODEL");
    r->n_threads = common->threads;
    r->cpu_tier = common->cpu;
    r->on_problem = sets_note;
    r->on_problem_user = notes;
    r->progress = cli_progress_init(&notes->bar, common);
    cli_catch_interrupt();
    hg_status status = hg_data_tokens(r, &result, &err);
    cli_progress_end(&notes->bar);
    if (status != HG_STATUS_OK)
        return cli_fail_error(&err);
    if (common->json)
        printf("{\"targets\": %zu, \"made\": %zu, \"found\": %zu, \"bad\": %zu, \"codes\": %zu, \"written\": "
               "%zu}\n",
               result.n_targets, result.n_made, result.n_found, result.n_bad, result.n_codes,
               result.n_written);
    else
        printf("%zu targets: codes of %zu made, %zu were there; %zu bad items; %zu codes a picture\n",
               result.n_targets, result.n_made, result.n_found, result.n_bad, result.n_codes);
    return HG_STATUS_OK;
}

int cmd_data_tokens(int argc, char **argv)
{
    cli_common common = {0};
    hg_tokens_request r = {.cache = "codes"};
    sets_notes notes = {0};
    hg_status status = HG_STATUS_OK;
    int code;
    while ((code = getopt_long(argc, argv, "o:", tokens_long, NULL)) != -1) {
        if (code == CLI_HELP) {
            cmd_data_help();
            return HG_STATUS_OK;
        }
        if (code == 'o')
            r.out = optarg;
        else if (code == SETS_IMAGES)
            r.images = optarg;
        else if (code == SETS_CACHE)
            r.cache = optarg;
        else if (code == SETS_ALL)
            notes.all = true;
        else if (!cli_common_take(&common, code, optarg, &status))
            return HG_STATUS_USAGE;
        if (status != HG_STATUS_OK)
            return (int)status;
    }
    if (argc - optind != 1)
        return cli_fail(HG_STATUS_USAGE, "data tokens: one FILE.json is wanted");
    r.file = argv[optind];
    return tokens_run(&r, &notes, &common);
}
