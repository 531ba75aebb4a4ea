/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_pretrain.c: healthgpt train --stage tokenizer|pretrain-vq|pretrain-vit|pretrain-lm --data F.json -o
 * FOLDER
 *
 * Every setting is an option of the same name, which the library knows; so this command has no list of its
 * own.
 */
#include "cli.h"

#include <healthgpt/pretrain.h>

#include <stdio.h>
#include <string.h>

static const char pretrain_help[] =
    "usage: healthgpt train --stage STAGE --data FILE -o FOLDER [--KEY VALUE ...]\n"
    "Makes a part of a small model from nothing. STAGE: tokenizer, pretrain-vq, pretrain-vit, pretrain-lm.\n"
    "FILE is a list of items as LLaVA and VL-Health write it, or for tokenizer and pretrain-lm also plain "
    "text\n"
    "(.txt). The part goes to FOLDER/base, FOLDER/clip or FOLDER/vqgan, beside a checkpoint and "
    "log.jsonl.\n\n"
    "  --config FILE    settings: lines `key = value` behind [STAGE]; options come after it\n"
    "  --resume         continue from the folder's checkpoint, if there is one\n"
    "  --finish         take no more steps: what the checkpoint holds is the result\n"
    "  --json  --quiet\n"
    "docs/training.md lists the keys of each stage and their defaults.\n";

/* The value of an option in any place, as "--stage X" or "--stage=X". */
static const char *find_option(int argc, char **argv, const char *name)
{
    size_t n = strlen(name);
    for (int i = 1; i < argc; i++) {
        if (strncmp(argv[i], name, n) == 0 && argv[i][n] == '=')
            return argv[i] + n + 1;
        if (strcmp(argv[i], name) == 0 && i + 1 < argc)
            return argv[i + 1];
    }
    return NULL;
}

bool cmd_pretrain_wants(int argc, char **argv)
{
    hg_pretrain_stage stage;
    const char *name = find_option(argc, argv, "--stage");
    return name != NULL && hg_pretrain_stage_find(name, &stage);
}

typedef struct pretrain_view {
    cli_progress bar;
    hg_progress progress;
    cli_common common;
} pretrain_view;

static bool pretrain_on_step(void *user, const hg_train_step *s)
{
    pretrain_view *view = user;
    if (!view->common.quiet && !view->bar.shown &&
        (s->step == 1 || s->step == s->n_steps || s->step % 50 == 0))
        fprintf(stderr, "step %lld of %lld: loss %.4f, rate %.3g, %.0f ms\n", (long long)s->step,
                (long long)s->n_steps, s->loss, s->rate, 1000 * s->seconds);
    char stage[32];
    snprintf(stage, sizeof stage, "loss %.4f", s->loss);
    if (view->bar.shown && view->bar.stage[0] != 0)
        snprintf(view->bar.stage, sizeof view->bar.stage, "%s", stage);
    return view->progress.report(view->progress.user, stage, s->step, s->n_steps) && !cli_interrupted();
}

static bool pretrain_on_read(void *user, int64_t n_read, int64_t n_items)
{
    pretrain_view *view = user;
    return cli_progress_read(&view->bar, &view->common, n_read, n_items);
}

static void pretrain_on_note(void *user, const char *text)
{
    pretrain_view *view = user;
    if (view->common.quiet)
        return;
    cli_progress_end(&view->bar);
    fprintf(stderr, "note: %s\n", text);
}

void cmd_pretrain_print(const hg_pretrain_result *r, bool json)
{
    if (json) {
        printf("{\"steps\": %lld, \"weights\": %lld, \"items\": %lld, \"bad_items\": %lld, \"first_loss\": "
               "%.9g, "
               "\"last_loss\": %.9g",
               (long long)r->n_steps, (long long)r->n_weights, (long long)r->n_items, (long long)r->n_bad,
               r->first_loss, r->last_loss);
        for (int i = 0; i < r->n_measures; i++)
            printf(", \"%s\": %.9g", r->measures[i].name, r->measures[i].value);
        printf("}\n");
        return;
    }
    printf("%lld steps, %lld weights, %lld items (%lld passed over), loss %.4f to %.4f",
           (long long)r->n_steps, (long long)r->n_weights, (long long)r->n_items, (long long)r->n_bad,
           r->first_loss, r->last_loss);
    for (int i = 0; i < r->n_measures; i++)
        printf(", %s %.4g", r->measures[i].name, r->measures[i].value);
    printf("\n");
}

