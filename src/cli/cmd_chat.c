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

#define CHAT_MAX_TURNS 1000

static const char chat_help[] =
    "usage: healthgpt chat [OPTIONS] [IMAGE...]\n"
    "Several questions about the same images, one a line; an empty line or Ctrl-D ends.\n\n"
    "  --model MODEL  --max-tokens N  --temperature X  --top-k N  --top-p X\n"
    "  --repetition-penalty X  --seed N  --system TEXT  --threads N  --cpu TIER  --kv-cache "
    "f32|f16|bf16|q8_0  "
    "--quiet\n"
    "  --mlock                   keeps the model's files in memory\n"
    "  --repack auto|yes|no      weights copied in the order that decoding reads fastest\n"
    "  --huge-pages auto|yes|no  the others in pages of 2 MiB; yes copies them at the start\n" CLI_VIEW_HELP
        CLI_SLICES_HELP;

typedef struct chat_state {
    bool quiet;
    const cli_view *view;
    hg_ask_request request;
    cli_progress progress;
    hg_turn turns[CHAT_MAX_TURNS];
    size_t n_turns;
} chat_state;

static bool chat_on_text(void *user, const char *text, size_t n)
{
    cli_progress_end(&((chat_state *)user)->progress);
    return cli_write(text, n) && !cli_interrupted();
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
    cli_write("\n", 1);
    if (!chat->quiet)
        fprintf(stderr, "(%zu of %zu prompt positions were known)\n", result.n_reused_tokens,
                result.n_prompt_tokens);
    char *answer = strdup(result.answer);
    hg_ask_result_free(&result);
    chat->turns[chat->n_turns++] = (hg_turn){question, answer};
    if (answer != NULL)
        return HG_STATUS_OK;
    *err = (hg_error){HG_STATUS_FAILED, "out of memory (the conversation)"};
    return HG_STATUS_FAILED;
}

/* The next question from stdin, to be freed; NULL at the end, or after an empty line. */
static char *chat_read(void)
{
    char *line = NULL;
    size_t capacity = 0;
    if (isatty(STDIN_FILENO) != 0)
        fputs("> ", stderr);
    ssize_t n = getline(&line, &capacity, stdin);
    while (n > 0 && (line[n - 1] == '\n' || line[n - 1] == '\r'))
        line[--n] = 0;
    if (n > 0 && line[strspn(line, " \t")] != 0)
        return line;
    free(line);
    return NULL;
}

static hg_status chat_loop(chat_state *chat, hg_session *session, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    while (status == HG_STATUS_OK && !cli_interrupted() && ferror(stdout) == 0) {
        char *question = chat_read();
        if (question == NULL)
            break;
        if (chat->n_turns == CHAT_MAX_TURNS) {
            free(question);
            err->code = HG_STATUS_INPUT;
            snprintf(err->text, sizeof err->text, "chat: more than %d questions", CHAT_MAX_TURNS);
            return HG_STATUS_INPUT;
        }
        if (chat->n_turns == 0) { /* the images belong to the first question, and so do their marks */
            char *named = cli_roi_question(chat->view, question);
            free(question);
            question = named;
        }
        if (question == NULL) {
            *err = (hg_error){HG_STATUS_FAILED, "out of memory (the question)"};
            return HG_STATUS_FAILED;
        }
        status = chat_turn(chat, session, question, err);
    }
    return status == HG_STATUS_OK && cli_interrupted() ? cli_cancelled(err) : status;
}

static hg_status chat_talk(chat_state *chat, hg_session *session, const cli_common *common, hg_error *err)
{
    chat->request.progress = cli_progress_init(&chat->progress, common);
    chat->request.on_text = chat_on_text;
    chat->request.on_text_user = chat;
    hg_status status = chat_loop(chat, session, err);
    for (size_t i = 0; i < chat->n_turns; i++) {
        free((char *)(uintptr_t)chat->turns[i].question);
        free((char *)(uintptr_t)chat->turns[i].answer);
    }
    return status;
}

/* The images' share of the prompt is checked before they are decoded. */
static hg_status chat_about(chat_state *chat, hg_session *session, const cli_ask_options *o, int n,
                            char **paths, size_t n_pictures, hg_error *err)
{
    cli_images images = {.n = 0};
    const hg_ask_request first = {.n_images = n_pictures, .question = "?", .system = o->system};
    hg_status status = hg_session_check_prompt(session, &first, err);
    if (status == HG_STATUS_OK)
        status = cli_images_open(&images, n, paths, &o->view, err);
    if (status == HG_STATUS_OK && !o->common.quiet)
        cli_images_note(&images);
    chat->quiet = o->common.quiet;
    chat->view = &o->view;
    chat->request = (hg_ask_request){.images = (const hg_image *const *)images.items,
                                     .n_images = images.n,
                                     .system = o->system,
                                     .sampling = o->sampling,
                                     .max_tokens = o->max_tokens};
    if (status == HG_STATUS_OK)
        status = chat_talk(chat, session, &o->common, err);
    cli_images_close(&images);
    return status;
}

/* Model and session around it. */
static hg_status chat_run(chat_state *chat, cli_ask_options *o, int n, char **paths, hg_error *err)
{
    hg_model *model;
    hg_session *session;
    size_t n_pictures;
    hg_status status = cli_images_count(&n_pictures, n, paths, &o->view, err);
    if (status == HG_STATUS_OK)
        status = cli_open(&o->common, &model, &session, err);
    if (status != HG_STATUS_OK)
        return status;
    status = chat_about(chat, session, o, n, paths, n_pictures, err);
    hg_session_destroy(session);
    hg_model_close(model);
    return status;
}

int cmd_chat(int argc, char **argv)
{
    cli_ask_options o;
    bool done;
    hg_status status = cli_ask_parse(&o, HG_REPACK_AUTO, argc, argv, chat_help, &done);
    if (done || status != HG_STATUS_OK)
        return (int)status;
    if (o.report != NULL || o.record.deid || o.record.no_burn_in)
        return cli_fail(HG_STATUS_USAGE, "chat: --sr, --deid and --no-burn-in are not for conversations");
    chat_state *chat = calloc(1, sizeof *chat);
    if (chat == NULL)
        return cli_fail(HG_STATUS_FAILED, "out of memory (the conversation)");
    hg_error err = {HG_STATUS_OK, ""};
    cli_catch_interrupt();
    status = chat_run(chat, &o, argc - optind, argv + optind, &err);
    free(chat);
    return status == HG_STATUS_OK ? HG_STATUS_OK : cli_fail_error(&err);
}
