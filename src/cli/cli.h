/* SPDX-License-Identifier: Apache-2.0
 *
 * cli.h: what the commands share. Results go to stdout, everything else to stderr; a command returns its exit
 * code (the values of hg_status).
 */
#ifndef HG_CLI_CLI_H
#define HG_CLI_CLI_H

#include "cli_record.h"
#include "cli_view.h"

#include <healthgpt/healthgpt.h>
#include <healthgpt/pretrain.h>

#include <getopt.h>
#include <stdbool.h>

#define CLI_PATH_BYTES 4096

/* Options that every command understands, whether it needs them or not. */
typedef struct cli_common {
    const char *model;            /* --model */
    int threads;                  /* --threads, 0: all */
    const char *cpu;              /* --cpu */
    const char *cache;            /* --kv-cache */
    const char *vision;           /* --vision */
    const char *prefill;          /* --prefill */
    hg_huge_pages huge;           /* --huge-pages */
    hg_repack_choice repack;      /* --repack */
    bool lock;                    /* --mlock */
    uint64_t seed;                /* --seed */
    bool json;                    /* --json */
    bool quiet;                   /* --quiet */
    char shipped[CLI_PATH_BYTES]; /* where cli_model_find keeps the path that it found */
} cli_common;

/* Long option codes of the common options; a command's own codes begin at CLI_OWN. */
enum {
    CLI_MODEL = 256,
    CLI_THREADS,
    CLI_CPU,
    CLI_CACHE,
    CLI_VISION,
    CLI_PREFILL,
    CLI_LOCK,
    CLI_HUGE,
    CLI_REPACK,
    CLI_SEED,
    CLI_JSON,
    CLI_QUIET,
    CLI_HELP,
    CLI_OWN
};

/* clang-format off */
#define CLI_COMMON_OPTIONS \
    {"model", required_argument, NULL, CLI_MODEL}, {"threads", required_argument, NULL, CLI_THREADS}, \
    {"cpu", required_argument, NULL, CLI_CPU}, {"kv-cache", required_argument, NULL, CLI_CACHE}, \
    {"vision", required_argument, NULL, CLI_VISION}, {"mlock", no_argument, NULL, CLI_LOCK}, \
    {"prefill", required_argument, NULL, CLI_PREFILL}, \
    {"huge-pages", required_argument, NULL, CLI_HUGE}, {"repack", required_argument, NULL, CLI_REPACK}, \
    {"seed", required_argument, NULL, CLI_SEED}, {"json", no_argument, NULL, CLI_JSON}, \
    {"quiet", no_argument, NULL, CLI_QUIET}, {"help", no_argument, NULL, CLI_HELP}

/* Options of sampling, for ask, chat and draw. */
enum { CLI_TEMPERATURE = CLI_OWN, CLI_TOP_K, CLI_TOP_P, CLI_PENALTY, CLI_SYSTEM, CLI_COMMAND, CLI_REPORT };
#define CLI_SAMPLING_OPTIONS \
    {"temperature", required_argument, NULL, CLI_TEMPERATURE}, \
    {"top-k", required_argument, NULL, CLI_TOP_K}, {"top-p", required_argument, NULL, CLI_TOP_P}, \
    {"repetition-penalty", required_argument, NULL, CLI_PENALTY}, \
    {"system", required_argument, NULL, CLI_SYSTEM}
/* clang-format on */

/* Takes a common option; false when `code` is not one. *status is set when its argument is bad. */
bool cli_common_take(cli_common *c, int code, const char *argument, hg_status *status);

/* Takes an option of sampling (or --system), in the same way. */
bool cli_sampling_take(hg_sampling *s, const char **system, int code, const char *argument,
                       hg_status *status);

/* Greedy, with the model's own repetition penalty. */
hg_sampling cli_sampling_default(void);

/* Options of ask and chat. */
typedef struct cli_ask_options {
    cli_common common;
    hg_sampling sampling;
    const char *system;
    int max_tokens;
    cli_view view; /* of every image */
    cli_record_options record;
    const char *report; /* ask: --sr */
} cli_ask_options;

/* Fills *o from the arguments, *o->common.repack from `repack` where they leave it open; *done is set when
 * `help` was wanted and printed. What is wrong is printed. */
hg_status cli_ask_parse(cli_ask_options *o, hg_repack_choice repack, int argc, char **argv, const char *help,
                        bool *done);

#define CLI_MAX_IMAGES 64

/* The images that a question is about. */
typedef struct cli_images {
    hg_image *items[CLI_MAX_IMAGES];
    int paths[CLI_MAX_IMAGES]; /* which of the paths each is of */
    size_t n;
} cli_images;

