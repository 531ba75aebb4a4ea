/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_vq.c: healthgpt vq encode IMAGE | decode [FILE|-] -o OUT
 */
#include "cli.h"
#include "cli_json.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* More codes than any picture decoder here makes. */
#define VQ_MAX_CODES 1048576

static const char vq_help[] =
    "usage: healthgpt vq encode [OPTIONS] IMAGE          picture codes of an image, on stdout\n"
    "       healthgpt vq decode [OPTIONS] FILE|- -o OUT   picture from codes (numbers in text)\n\n"
    "  --model MODEL  --threads N  --cpu TIER  --json  --quiet\n";

static const struct option vq_long[] = {
    CLI_COMMON_OPTIONS, {"output", required_argument, NULL, 'o'}, {NULL, 0, NULL, 0}};

static hg_status vq_encode(hg_session *session, const char *path, bool json, hg_error *err)
{
    hg_image *image;
    hg_status status = hg_image_open(&image, path, err);
    if (status != HG_STATUS_OK)
        return status;
    int32_t *codes;
    size_t n;
    status = hg_vq_encode(session, image, &codes, &n, err);
    hg_image_close(image);
    if (status != HG_STATUS_OK)
        return status;
    if (json)
        status = cli_json_print_codes(codes, n, err);
    for (size_t i = 0; !json && i < n; i++)
        printf("%d%c", codes[i], i + 1 < n ? ' ' : '\n');
    hg_codes_free(codes);
    return status;
}

/* Skips to the next number: false at the end of the file. Separators are what both forms that `encode` prints
 * have: white space, and the brackets, quotes, name and commas of JSON. */
static bool vq_skip(FILE *in)
{
    int c;
    do {
        c = getc(in);
    } while (c != EOF && strchr(" \t\r\n,:[]{}\"codes", c) != NULL);
    return c != EOF && ungetc(c, in) != EOF;
}

static hg_status vq_read_failed(const char *path, const char *text, hg_error *err)
{
    err->code = HG_STATUS_INPUT;
    snprintf(err->text, sizeof err->text, "%.400s: %s", path, text);
    return HG_STATUS_INPUT;
}

static hg_status vq_read_codes(FILE *in, const char *path, int32_t **codes, size_t *n, hg_error *err)
{
    size_t capacity = 0;
    *codes = NULL;
    *n = 0;
    while (vq_skip(in)) {
        char digits[11] = "";
        if (fscanf(in, "%10[0-9]", digits) != 1 || strlen(digits) > 9)
            return vq_read_failed(path, "something that is no picture code in it", err);
        if (*n == capacity) {
            capacity = capacity == 0 ? 1024 : 2 * capacity;
            int32_t *grown = capacity > VQ_MAX_CODES ? NULL : realloc(*codes, capacity * sizeof *grown);
            if (grown == NULL)
                return vq_read_failed(path, "too many codes", err);
            *codes = grown;
        }
        (*codes)[(*n)++] = (int32_t)strtol(digits, NULL, 10);
    }
    if (ferror(in) != 0)
        return vq_read_failed(path, "cannot be read", err);
    return *n > 0 ? HG_STATUS_OK : vq_read_failed(path, "no picture codes in it", err);
}

static hg_status vq_decode(hg_session *session, const char *path, const char *out, hg_error *err)
{
    FILE *in = strcmp(path, "-") == 0 ? stdin : fopen(path, "r");
    if (in == NULL)
        return vq_read_failed(path, strerror(errno), err);
    int32_t *codes;
    size_t n;
    hg_status status = vq_read_codes(in, path, &codes, &n, err);
    if (in != stdin)
        fclose(in);
    hg_image *picture = NULL;
    if (status == HG_STATUS_OK)
        status = hg_vq_decode(session, codes, n, &picture, err);
    if (status == HG_STATUS_OK)
        status = hg_image_save(picture, out, NULL, err);
    hg_image_close(picture);
    free(codes);
    return status;
}

int cmd_vq(int argc, char **argv)
{
    cli_common common = {.repack = HG_REPACK_NO}; /* the language model is not used */
    const char *out = NULL;
    hg_status status = HG_STATUS_OK;
    int code;
    while ((code = getopt_long(argc, argv, "o:", vq_long, NULL)) != -1) {
        if (code == CLI_HELP) {
            fputs(vq_help, stdout);
            return HG_STATUS_OK;
        }
        if (code == 'o')
            out = optarg;
        else if (!cli_common_take(&common, code, optarg, &status))
            return HG_STATUS_USAGE;
        if (status != HG_STATUS_OK)
            return (int)status;
    }
    bool encode = argc - optind == 2 && strcmp(argv[optind], "encode") == 0;
    bool decode = argc - optind == 2 && strcmp(argv[optind], "decode") == 0;
    if (!encode && !decode)
        return cli_fail(HG_STATUS_USAGE, "vq: 'encode IMAGE' or 'decode FILE -o OUT' is wanted");
    if (decode && out == NULL)
        return cli_fail(HG_STATUS_USAGE, "vq decode: -o FILE is wanted");
    hg_model *model;
    hg_session *session;
    hg_error err = {HG_STATUS_OK, ""};
    status = cli_open(&common, &model, &session, &err);
    if (status == HG_STATUS_OK) {
        status = encode ? vq_encode(session, argv[optind + 1], common.json, &err)
                        : vq_decode(session, argv[optind + 1], out, &err);
        hg_session_destroy(session);
        hg_model_close(model);
    }
    return status == HG_STATUS_OK ? HG_STATUS_OK : cli_fail_error(&err);
}
