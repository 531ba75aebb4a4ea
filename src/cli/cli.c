/* SPDX-License-Identifier: Apache-2.0
 *
 * cli.c: options, messages and interrupts, shared by the commands.
 */
#include "cli.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int cli_fail(hg_status status, const char *format, ...)
{
    char text[2 * HG_ERROR_TEXT_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    fprintf(stderr, "healthgpt: %s\n", text);
    return (int)status;
}

int cli_fail_error(const hg_error *err)
{
    fprintf(stderr, "healthgpt: %s\n", err->text);
    return (int)err->code;
}

bool cli_parse_int(const char *option, const char *text, long min, long max, int *out)
{
    char *end;
    errno = 0;
    long value = strtol(text, &end, 10);
    if (errno != 0 || end == text || *end != 0 || value < min || value > max || value > INT_MAX ||
        value < INT_MIN) {
        cli_fail(HG_STATUS_USAGE, "--%s '%s': a whole number from %ld to %ld is wanted", option, text, min,
                 max);
        return false;
    }
    *out = (int)value;
    return true;
}

bool cli_parse_double(const char *option, const char *text, double min, double max, double *out)
{
    char *end;
    double value = strtod(text, &end);
    if (end == text || *end != 0 || !(value >= min && value <= max)) {
        cli_fail(HG_STATUS_USAGE, "--%s '%s': a number from %g to %g is wanted", option, text, min, max);
        return false;
    }
    *out = value;
    return true;
}

static bool cli_parse_seed(const char *text, uint64_t *out)
{
    char *end;
    errno = 0;
    *out = strtoull(text, &end, 10);
    if (errno == 0 && *end == 0 && text[0] >= '0' && text[0] <= '9')
        return true;
    cli_fail(HG_STATUS_USAGE, "--seed '%s': a whole number is wanted", text);
    return false;
}

/* auto, yes or no: 0, 1 or 2, as both options' values in hg_model_options are numbered. */
static bool cli_parse_choice(const char *option, const char *text, int *out)
{
    static const char *const names[] = {"auto", "yes", "no"};
    for (int i = 0; i < 3; i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return true;
        }
    }
    cli_fail(HG_STATUS_USAGE, "--%s '%s': auto, yes or no is wanted", option, text);
    return false;
}

bool cli_common_take(cli_common *c, int code, const char *argument, hg_status *status)
{
    int choice;
    switch (code) {
    case CLI_MODEL:
        c->model = argument;
        return true;
    case CLI_THREADS:
        if (!cli_parse_int("threads", argument, 1, 1024, &c->threads))
            *status = HG_STATUS_USAGE;
        return true;
    case CLI_CPU:
        c->cpu = argument;
        return true;
    case CLI_CACHE:
        c->cache = argument;
        return true;
    case CLI_VISION:
        c->vision = argument;
        return true;
    case CLI_PREFILL:
        c->prefill = argument;
        return true;
    case CLI_HUGE:
        if (cli_parse_choice("huge-pages", argument, &choice))
            c->huge = (hg_huge_pages)choice;
        else
            *status = HG_STATUS_USAGE;
        return true;
    case CLI_REPACK:
        if (cli_parse_choice("repack", argument, &choice))
            c->repack = (hg_repack_choice)choice;
        else
            *status = HG_STATUS_USAGE;
        return true;
    case CLI_LOCK:
        c->lock = true;
        return true;
    case CLI_SEED:
        if (!cli_parse_seed(argument, &c->seed))
            *status = HG_STATUS_USAGE;
        return true;
    case CLI_JSON:
        c->json = true;
        return true;
    case CLI_QUIET:
        c->quiet = true;
        return true;
    default:
        return false;
    }
}

int cli_check_folder(const char *out)
{
    const char *slash = strrchr(out, '/');
    char *folder = slash == NULL ? strdup(".") : strndup(out, (size_t)(slash - out) + 1);
    int reason = folder == NULL ? ENOMEM : access(folder, W_OK | X_OK) == 0 ? 0 : errno;
    free(folder);
    return reason;
}

bool cli_write(const char *text, size_t n)
{
    return fwrite(text, 1, n, stdout) == n && fflush(stdout) == 0;
}

hg_sampling cli_sampling_default(void)
{
    return (hg_sampling){.top_p = 1};
}

bool cli_sampling_take(hg_sampling *s, const char **system, int code, const char *argument, hg_status *status)
{
    bool ok = true;
    switch (code) {
    case CLI_TEMPERATURE:
        ok = cli_parse_double("temperature", argument, 0, 100, &s->temperature);
        break;
    case CLI_TOP_K:
        ok = cli_parse_int("top-k", argument, 0, INT_MAX, &s->top_k);
        break;
    case CLI_TOP_P:
        ok = cli_parse_double("top-p", argument, 1e-6, 1, &s->top_p);
        break;
    case CLI_PENALTY:
        ok = cli_parse_double("repetition-penalty", argument, 0.01, 100, &s->repetition_penalty);
        break;
    case CLI_SYSTEM:
        *system = argument;
        break;
    default:
        return false;
    }
    if (!ok)
        *status = HG_STATUS_USAGE;
    return true;
}

static volatile sig_atomic_t interrupt_count, stop_asked;

static void on_interrupt(int signal_number)
{
    stop_asked = 1;
    if (signal_number == SIGINT && ++interrupt_count > 1)
        _exit(130); /* the second time: at once */
}

void cli_catch_interrupt(void)
{
    struct sigaction action = {.sa_handler = on_interrupt};
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
}

void cli_catch_stop(void)
{
    static const int signals[] = {SIGTERM, SIGHUP, SIGUSR1};
    struct sigaction action = {.sa_handler = on_interrupt}, old;
    sigemptyset(&action.sa_mask);
    cli_catch_interrupt();
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
        if (sigaction(signals[i], NULL, &old) == 0 && old.sa_handler != SIG_IGN) /* nohup ignores SIGHUP */
            sigaction(signals[i], &action, NULL);
    }
}

bool cli_interrupted(void)
{
    return stop_asked != 0;
}

hg_status cli_cancelled(hg_error *err)
{
    *err = (hg_error){HG_STATUS_FAILED, "cancelled"};
    return HG_STATUS_FAILED;
}