static hg_status bad_usage(hg_error *err, const char *arg, const char *what)
{
    err->code = HG_STATUS_USAGE;
    snprintf(err->text, sizeof err->text, "train: %.60s %s", arg, what);
    return err->code;
}

/* One option: *i is moved behind it. */
static hg_status take_option(hg_pretrain_settings *s, cli_common *common, int argc, char **argv, int *i,
                             hg_error *err)
{
    char key[64];
    const char *arg = argv[(*i)++], *equals = strchr(arg, '=');
    if (strcmp(arg, "--quiet") == 0) {
        common->quiet = true;
        return HG_STATUS_OK;
    }
    if (strcmp(arg, "--json") == 0) {
        common->json = true;
        return HG_STATUS_OK;
    }
    bool finish = strcmp(arg, "--finish") == 0;
    if (finish || strcmp(arg, "--resume") == 0) {
        hg_status status = hg_pretrain_settings_set(s, "resume", "yes", err);
        return status == HG_STATUS_OK && finish ? hg_pretrain_settings_set(s, "finish", "yes", err) : status;
    }
    bool out = strcmp(arg, "-o") == 0 || strcmp(arg, "--output") == 0;
    if (!out && strncmp(arg, "--", 2) != 0)
        return bad_usage(err, arg, "is too much");
    if (!out && equals == NULL)
        snprintf(key, sizeof key, "%s", arg + 2);
    else
        snprintf(key, sizeof key, "%.*s", out ? 3 : (int)(equals - arg - 2), out ? "out" : arg + 2);
    const char *value = !out && equals != NULL ? equals + 1 : *i < argc ? argv[(*i)++] : NULL;
    if (value == NULL)
        return bad_usage(err, arg, "wants a value");
    if (strcmp(key, "stage") == 0 || strcmp(key, "config") == 0)
        return HG_STATUS_OK;
    return hg_pretrain_settings_set(s, key, value, err);
}

static hg_status pretrain_settings(hg_pretrain_settings *s, cli_common *common, int argc, char **argv,
                                   hg_error *err)
{
    const char *config = find_option(argc, argv, "--config");
    hg_status status = config != NULL ? hg_pretrain_settings_read(s, config, err) : HG_STATUS_OK;
    for (int i = 1; i < argc && status == HG_STATUS_OK;)
        status = take_option(s, common, argc, argv, &i, err);
    return status;
}

int cmd_pretrain(int argc, char **argv)
{
    hg_pretrain_stage stage;
    hg_pretrain_settings *settings = NULL;
    pretrain_view view = {0};
    hg_error err = {HG_STATUS_OK, ""};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0) {
            fputs(pretrain_help, stdout);
            return HG_STATUS_OK;
        }
    }
    if (!hg_pretrain_stage_find(find_option(argc, argv, "--stage"), &stage))
        return cli_fail(HG_STATUS_USAGE, "train: no such stage");
    hg_status status = hg_pretrain_settings_create(&settings, stage, &err);
    if (status == HG_STATUS_OK)
        status = pretrain_settings(settings, &view.common, argc, argv, &err);
    if (status == HG_STATUS_OK) {
        view.progress = cli_progress_init(&view.bar, &view.common);
        hg_train_listener listener = {.on_step = pretrain_on_step,
                                      .on_note = pretrain_on_note,
                                      .user = &view,
                                      .on_read = pretrain_on_read};
        hg_pretrain_result result;
        if (stage != HG_PRETRAIN_STAGE_TOKENIZER) /* which has no checkpoint to write */
            cli_catch_stop();
        status = hg_pretrain_run(settings, &listener, &result, &err);
        cli_progress_end(&view.bar);
        if (status == HG_STATUS_OK)
            cmd_pretrain_print(&result, view.common.json);
    }
    hg_pretrain_settings_destroy(settings);
    return status == HG_STATUS_OK ? HG_STATUS_OK : cli_fail_error(&err);
}
