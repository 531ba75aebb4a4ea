/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_train.c: healthgpt train --stage S --data F.json -o FOLDER
 *
 * Every setting of training is an option of the same name; the library knows what they mean.
 */
#include "cli.h"

#include <healthgpt/pretrain.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char train_help[] =
    "usage: healthgpt train --stage STAGE --model FOLDER --data FILE.json -o FOLDER [OPTIONS]\n"
    "       healthgpt train --all --config FILE [OPTIONS]\n"
    "Trains a plug-in of a model. STAGE: 1-com, 1-gen, 2-fusion, 3-com, 3-gen, mixed. FILE.json holds items "
    "with "
    "image(s) "
    "and\n"
    "conversations, as LLaVA and VL-Health write them; an item with target_image is one to draw. The plug-in "
    "files, "
    "a\n"
    "checkpoint and log.jsonl go to the folder of -o.\n\n"
    "  --all                     the five stages one after the other, each in OUT/STAGE and from the results "
    "of those\n"
    "                            before; their data under [STAGE] in the config file. Sections [tokenizer] "
    "and\n"
    "                            [pretrain-...] with data make the parts below them first, and with them "
    "OUT/result,\n"
    "                            a whole model from nothing\n"
    "  --mixed                   --stage mixed: everything at once, for comparison\n"
    "  --config FILE             settings: lines `key = value`, sections [STAGE]; options come after it\n"
    "  --images FOLDER           what image paths are relative to (default: the folder of FILE.json)\n"
    "  --validation FILE.json    data to measure the loss on at every checkpoint; the best files go to "
    "OUT/best\n"
    "  --patience N              end the run after N validations in a row that are not the best\n"
    "  --group-by-length yes|no  samples of a step are about equally long (for several processes)\n"
    "  --per-picture N           up to N questions about a picture come together and share its positions "
    "(default: 1)\n"
    "  --resume                  continue from the folder's checkpoint, if there is one\n"
    "  --finish                  take no more steps: what the checkpoint holds is the result (with --all: of "
    "the\n"
    "                            stage that was not finished; those behind it are trained)\n"
    "  --strict                  the first bad sample ends the run (default: it is told, counted and passed "
    "over)\n"
    "  --epochs X  --steps N  --batch N  --save-every N  --seed N\n"
    "  --lr X  --projector-lr X  --weight-decay X  --schedule constant|linear|cosine  --warmup X  --clip X  "
    "--spike X\n"
    "  --dropout X  --max-length N  --cut yes|no  --form plain|instruct  --shuffle yes|no  --vocabulary "
    "yes|no\n"
    "  --compute auto|f32|bf16|int8   of products with frozen weights (docs/training.md)\n"
    "  --memory GB               keep activations as far as they fit; the rest is computed again (default: "
    "12 "
    "at most)\n"
    "  --com FILE  --gen FILE  --fusion FILE   parts in place of the model's\n"
    "  --adapter hlora|lora|moelora  --rank N  --experts N  --alpha X  (of a new plug-in)  --type "
    "f32|f16|bf16  (of the files)  --cache "
    "FOLDER\n"
    "  --beta1 X  --beta2 X  --epsilon X  --threads N  --cpu TIER  --json  --quiet\n"
    "mpirun -n N healthgpt train ... trains with N processes.\n"
    "The paper's settings of the stage are the defaults; docs/training.md lists them.\n";

enum {
    TRAIN_STAGE = CLI_OWN,
    TRAIN_CONFIG,
    TRAIN_RESUME,
    TRAIN_FINISH,
    TRAIN_STRICT,
    TRAIN_ALL,
    TRAIN_MIXED,
    TRAIN_KEYS
};

/* Settings that are options, in the order of their codes from TRAIN_KEYS on. */
static const char *const train_keys[] = {
    "data",    "validation",   "images",       "cache",   "epochs", "steps",      "batch",
    "lr",      "projector-lr", "weight-decay", "beta1",   "beta2",  "epsilon",    "dropout",
    "clip",    "spike",        "schedule",     "warmup",  "form",   "max-length", "rank",
    "experts", "alpha",        "save-every",   "shuffle", "cut",    "vocabulary", "type",
    "compute", "adapter",      "com",          "gen",     "fusion", "patience",   "group-by-length",
    "memory",  "per-picture"};