/* Number of pictures that n paths will give, by the same view of each; nothing is decoded. A path where
 * nothing is, or too many of them, is an error. */
hg_status cli_images_count(size_t *n_images, int n, char **paths, const cli_view *view, hg_error *err);

/* Opens them; to be closed whatever the result. */
hg_status cli_images_open(cli_images *images, int n, char **paths, const cli_view *view, hg_error *err);

/* The question with the marked regions (--roi) named in front of it, to be freed; NULL when memory is short.
 */
char *cli_roi_question(const cli_view *view, const char *question);

/* On stderr, of each scan: the window in use and what the reader noted; once where it is the same as of the
 * one before. */
void cli_images_note(const cli_images *images);
void cli_images_close(cli_images *images);

/* Numbers in a range; prints what is wrong and returns false otherwise. */
bool cli_parse_int(const char *option, const char *text, long min, long max, int *out);
bool cli_parse_double(const char *option, const char *text, double min, double max, double *out);

/* "healthgpt: TEXT" on stderr; returns the status. */
int cli_fail(hg_status status, const char *format, ...) HG_PRINTF(2, 3);
int cli_fail_error(const hg_error *err);

/* Work takes minutes: whether the file can be made is asked before. 0, or the reason as an errno. */
int cli_check_folder(const char *out);

/* Puts text on stdout at once; false when it cannot be written, which main() reports at the end. */
bool cli_write(const char *text, size_t n);

/* Opens the model and a session on it, with a note on stderr when the weights are random. */
hg_status cli_open(cli_common *c, hg_model **model, hg_session **session, hg_error *err);

/* The model that --model or else $HEALTHGPT_MODEL names; NULL when neither does. */
const char *cli_model_path(const cli_common *c);

/* The same, and when neither names one the model that is shipped with the program, which is told on stderr;
 * NULL, with an error that says what to do, when there is none. From then on cli_model_path gives it, too. */
const char *cli_model_find(cli_common *c, hg_error *err);

/* The common options that opening a model takes. */
hg_model_options cli_model_options(const cli_common *c);

/* Says, unless --quiet, why weights are not in memory as wished (hg_model_get_lock_note, _huge_note,
 * _repack_note). */
void cli_memory_note(const cli_common *c, const char *note);

/* A bar with rate and time left on stderr, when that is a terminal and not --quiet. */
typedef struct cli_progress {
    bool shown;     /* whether there is a terminal to show it on */
    bool line_open; /* a bar stands on the current line */
    char stage[32]; /* of the bar */
    double begin;   /* of the stage, seconds */
    int64_t first;  /* units that were done then: work may be continued in the middle */
    double last_shown;
} cli_progress;

hg_progress cli_progress_init(cli_progress *p, const cli_common *c);
void cli_progress_end(cli_progress *p);

/* While data are read: the bar, or a line every ten seconds where there is none. False: to be stopped. */
bool cli_progress_read(cli_progress *p, const cli_common *c, int64_t done, int64_t total);

/* From then on Ctrl-C asks the work to stop, a second one ends the program; whether it was pressed. */
void cli_catch_interrupt(void);
bool cli_interrupted(void);

/* The same for everything that asks a program to end: SIGTERM, SIGHUP, and SIGUSR1, which mpirun and batch
 * systems can pass on. For work that can be continued. */
void cli_catch_stop(void);

/* HG_STATUS_FAILED and "cancelled". */
hg_status cli_cancelled(hg_error *err);

/* Commands; argv[0] is the command's name. */
int cmd_ask(int argc, char **argv);
int cmd_bench(int argc, char **argv);
int cmd_chat(int argc, char **argv);
int cmd_convert(int argc, char **argv);
int cmd_data(int argc, char **argv);
int cmd_draw(int argc, char **argv);
int cmd_eval(int argc, char **argv);
int cmd_export(int argc, char **argv);
int cmd_image(int argc, char **argv);
int cmd_inspect(int argc, char **argv);
int cmd_pretrain(int argc, char **argv);
int cmd_quantize(int argc, char **argv);
int cmd_tokenize(int argc, char **argv);
int cmd_train(int argc, char **argv);
int cmd_vq(int argc, char **argv);

/* Whether --stage names a stage of cmd_pretrain, to which cmd_train hands over. */
bool cmd_pretrain_wants(int argc, char **argv);

/* One line about how a part was made, for cmd_train's chain, too. */
void cmd_pretrain_print(const hg_pretrain_result *r, bool json);

#endif
