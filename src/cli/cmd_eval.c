/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_eval.c: healthgpt eval images A B (and the way to eval set): how near pictures are to the truth. A and
 * B are two files, or two folders whose files have the same names.
 */
#include "cmd_eval.h"
#include "cli.h"

#include <healthgpt/eval.h>

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define EVAL_PATH_BYTES 4096

static const char eval_help[] = "usage: healthgpt eval images A B [OPTIONS]   SSIM, PSNR, MSE and MAE of "
                                "picture A against the truth B\n"
                                "       healthgpt eval set LIST.json [OPTIONS]   a model on a list of items "
                                "(eval set --help)\n\n"
                                "A and B are image files of one size, or folders: then files of the same "
                                "name are compared, and the means\n"
                                "are printed, too.\n"
                                "  --mask M             picture (or folder) whose black pixels do not count\n"
                                "  --window gaussian    of SSIM: 11 x 11, sigma 1.5 (default), or `uniform`: "
                                "7 x 7, as scikit-image's default\n"
                                "  --range X            of the values (default: 255, for 16 bits 65535)\n"
                                "  --json  --quiet\n"
                                "wrapped-*: arithmetic modulo 256, for comparing with published figures that "
                                "were made so. No other use.\n";

enum { EVAL_MASK = CLI_OWN, EVAL_WINDOW, EVAL_RANGE };

static const struct option eval_long[] = {CLI_COMMON_OPTIONS,
                                          {"mask", required_argument, NULL, EVAL_MASK},
                                          {"window", required_argument, NULL, EVAL_WINDOW},
                                          {"range", required_argument, NULL, EVAL_RANGE},
                                          {NULL, 0, NULL, 0}};

typedef struct eval_options {
    cli_common common;
    hg_compare_options compare;
    const char *a, *b, *mask;
} eval_options;

/* Sums over the pictures of two folders. */
typedef struct eval_mean {
    int n, n_wrapped;
    double ssim, psnr, mse, mae, wrapped_mse, wrapped_psnr;
} eval_mean;

/* JSON has no infinity. */
static void put_number(const char *key, double value)
{
    if (isfinite(value))
        printf(", \"%s\": %.9g", key, value);
    else
        printf(", \"%s\": null", key);
}

/* A name as a JSON string; control characters cannot be in one and become '?'. */
static void put_name(const char *name)
{
    putchar('"');
    for (; *name != 0; name++) {
        if (*name == '"' || *name == '\\')
            putchar('\\');
        putchar((unsigned char)*name < 0x20 ? '?' : *name);
    }
    putchar('"');
}

static void print_scores(const char *name, const hg_image_scores *s, bool json)
{
    if (!json) {
        printf("%-24s SSIM %.4f  PSNR %.2f dB  MSE %.3f  MAE %.3f", name, s->ssim, s->psnr, s->mse, s->mae);
        if (s->has_wrapped)
            printf("  wrapped-MSE %.3f  wrapped-PSNR %.2f dB", s->wrapped_mse, s->wrapped_psnr);
        putchar('\n');
        return;
    }
    printf("{\"name\": ");
    put_name(name);
    put_number("ssim", s->ssim);
    put_number("psnr", s->psnr);
    put_number("mse", s->mse);
    put_number("mae", s->mae);
    if (s->has_wrapped) {
        put_number("wrapped_mse", s->wrapped_mse);
        put_number("wrapped_psnr", s->wrapped_psnr);
    }
    if (s->n_pixels > 0)
        printf(", \"range\": %.9g, \"pixels\": %zu, \"width\": %d, \"height\": %d, \"channels\": %d",
               s->range, s->n_pixels, s->width, s->height, s->channels);
    putchar('}');
}

static hg_status compare_files(const eval_options *o, const char *a, const char *b, const char *mask,
                               hg_image_scores *scores, hg_error *err)
{
    hg_image *images[3] = {NULL, NULL, NULL};
    hg_compare_options compare = o->compare;
    hg_status status = hg_image_open(&images[0], a, err);
    if (status == HG_STATUS_OK)
        status = hg_image_open(&images[1], b, err);
    if (status == HG_STATUS_OK && mask != NULL)
        status = hg_image_open(&images[2], mask, err);
    compare.mask = images[2];
    if (status == HG_STATUS_OK) {
        status = hg_eval_compare(images[0], images[1], &compare, scores, err);
        if (status != HG_STATUS_OK) {
            char text[HG_ERROR_TEXT_BYTES];
            snprintf(text, sizeof text, "%s", err->text);
            snprintf(err->text, sizeof err->text, "%.150s: %.300s", a, text);
        }
    }
    for (int i = 0; i < 3; i++)
        hg_image_close(images[i]);
    return status;
}

static void add_scores(eval_mean *m, const hg_image_scores *s)
{
    m->n++;
    m->ssim += s->ssim;
    m->psnr += s->psnr;
    m->mse += s->mse;
    m->mae += s->mae;
    if (s->has_wrapped) {
        m->n_wrapped++;
        m->wrapped_mse += s->wrapped_mse;
        m->wrapped_psnr += s->wrapped_psnr;
    }
}