#define N_TRAIN_KEYS (sizeof train_keys / sizeof *train_keys)

static const struct option train_fixed[] = {CLI_COMMON_OPTIONS,
                                            {"stage", required_argument, NULL, TRAIN_STAGE},
                                            {"all", no_argument, NULL, TRAIN_ALL},
                                            {"mixed", no_argument, NULL, TRAIN_MIXED},
                                            {"config", required_argument, NULL, TRAIN_CONFIG},
                                            {"resume", no_argument, NULL, TRAIN_RESUME},
                                            {"finish", no_argument, NULL, TRAIN_FINISH},
                                            {"strict", no_argument, NULL, TRAIN_STRICT},
                                            {"output", required_argument, NULL, 'o'}};

#define N_TRAIN_FIXED (sizeof train_fixed / sizeof *train_fixed)

typedef struct train_options {
    cli_common common;
    const char *stage, *config, *out;
    bool resume, finish, strict, has_seed, all;
    const char *values[N_TRAIN_KEYS];
} train_options;

static hg_status train_take(train_options *o, int code)
{
    hg_status status = HG_STATUS_OK;
    if (code == CLI_SEED)
        o->has_seed = true;
    if (cli_common_take(&o->common, code, optarg, &status))
        return status;
    if (code >= TRAIN_KEYS && code < TRAIN_KEYS + (int)N_TRAIN_KEYS) {
        o->values[code - TRAIN_KEYS] = optarg;
        return HG_STATUS_OK;
    }
    switch (code) {
    case TRAIN_STAGE:
        o->stage = optarg;
        return HG_STATUS_OK;
    case TRAIN_ALL:
        o->all = true;
        return HG_STATUS_OK;
    case TRAIN_MIXED:
        o->stage = "mixed";
        return HG_STATUS_OK;
    case TRAIN_CONFIG:
        o->config = optarg;
        return HG_STATUS_OK;
    case TRAIN_RESUME:
        o->resume = true;
        return HG_STATUS_OK;
    case TRAIN_FINISH:
        o->finish = true;
        return HG_STATUS_OK;
    case TRAIN_STRICT:
        o->strict = true;
        return HG_STATUS_OK;
    case 'o':
        o->out = optarg;
        return HG_STATUS_OK;
    default:
        return HG_STATUS_USAGE;
    }
}

static hg_status train_set(hg_train_settings *s, const char *key, const char *value, hg_error *err)
{
    return value == NULL ? HG_STATUS_OK : hg_train_settings_set(s, key, value, err);
}

/* The file's settings first, then the options. */
static hg_status train_settings(const train_options *o, hg_train_settings *s, hg_error *err)
{
    char seed[32], threads[32];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)o->common.seed);
    snprintf(threads, sizeof threads, "%d", o->common.threads);
    const struct {
        const char *key, *value;
    } fixed[] = {{"model", cli_model_path(&o->common)},
                 {"out", o->out},
                 {"cpu", o->common.cpu},
                 {"seed", o->has_seed ? seed : NULL},
                 {"threads", o->common.threads > 0 ? threads : NULL},
                 {"resume", o->resume || o->finish ? "yes" : NULL},
                 {"finish", o->finish ? "yes" : NULL},
                 {"strict", o->strict ? "yes" : NULL}};
    hg_status status = o->config != NULL ? hg_train_settings_read(s, o->config, err) : HG_STATUS_OK;
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed && status == HG_STATUS_OK; i++)
        status = train_set(s, fixed[i].key, fixed[i].value, err);
    for (size_t i = 0; i < N_TRAIN_KEYS && status == HG_STATUS_OK; i++)
        status = train_set(s, train_keys[i], o->values[i], err);
    return status;
}

static bool train_wants_stop(void *user)
{
    (void)user;
    return cli_interrupted();
}

/* What the listener shows. */
typedef struct train_view {
    cli_progress bar;
    hg_progress progress;
    const cli_common *common;
    int64_t last_step;
} train_view;

