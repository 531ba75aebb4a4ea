/* SPDX-License-Identifier: Apache-2.0
 *
 * cli_progress.c: one line on the terminal, redrawn ten times a second: stage, bar, count, rate, time left.
 */
#include "cli.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BAR_WIDTH 24
#define BAR_MAX_LEFT 359999.0 /* seconds: 100 hours */

static double clock_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void draw_bar(const cli_progress *p, int64_t done, int64_t total, double now)
{
    char bar[BAR_WIDTH + 1];
    int filled = total > 0 ? (int)(done * BAR_WIDTH / total) : 0;
    for (int i = 0; i < BAR_WIDTH; i++)
        bar[i] = i < filled ? '#' : '.';
    bar[BAR_WIDTH] = 0;
    double elapsed = now - p->begin;
    fprintf(stderr, "\r%-8s [%s] %lld/%lld", p->stage, bar, (long long)done, (long long)total);
    if (done > p->first && elapsed > 0.5) {
        double rate = (double)(done - p->first) / elapsed;
        double left = fmin((double)(total - done) / rate, BAR_MAX_LEFT);
        fprintf(stderr, "  %.1f/s  %d:%02d left", rate, (int)left / 60, (int)left % 60);
    }
    fprintf(stderr, "\033[K");
    fflush(stderr);
}

static bool on_progress(void *user, const char *stage, int64_t done, int64_t total)
{
    cli_progress *p = user;
    if (cli_interrupted())
        return false;
    if (!p->shown || total <= 0)
        return true;
    double now = clock_now();
    if (strcmp(stage, p->stage) != 0) {
        snprintf(p->stage, sizeof p->stage, "%s", stage);
        p->begin = now;
        p->first = done;
        p->last_shown = 0;
    }
    if (now - p->last_shown < 0.1 && done < total)
        return true;
    p->last_shown = now;
    p->line_open = true;
    draw_bar(p, done, total, now);
    return true;
}

hg_progress cli_progress_init(cli_progress *p, const cli_common *c)
{
    *p = (cli_progress){.shown = !c->quiet && isatty(STDERR_FILENO)};
    return (hg_progress){on_progress, p};
}

#define READING_SECONDS 10

bool cli_progress_read(cli_progress *p, const cli_common *c, int64_t done, int64_t total)
{
    bool go_on = on_progress(p, "reading", done, total);
    double now = clock_now();
    if (done == 1 && !p->shown)
        p->last_shown = now;
    if (!c->quiet && !p->shown && now - p->last_shown >= READING_SECONDS) {
        fprintf(stderr, "read %lld of %lld items\n", (long long)done, (long long)total);
        p->last_shown = now;
    }
    if (done == total) {
        cli_progress_end(p);
        p->stage[0] = 0; /* what comes next is another stage, whatever its name */
    }
    return go_on;
}

void cli_progress_end(cli_progress *p)
{
    if (p->line_open)
        fprintf(stderr, "\r\033[K");
    p->line_open = false;
}