static void print_mean(const eval_mean *m, const eval_options *o)
{
    hg_image_scores s = {.ssim = m->ssim / m->n,
                         .psnr = m->psnr / m->n,
                         .mse = m->mse / m->n,
                         .mae = m->mae / m->n,
                         .range = o->compare.range,
                         .has_wrapped = m->n_wrapped == m->n};
    if (s.has_wrapped) {
        s.wrapped_mse = m->wrapped_mse / m->n;
        s.wrapped_psnr = m->wrapped_psnr / m->n;
    }
    char name[40];
    snprintf(name, sizeof name, "mean of %d", m->n);
    if (o->common.json)
        printf("], \"n\": %d, \"mean\": ", m->n);
    print_scores(name, &s, o->common.json);
    if (o->common.json)
        printf("}\n");
}

static int keep_names(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

/* One file of the folders; those that B lacks are an error, so that no mean is of a part. */
static hg_status compare_named(const eval_options *o, const char *name, eval_mean *mean, hg_error *err)
{
    char a[EVAL_PATH_BYTES], b[EVAL_PATH_BYTES], mask[EVAL_PATH_BYTES];
    hg_image_scores scores;
    snprintf(a, sizeof a, "%s/%s", o->a, name);
    snprintf(b, sizeof b, "%s/%s", o->b, name);
    if (o->mask != NULL)
        snprintf(mask, sizeof mask, "%s/%s", o->mask, name);
    hg_status status = compare_files(o, a, b, o->mask == NULL ? NULL : mask, &scores, err);
    if (status != HG_STATUS_OK)
        return status;
    if (o->common.json && mean->n > 0)
        printf(", ");
    print_scores(name, &scores, o->common.json);
    add_scores(mean, &scores);
    return HG_STATUS_OK;
}

static hg_status compare_folders(const eval_options *o, hg_error *err)
{
    struct dirent **names;
    eval_mean mean = {0};
    hg_status status = HG_STATUS_OK;
    int n = scandir(o->a, &names, keep_names, alphasort);
    if (n <= 0) {
        if (n == 0)
            free(names);
        err->code = HG_STATUS_INPUT;
        snprintf(err->text, sizeof err->text, "%.400s: no files", o->a);
        return HG_STATUS_INPUT;
    }
    if (o->common.json)
        printf("{\"images\": [");
    for (int i = 0; i < n; i++) {
        if (status == HG_STATUS_OK)
            status = compare_named(o, names[i]->d_name, &mean, err);
        free(names[i]);
    }
    free(names);
    if (status == HG_STATUS_OK)
        print_mean(&mean, o);
    return status;
}

static bool is_folder(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0 && S_ISDIR(info.st_mode);
}

static int eval_images(const eval_options *o)
{
    hg_error err = {HG_STATUS_OK, ""};
    hg_image_scores scores;
    if (is_folder(o->a) != is_folder(o->b))
        return cli_fail(HG_STATUS_USAGE, "eval images: two files or two folders are wanted");
    if (is_folder(o->a))
        return compare_folders(o, &err) == HG_STATUS_OK ? HG_STATUS_OK : cli_fail_error(&err);
    if (compare_files(o, o->a, o->b, o->mask, &scores, &err) != HG_STATUS_OK)
        return cli_fail_error(&err);
    print_scores(o->a, &scores, o->common.json);
    if (o->common.json)
        putchar('\n');
    return HG_STATUS_OK;
}

static hg_status eval_take(eval_options *o, int code)
{
    hg_status status = HG_STATUS_OK;
    if (cli_common_take(&o->common, code, optarg, &status))
        return status;
    if (code == EVAL_MASK)
        o->mask = optarg;
    else if (code == EVAL_RANGE)
        return cli_parse_double("--range", optarg, 1e-9, 1e9, &o->compare.range) ? HG_STATUS_OK
                                                                                 : HG_STATUS_USAGE;
    else if (code == EVAL_WINDOW && strcmp(optarg, "uniform") == 0)
        o->compare.window = HG_SSIM_WINDOW_UNIFORM;
    else if (code == EVAL_WINDOW && strcmp(optarg, "gaussian") == 0)
        o->compare.window = HG_SSIM_WINDOW_GAUSSIAN;
    else if (code == EVAL_WINDOW)
        return (hg_status)cli_fail(HG_STATUS_USAGE, "eval images: --window is gaussian or uniform, not '%s'",
                                   optarg);
    else
        return HG_STATUS_USAGE;
    return HG_STATUS_OK;
}

int cmd_eval(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "set") == 0)
        return cmd_eval_set(argc - 1, argv + 1);
    eval_options o = {0};
    int code;
    while ((code = getopt_long(argc, argv, "", eval_long, NULL)) != -1) {
        if (code == CLI_HELP) {
            fputs(eval_help, stdout);
            return HG_STATUS_OK;
        }
        hg_status status = eval_take(&o, code);
        if (status != HG_STATUS_OK)
            return (int)status;
    }
    if (argc - optind != 3 || strcmp(argv[optind], "images") != 0)
        return cli_fail(HG_STATUS_USAGE,
                        "eval: 'images A B' or 'set LIST' is wanted (see healthgpt eval --help)");
    o.a = argv[optind + 1];
    o.b = argv[optind + 2];
    return eval_images(&o);
}