static bool train_on_step(void *user, const hg_train_step *s)
{
    train_view *view = user;
    if (!view->common->quiet && !view->bar.shown &&
        (s->step == 1 || s->step == s->n_steps || s->step % 50 == 0))
        fprintf(stderr, "step %lld of %lld: loss %.4f, rate %.3g, %.0f positions/s\n", (long long)s->step,
                (long long)s->n_steps, s->loss, s->rate, (double)s->n_positions / s->seconds);
    char stage[32];
    snprintf(stage, sizeof stage, "loss %.4f  %.0f tokens/s", s->loss, (double)s->n_positions / s->seconds);
    /* The bar starts anew for a new stage name, which would lose its rate: within a run the name is changed
     * behind its back. */
    if (view->bar.shown && view->bar.stage[0] != 0 && s->step > view->last_step)
        snprintf(view->bar.stage, sizeof view->bar.stage, "%s", stage);
    view->last_step = s->step;
    return view->progress.report(view->progress.user, stage, s->step, s->n_steps) && !cli_interrupted();
}

static bool train_on_read(void *user, int64_t n_read, int64_t n_items)
{
    train_view *view = user;
    return cli_progress_read(&view->bar, view->common, n_read, n_items);
}

static void train_on_note(void *user, const char *text)
{
    train_view *view = user;
    if (view->common->quiet)
        return;
    cli_progress_end(&view->bar);
    fprintf(stderr, "note: %s\n", text);
}

static void train_print(const train_options *o, const hg_train_result *r)
{
    if (o->common.json)
        printf("{\"steps\": %lld, \"first_loss\": %.9g, \"last_loss\": %.9g, \"bad_samples\": %lld, "
               "\"cut_samples\": %lld, \"skipped_steps\": %lld}\n",
               (long long)r->n_steps, r->first_loss, r->last_loss, (long long)r->n_bad_samples,
               (long long)r->n_cut_samples, (long long)r->n_skipped_steps);
    else
        printf("%lld steps, loss %.4f to %.4f; %lld bad samples passed over, %lld answers cut, %lld steps "
               "passed "
               "over\n",
               (long long)r->n_steps, r->first_loss, r->last_loss, (long long)r->n_bad_samples,
               (long long)r->n_cut_samples, (long long)r->n_skipped_steps);
}

/* The name of a stage before its result. */
static void train_print_name(const train_options *o, const char *name, bool *first)
{
    printf(o->common.json ? "%s\"%s\": " : "%s%s: ", *first || !o->common.json ? "" : ", ", name);
    *first = false;
}

/* What this run did; nothing of what was finished before. */
static void train_print_all(const train_options *o, const hg_pretrain_result *parts,
                            const hg_train_result *results)
{
    bool first = true;
    if (o->common.json)
        printf("{");
    for (int n = 0; n < HG_PRETRAIN_STAGE_COUNT; n++) {
        if (parts[n].n_items == 0)
            continue;
        train_print_name(o, hg_pretrain_stage_name((hg_pretrain_stage)n), &first);
        cmd_pretrain_print(&parts[n], o->common.json);
    }
    for (int n = 0; n < HG_TRAIN_CHAIN_COUNT; n++) {
        if (results[n].n_steps == 0)
            continue;
        train_print_name(o, hg_train_stage_name((hg_train_stage)n), &first);
        train_print(o, &results[n]);
    }
    if (o->common.json)
        printf("}\n");
}

/* Settings of one stage, or of all and of the parts below them. */
typedef struct train_plan {
    hg_train_settings *stages[HG_TRAIN_CHAIN_COUNT];
    hg_pretrain_settings *parts[HG_PRETRAIN_STAGE_COUNT];
} train_plan;

/* Runs the one stage of stages[0], or all. *silent: another process says how it went. */
static hg_status train_run(const train_options *o, const train_plan *plan, bool *silent, hg_error *err)
{
    train_view view = {.common = &o->common};
    hg_train_result results[HG_TRAIN_CHAIN_COUNT] = {{0}};
    hg_pretrain_result parts[HG_PRETRAIN_STAGE_COUNT] = {{0}};
    view.progress = cli_progress_init(&view.bar, &o->common);
    hg_train_listener listener = {train_on_step, train_on_note, &view, train_wants_stop, train_on_read};
    cli_catch_stop();
    hg_status status = o->all ? hg_pretrain_run_all(plan->parts, plan->stages, &listener, parts, results, err)
                              : hg_train_run(plan->stages[0], &listener, &results[0], err);
    cli_progress_end(&view.bar);
    *silent = results[0].process != 0;
    if (status == HG_STATUS_OK && !*silent && o->all)
        train_print_all(o, parts, results);
    else if (status == HG_STATUS_OK && !*silent)
        train_print(o, &results[0]);
    return status;
}

