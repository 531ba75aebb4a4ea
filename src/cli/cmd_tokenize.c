/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_tokenize.c: healthgpt tokenize [--model FILE] [--decode] [--special] [--null] [TEXT|-]
 */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOKENIZE_MAX_BYTES ((size_t)256 << 20)

static const char tokenize_help[] =
    "usage: healthgpt tokenize [OPTIONS] TEXT|-\n"
    "Token ids of a text, separated by spaces, one line a text. '-' reads stdin as one text.\n\n"
    "  --model PATH   a package, a model folder, a tokenizer folder, or a vocabulary-only GGUF (default:\n"
    "                 $HEALTHGPT_MODEL, else the model shipped with the program)\n"
    "  --decode       the other way: ids to text\n"
    "  --special      control tokens in the text are control tokens, not plain text; decoding prints them\n"
    "  --null         stdin holds many texts, separated by NUL\n"
    "  --json         [[id, ...], ...], or [\"text\", ...] with --decode\n";

enum { TOKENIZE_DECODE = CLI_OWN, TOKENIZE_SPECIAL, TOKENIZE_NULL };

static const struct option tokenize_long[] = {CLI_COMMON_OPTIONS,
                                              {"decode", no_argument, NULL, TOKENIZE_DECODE},
                                              {"special", no_argument, NULL, TOKENIZE_SPECIAL},
                                              {"null", no_argument, NULL, TOKENIZE_NULL},
                                              {NULL, 0, NULL, 0}};

typedef struct tokenize_options {
    cli_common common;
    bool decode, special, null;
    hg_vocabulary *vocabulary;
    bool first; /* nothing printed yet: no comma before the next item of JSON */
} tokenize_options;

/* All of stdin; NULL when it cannot be read, is too long, or memory is short. */
static char *read_stdin(size_t *n)
{
    size_t capacity = 65536;
    char *text = malloc(capacity);
    *n = 0;
    while (text != NULL) {
        size_t got = fread(text + *n, 1, capacity - *n, stdin);
        *n += got;
        if (got == 0 && ferror(stdin) == 0)
            return text;
        if (got == 0) {
            free(text);
            return NULL;
        }
        if (*n == capacity) {
            capacity *= 2;
            char *grown = capacity > TOKENIZE_MAX_BYTES ? NULL : realloc(text, capacity);
            if (grown == NULL)
                free(text);
            text = grown;
        }
    }
    return NULL;
}

static void print_json_string(const char *text, size_t n)
{
    putchar('"');
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)text[i];
        if (c == '"' || c == '\\')
            printf("\\%c", c);
        else if (c < 0x20)
            printf("\\u%04x", c);
        else
            putchar(c);
    }
    putchar('"');
}

static hg_status encode_one(tokenize_options *o, const char *text, size_t n, hg_error *err)
{
    int32_t *ids;
    size_t n_ids;
    hg_status status = hg_vocabulary_encode(o->vocabulary, text, n, o->special, &ids, &n_ids, err);
    if (status != HG_STATUS_OK)
        return status;
    if (o->common.json)
        printf("%s[", o->first ? "" : ",\n");
    for (size_t i = 0; i < n_ids; i++)
        printf("%s%d", i == 0 ? "" : (o->common.json ? ", " : " "), ids[i]);
    puts(o->common.json ? "]" : "");
    o->first = false;
    hg_codes_free(ids);
    return HG_STATUS_OK;
}

static hg_status decode_one(tokenize_options *o, char *text, hg_error *err)
{
    size_t capacity = strlen(text) / 2 + 1, n_ids = 0;
    int32_t *ids = malloc(capacity * sizeof *ids);
    if (ids == NULL) {
        *err = (hg_error){HG_STATUS_FAILED, "out of memory (token ids)"};
        return HG_STATUS_FAILED;
    }
    hg_status status = HG_STATUS_OK;
    for (char *word = strtok(text, " ,\t\r\n[]"); word != NULL && status == HG_STATUS_OK;
         word = strtok(NULL, " ,\t\r\n[]")) {
        char *end;
        long value = strtol(word, &end, 10);
        if (*end != 0 || value < 0 || value > 0x7fffffff) {
            *err = (hg_error){HG_STATUS_INPUT, ""};
            snprintf(err->text, sizeof err->text, "'%.40s' is no token id", word);
            status = HG_STATUS_INPUT;
        } else if (n_ids < capacity) {
            ids[n_ids++] = (int32_t)value;
        }
    }
    char *out = NULL;
    size_t n = 0;
    if (status == HG_STATUS_OK)
        status = hg_vocabulary_decode(o->vocabulary, ids, n_ids, o->special, &out, &n, err);
    free(ids);
    if (status != HG_STATUS_OK)
        return status;
    if (o->common.json) {
        printf("%s", o->first ? "" : ",\n");
        print_json_string(out, n);
    } else {
        fwrite(out, 1, n, stdout);
        putchar('\n');
    }
    o->first = false;
    hg_text_free(out);
    return HG_STATUS_OK;
}

/* One text, or with --null each of those between NULs. `text` has a zero after its n bytes. */
static hg_status tokenize_all(tokenize_options *o, char *text, size_t n, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    if (o->common.json)
        putchar('[');
    for (size_t begin = 0; begin <= n && status == HG_STATUS_OK;) {
        size_t length = o->null ? strlen(text + begin) : n;
        if (o->null && begin == n && n > 0)
            break; /* the NUL at the end closes the last text */
        status = o->decode ? decode_one(o, text + begin, err) : encode_one(o, text + begin, length, err);
        begin += length + 1;
    }
    if (o->common.json)
        puts("]");
    return status;
}

static int tokenize_run(tokenize_options *o, const char *argument)
{
    hg_error err = {HG_STATUS_OK, ""};
    const char *path = cli_model_find(&o->common, &err);
    if (path == NULL)
        return cli_fail_error(&err);
    size_t n = strlen(argument);
    bool from_stdin = strcmp(argument, "-") == 0;
    char *text = from_stdin ? read_stdin(&n) : malloc(n + 1);
    char *terminated = text == NULL ? NULL : realloc(text, n + 1);
    if (terminated == NULL) {
        free(text);
        return cli_fail(HG_STATUS_INPUT, "tokenize: the text cannot be read or is too long");
    }
    if (!from_stdin)
        memcpy(terminated, argument, n);
    terminated[n] = 0;
    hg_status status = hg_vocabulary_open(&o->vocabulary, path, &err);
    if (status == HG_STATUS_OK)
        status = tokenize_all(o, terminated, n, &err);
    hg_vocabulary_close(o->vocabulary);
    free(terminated);
    return status == HG_STATUS_OK ? HG_STATUS_OK : cli_fail_error(&err);
}

int cmd_tokenize(int argc, char **argv)
{
    tokenize_options o = {.first = true};
    hg_status status = HG_STATUS_OK;
    int code;
    while ((code = getopt_long(argc, argv, "", tokenize_long, NULL)) != -1) {
        if (code == CLI_HELP) {
            fputs(tokenize_help, stdout);
            return HG_STATUS_OK;
        }
        if (code == TOKENIZE_DECODE)
            o.decode = true;
        else if (code == TOKENIZE_SPECIAL)
            o.special = true;
        else if (code == TOKENIZE_NULL)
            o.null = true;
        else if (!cli_common_take(&o.common, code, optarg, &status) || status != HG_STATUS_OK)
            return HG_STATUS_USAGE;
    }
    if (argc - optind != 1)
        return cli_fail(HG_STATUS_USAGE, "tokenize: one text, or '-' for stdin, is wanted");
    return tokenize_run(&o, argv[optind]);
}
