/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_chat.c: healthgpt chat [IMAGE...]: one question a line from stdin. The session keeps what it has read,
 * so images are encoded once.
 */
#include "cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CHAT_MAX_IMAGES 64
#define CHAT_MAX_TURNS 1000

static const char chat_help[] =
    "usage: healthgpt chat [OPTIONS] [IMAGE...]\n"
    "Several questions about the same images, one a line; an empty line or Ctrl-D ends.\n\n"
    "  --model FOLDER  --max-tokens N  --temperature X  --top-k N  --top-p X\n"
    "  --repetition-penalty X  --seed N  --system TEXT  --threads N  --cpu TIER  --kv-cache f32|f16|bf16  "
    "--quiet\n";

static const struct option chat_long[] = {CLI_COMMON_OPTIONS,
                                          CLI_SAMPLING_OPTIONS,
                                          {"max-tokens", required_argument, NULL, CLI_COMMAND},
                                          {NULL, 0, NULL, 0}};

typedef struct chat_state {
    cli_common common;
    hg_ask_request request;
    cli_progress progress;
    hg_turn turns[CHAT_MAX_TURNS];
    size_t n_turns;
} chat_state;

static bool chat_on_text(void *user, const char *text, size_t n)
{
    cli_progress_end(&((chat_state *)user)->progress);
    fwrite(text, 1, n, stdout);
    fflush(stdout);
    return !cli_interrupted();
}

/* Asks and remembers one turn; takes over `question`. */
static hg_status chat_turn(chat_state *chat, hg_session *session, char *question, hg_error *err)
{
    hg_ask_result result;
    chat->request.question = question;
    chat->request.history = chat->turns;
    chat->request.n_history = chat->n_turns;
    hg_status status = hg_session_ask(session, &chat->request, &result, err);
    cli_progress_end(&chat->progress);
    if (status != HG_STATUS_OK) {
        free(question);
        return status;
    }
    cli_end_line();
    if (!chat->common.quiet)
        fprintf(stderr, "(%zu of %zu prompt positions were known)\n", result.n_reused_tokens,
                result.n_prompt_tokens);
    chat->turns[chat->n_turns++] = (hg_turn){question, strdup(result.answer)};
    hg_ask_result_free(&result);
    return chat->turns[chat->n_turns - 1].answer != NULL ? HG_STATUS_OK : HG_STATUS_FAILED;
}

static hg_status chat_loop(chat_state *chat, hg_session *session, hg_error *err)
{
    bool terminal = isatty(STDIN_FILENO) != 0;
    hg_status status = HG_STATUS_OK;
    while (status == HG_STATUS_OK && chat->n_turns < CHAT_MAX_TURNS && !cli_interrupted()) {
        if (terminal)
            fputs("> ", stderr);
        char *line = NULL;
        size_t capacity = 0;
        ssize_t n = getline(&line, &capacity, stdin);
        while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
            line[--n] = 0;
        if (n <= 0) {
            free(line);
            return HG_STATUS_OK;
        }
        status = chat_turn(chat, session, line, err);
    }
    return status;
}

static hg_status chat_run(chat_state *chat, hg_error *err)
{
    hg_model *model;
    hg_session *session;
    hg_status status = cli_open(&chat->common, &model, &session, err);
    if (status != HG_STATUS_OK)
        return status;
    chat->request.progress = cli_progress_init(&chat->progress, &chat->common);
    chat->request.on_text = chat_on_text;
    chat->request.on_text_user = chat;
    status = chat_loop(chat, session, err);
    for (size_t i = 0; i < chat->n_turns; i++) {
        free((char *)(uintptr_t)chat->turns[i].question);
        free((char *)(uintptr_t)chat->turns[i].answer);
    }
    hg_session_destroy(session);
    hg_model_close(model);
    return status;
}

static hg_status chat_parse(chat_state *chat, int argc, char **argv, bool *done)
{
    hg_status status = HG_STATUS_OK;
    int code;
    while (status == HG_STATUS_OK && (code = getopt_long(argc, argv, "", chat_long, NULL)) != -1) {
        if (code == CLI_HELP) {
            fputs(chat_help, stdout);
            *done = true;
            return HG_STATUS_OK;
        }
        if (cli_common_take(&chat->common, code, optarg, &status) ||
            cli_sampling_take(&chat->request.sampling, &chat->request.system, code, optarg, &status))
            continue;
        if (code != CLI_COMMAND ||
            !cli_parse_int("max-tokens", optarg, 1, 1000000, &chat->request.max_tokens))
            status = HG_STATUS_USAGE;
    }
    return status;
}

int cmd_chat(int argc, char **argv)
{
    chat_state *chat = calloc(1, sizeof *chat);
    if (chat == NULL)
        return cli_fail(HG_STATUS_FAILED, "out of memory");
    bool done = false;
    chat->request.sampling = cli_sampling_default();
    hg_status status = chat_parse(chat, argc, argv, &done);
    int n_images = argc - optind;
    chat->request.sampling.seed = chat->common.seed;
    hg_image *images[CHAT_MAX_IMAGES] = {NULL};
    hg_error err = {HG_STATUS_OK, ""};
    if (status == HG_STATUS_OK && !done && n_images > CHAT_MAX_IMAGES)
        status =
            (hg_status)cli_fail(HG_STATUS_USAGE, "chat: %d images, at most %d", n_images, CHAT_MAX_IMAGES);
    if (status != HG_STATUS_OK || done) {
        free(chat);
        return (int)status;
    }
    for (int i = 0; i < n_images && status == HG_STATUS_OK; i++)
        status = hg_image_open(&images[i], argv[optind + i], &err);
    chat->request.images = (const hg_image *const *)images;
    chat->request.n_images = (size_t)n_images;
    cli_catch_interrupt();
    if (status == HG_STATUS_OK)
        status = chat_run(chat, &err);
    for (int i = 0; i < n_images; i++)
        hg_image_close(images[i]);
    free(chat);
    return status == HG_STATUS_OK ? HG_STATUS_OK : cli_fail_error(&err);
}