/* Settings of the parts are in the file alone, but for what all stages share. */
static hg_status train_make_part(const train_options *o, hg_pretrain_settings **part, hg_pretrain_stage stage,
                                 hg_error *err)
{
    char seed[32];
    snprintf(seed, sizeof seed, "%llu", (unsigned long long)o->common.seed);
    hg_status status = hg_pretrain_settings_create(part, stage, err);
    if (status == HG_STATUS_OK && o->config != NULL)
        status = hg_pretrain_settings_read(*part, o->config, err);
    if (status == HG_STATUS_OK && o->has_seed && stage != HG_PRETRAIN_STAGE_TOKENIZER)
        status = hg_pretrain_settings_set(*part, "seed", seed, err);
    return status;
}

static hg_status train_start(const train_options *o, hg_train_stage stage, bool *silent, hg_error *err)
{
    train_plan plan = {{NULL}, {NULL}};
    int n = o->all ? HG_TRAIN_CHAIN_COUNT : 1;
    hg_status status = HG_STATUS_OK;
    for (int i = 0; i < n && status == HG_STATUS_OK; i++) {
        status = hg_train_settings_create(&plan.stages[i], o->all ? (hg_train_stage)i : stage, err);
        if (status == HG_STATUS_OK)
            status = train_settings(o, plan.stages[i], err);
    }
    for (int i = 0; o->all && i < HG_PRETRAIN_STAGE_COUNT && status == HG_STATUS_OK; i++)
        status = train_make_part(o, &plan.parts[i], (hg_pretrain_stage)i, err);
    if (status == HG_STATUS_OK)
        status = train_run(o, &plan, silent, err);
    for (int i = 0; i < n; i++)
        hg_train_settings_destroy(plan.stages[i]);
    for (int i = 0; i < HG_PRETRAIN_STAGE_COUNT; i++)
        hg_pretrain_settings_destroy(plan.parts[i]);
    return status;
}

/* The fixed options and one for each key. */
static void train_long_options(struct option all[N_TRAIN_FIXED + N_TRAIN_KEYS + 1])
{
    memcpy(all, train_fixed, sizeof train_fixed);
    for (size_t i = 0; i < N_TRAIN_KEYS; i++)
        all[N_TRAIN_FIXED + i] = (struct option){train_keys[i], required_argument, NULL, TRAIN_KEYS + (int)i};
    all[N_TRAIN_FIXED + N_TRAIN_KEYS] = (struct option){NULL, 0, NULL, 0};
}

int cmd_train(int argc, char **argv)
{
    struct option all[N_TRAIN_FIXED + N_TRAIN_KEYS + 1];
    train_options o = {0};
    hg_train_stage stage = HG_TRAIN_STAGE_1_COM;
    hg_error err = {HG_STATUS_OK, ""};
    int code;
    if (cmd_pretrain_wants(argc, argv))
        return cmd_pretrain(argc, argv);
    train_long_options(all);
    while ((code = getopt_long(argc, argv, "o:", all, NULL)) != -1) {
        if (code == CLI_HELP) {
            fputs(train_help, stdout);
            return HG_STATUS_OK;
        }
        if (train_take(&o, code) != HG_STATUS_OK)
            return HG_STATUS_USAGE;
    }
    if (optind < argc)
        return cli_fail(HG_STATUS_USAGE, "train: '%s' is too much", argv[optind]);
    if (o.all == (o.stage != NULL))
        return cli_fail(HG_STATUS_USAGE,
                        "train: one of --all and --stage 1-com, 1-gen, 2-fusion, 3-com, 3-gen or mixed");
    if (!o.all && !hg_train_stage_find(o.stage, &stage))
        return cli_fail(HG_STATUS_USAGE, "train: --stage is 1-com, 1-gen, 2-fusion, 3-com, 3-gen or mixed");
    bool silent = false;
    hg_status status = train_start(&o, stage, &silent, &err);
    return status == HG_STATUS_OK || silent ? (int)status : cli_fail_error(&err);
}
