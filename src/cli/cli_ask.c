/* SPDX-License-Identifier: Apache-2.0
 *
 * cli_ask.c: what `ask` and `chat` share: their options, and the images that they are about.
 */
#include "cli.h"
#include "cli_image_info.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option ask_long[] = {CLI_COMMON_OPTIONS,
                                         CLI_SAMPLING_OPTIONS,
                                         CLI_VIEW_OPTIONS,
                                         CLI_RECORD_OPTIONS,
                                         {"max-tokens", required_argument, NULL, CLI_COMMAND},
                                         {"sr", required_argument, NULL, CLI_REPORT},
                                         {NULL, 0, NULL, 0}};

hg_status cli_ask_parse(cli_ask_options *o, hg_repack_choice repack, int argc, char **argv, const char *help,
                        bool *done)
{
    hg_status status = HG_STATUS_OK;
    int code;
    hg_error err = {HG_STATUS_OK, ""};
    *o = (cli_ask_options){
        .common.repack = repack, .sampling = cli_sampling_default(), .view = cli_view_default()};
    *done = false;
    while (status == HG_STATUS_OK && (code = getopt_long(argc, argv, "", ask_long, NULL)) != -1) {
        if (code == CLI_HELP) {
            fputs(help, stdout);
            *done = true;
            return HG_STATUS_OK;
        }
        if (cli_common_take(&o->common, code, optarg, &status) ||
            cli_sampling_take(&o->sampling, &o->system, code, optarg, &status))
            continue;
        if (cli_view_take(&o->view, code, optarg, &status, &err)) {
            if (status != HG_STATUS_OK)
                cli_fail_error(&err);
            continue;
        }
        if (cli_record_take(&o->record, code, optarg))
            continue;
        if (code == CLI_REPORT) {
            o->report = optarg;
            continue;
        }
        if (code != CLI_COMMAND || !cli_parse_int("max-tokens", optarg, 1, 1000000, &o->max_tokens))
            status = HG_STATUS_USAGE;
    }
    o->sampling.seed = o->common.seed;
    return status;
}

char *cli_roi_question(const cli_view *view, const char *question)
{
    char regions[HG_ROI_TEXT_BYTES];
    bool blank = question[strspn(question, " \t\r\n")] == 0; /* to be refused as such */
    hg_roi_describe(regions, view->rois, blank ? 0 : view->n_rois);
    size_t n = strlen(regions) + strlen(question) + 2;
    char *text = malloc(n);
    if (text != NULL)
        snprintf(text, n, "%s%s%s", regions, regions[0] != 0 ? "\n" : "", question);
    return text;
}

hg_status cli_images_count(size_t *n_images, int n, char **paths, const cli_view *view, hg_error *err)
{
    *n_images = 0;
    if (view->n_rois > 0 && n != 1) {
        err->code = HG_STATUS_USAGE;
        snprintf(err->text, sizeof err->text, "--roi marks the pictures of one IMAGE, not of %d", n);
        return HG_STATUS_USAGE;
    }
    for (int i = 0; i < n && i <= CLI_MAX_IMAGES; i++) {
        size_t more = 0;
        hg_status status = cli_view_count(view, paths[i], &more, err);
        if (status != HG_STATUS_OK)
            return status;
        *n_images += more;
    }
    if (*n_images > CLI_MAX_IMAGES) {
        err->code = HG_STATUS_USAGE;
        snprintf(err->text, sizeof err->text, "%zu images, at most %d", *n_images, CLI_MAX_IMAGES);
        return HG_STATUS_USAGE;
    }
    return HG_STATUS_OK;
}

hg_status cli_images_open(cli_images *images, int n, char **paths, const cli_view *view, hg_error *err)
{
    *images = (cli_images){0};
    hg_status status = HG_STATUS_OK;
    for (int i = 0; i < n && status == HG_STATUS_OK; i++) {
        size_t more = 0;
        status = cli_view_open_all(view, paths[i], images->items + images->n, CLI_MAX_IMAGES - images->n,
                                   &more, err);
        for (size_t k = 0; status == HG_STATUS_OK && k < more; k++)
            images->paths[images->n++] = i;
    }
    return status;
}

void cli_images_note(const cli_images *images)
{
    for (size_t i = 0; i < images->n; i++) {
        const hg_image_source *a = hg_image_get_source(images->items[i]), *b;
        if (i > 0) {
            b = hg_image_get_source(images->items[i - 1]);
            if (a->origin == b->origin && a->window.centre == b->window.centre &&
                a->window.width == b->window.width && strcmp(a->note, b->note) == 0)
                continue;
        }
        cli_image_note(images->items[i]);
    }
}

void cli_images_close(cli_images *images)
{
    for (size_t i = 0; i < images->n; i++)
        hg_image_close(images->items[i]);
    images->n = 0;
}
