/* SPDX-License-Identifier: Apache-2.0
 *
 * train_page.c: reads the log's lines into curves, and writes each curve as an SVG picture with a title and a
 * description in words, and all of them as a table. A curve of many steps is drawn through the means of
 * stretches of them, so a page stays small however long the run is.
 */
#include "train/train_page.h"

#include "base/file.h"
#include "base/memory.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define PAGE_MAX_BYTES ((size_t)64 << 20)
#define LOG_MAX_BYTES ((size_t)4 << 30)
/* A picture's size, its margins, and the most points of a curve. */
enum {
    WIDTH = 860,
    HEIGHT = 260,
    LEFT = 70,
    RIGHT = 15,
    TOP = 15,
    BOTTOM = 35,
    POINTS = 400,
    TABLE_ROWS = 40
};

typedef struct page_point {
    double step, value;
} page_point;

typedef struct page_curve {
    page_point *points;
    size_t n, capacity;
} page_curve;

enum { CURVE_LOSS, CURVE_VALIDATION, CURVE_RATE, CURVE_SPEED, CURVE_COUNT };

static const struct {
    const char *key, *name;
} curve_keys[CURVE_COUNT] = {{"loss", "training loss"},
                             {"validation_loss", "validation loss"},
                             {"lr", "learning rate"},
                             {"positions_per_second", "positions a second"}};

#define MAX_KINDS 16

typedef struct page_log {
    page_curve curves[CURVE_COUNT];
    struct {
        char kind[48];
        int64_t n;
    } notes[MAX_KINDS];
    size_t n_kinds;
    int64_t n_skipped;
    double last_step, seconds;
} page_log;

/* ---- reading ---- */

static bool curve_push(page_curve *c, double step, double value)
{
    if (c->n == c->capacity) {
        size_t capacity = c->capacity == 0 ? 1024 : 2 * c->capacity;
        page_point *points = hg_mem_resize(c->points, capacity, sizeof *points);
        if (points == NULL)
            return false;
        c->points = points;
        c->capacity = capacity;
    }
    c->points[c->n++] = (page_point){step, value};
    return true;
}

static void count_note(page_log *log, const char *kind)
{
    size_t i = 0;
    while (i < log->n_kinds && strcmp(log->notes[i].kind, kind) != 0)
        i++;
    if (i == MAX_KINDS)
        return;
    if (i == log->n_kinds)
        snprintf(log->notes[log->n_kinds++].kind, sizeof log->notes[i].kind, "%s", kind);
    log->notes[i].n++;
}

/* One line; what is no such line is passed over. */
static bool read_line(page_log *log, const char *line, size_t n)
{
    bool ok = true;
    json_t *json = json_loadb(line, n, 0, NULL);
    const json_t *step = json_object_get(json, "step"), *note = json_object_get(json, "note");
    double at = json_number_value(step);
    if (json_is_string(note))
        count_note(log, json_string_value(note));
    for (int i = 0; i < CURVE_COUNT && json_is_number(step); i++) {
        const json_t *value = json_object_get(json, curve_keys[i].key);
        if (json_is_number(value))
            ok = ok && curve_push(&log->curves[i], at, json_number_value(value));
    }
    log->n_skipped += json_is_true(json_object_get(json, "skipped"));
    log->seconds += json_number_value(json_object_get(json, "seconds"));
    log->last_step = at > log->last_step && !json_is_string(note) ? at : log->last_step;
    json_decref(json);
    return ok;
}

static hg_status read_log(page_log *log, const char *path, hg_error *err)
{
    hg_buffer text;
    hg_buffer_init(&text, LOG_MAX_BYTES);
    hg_status status = hg_file_read(path, &text, err);
    const char *at = hg_buffer_text(&text);
    while (status == HG_STATUS_OK && *at != 0) {
        size_t n = strcspn(at, "\n");
        if (!read_line(log, at, n))
            status = hg_error_memory(err, text.size, "the page of a training log");
        at += n + (at[n] != 0);
    }
    hg_buffer_deinit(&text);
    return status;
}

/* ---- writing ---- */

/* What the axes of a picture span. */
typedef struct page_axes {
    double first, last, low, high;
} page_axes;

static page_axes axes_of(const page_curve *a, const page_curve *b)
{
    const page_curve *const both[] = {a, b};
    page_axes x = {INFINITY, -INFINITY, INFINITY, -INFINITY};
    for (int k = 0; k < 2 && both[k] != NULL; k++) {
        for (size_t i = 0; i < both[k]->n; i++) {
            const page_point *p = &both[k]->points[i];
            x = (page_axes){fmin(x.first, p->step), fmax(x.last, p->step), fmin(x.low, p->value),
                            fmax(x.high, p->value)};
        }
    }
    if (x.last <= x.first)
        x.last = x.first + 1;
    if (x.high <= x.low)
        x.high = x.low + fmax(fabs(x.low), 1e-12) * 0.1;
    return x;
}

static double place_x(const page_axes *a, double step)
{
    return LEFT + (step - a->first) / (a->last - a->first) * (WIDTH - LEFT - RIGHT);
}

static double place_y(const page_axes *a, double value)
{
    return TOP + (a->high - value) / (a->high - a->low) * (HEIGHT - TOP - BOTTOM);
}

/* Stretch `index` of a curve cut into `count`: its mean. */
static page_point mean_of(const page_curve *c, size_t index, size_t count)
{
    size_t begin = index * c->n / count, end = (index + 1) * c->n / count;
    page_point mean = {0, 0};
    for (size_t i = begin; i < end; i++) {
        mean.step += c->points[i].step / (double)(end - begin);
        mean.value += c->points[i].value / (double)(end - begin);
    }
    return mean;
}

static void write_curve(hg_buffer *page, const page_curve *c, const page_axes *axes, const char *class)
{
    size_t count = c->n < POINTS ? c->n : POINTS;
    if (count == 0)
        return;
    hg_buffer_push_format(page, "<polyline class=\"%s\" points=\"", class);
    for (size_t i = 0; i < count; i++) {
        page_point p = mean_of(c, i, count);
        hg_buffer_push_format(page, "%.1f,%.1f ", place_x(axes, p.step), place_y(axes, p.value));
    }
    hg_buffer_push_text(page, "\"/>\n");
    for (size_t i = 0; i < count && count <= 60; i++) { /* a few points, or one alone, can be seen as such */
        page_point p = mean_of(c, i, count);
        hg_buffer_push_format(page, "<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\"/>\n", class,
                              place_x(axes, p.step), place_y(axes, p.value));
    }
}

static void write_axes(hg_buffer *page, const page_axes *a)
{
    for (int i = 0; i <= 4; i++) {
        double value = a->low + (a->high - a->low) * i / 4, y = place_y(a, value);
        double step = a->first + (a->last - a->first) * i / 4, x = place_x(a, step);
        hg_buffer_push_format(page,
                              "<line class=\"grid\" x1=\"%d\" x2=\"%d\" y1=\"%.1f\" y2=\"%.1f\"/>"
                              "<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%.4g</text>"
                              "<text x=\"%.1f\" y=\"%d\" text-anchor=\"%s\">%.0f</text>\n",
                              LEFT, WIDTH - RIGHT, y, y, LEFT - 6, y + 4, value, x, HEIGHT - 14,
                              i == 4 ? "end" : "middle", step);
    }
    hg_buffer_push_format(page, "<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">step</text>\n",
                          (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 1);
}

/* In words, for those who do not see the picture. */
static void write_description(hg_buffer *page, const page_log *log, int curve)
{
    const page_curve *c = &log->curves[curve];
    double low = INFINITY, high = -INFINITY;
    for (size_t i = 0; i < c->n; i++) {
        low = fmin(low, c->points[i].value);
        high = fmax(high, c->points[i].value);
    }
    if (c->n > 0)
        hg_buffer_push_format(page, "%s from %.4g at step %.0f to %.4g at step %.0f, between %.4g and %.4g. ",
                              curve_keys[curve].name, c->points[0].value, c->points[0].step,
                              c->points[c->n - 1].value, c->points[c->n - 1].step, low, high);
}

/* `other`: a second curve on the same axes, or -1. */
static void write_picture(hg_buffer *page, const page_log *log, int curve, int other)
{
    const page_curve *second = other >= 0 ? &log->curves[other] : NULL;
    page_axes axes = axes_of(&log->curves[curve], second);
    bool two = second != NULL && second->n > 0;
    if (log->curves[curve].n == 0 && !two)
        return;
    hg_buffer_push_format(page,
                          "<figure><figcaption><span class=\"key first\"></span>%s%s%s</figcaption>\n"
                          "<svg viewBox=\"0 0 %d %d\" role=\"img\" aria-labelledby=\"t%d d%d\"><title "
                          "id=\"t%d\">%s by step</title><desc id=\"d%d\">",
                          curve_keys[curve].name, two ? " <span class=\"key second\"></span>" : "",
                          two ? curve_keys[other].name : "", WIDTH, HEIGHT, curve, curve, curve,
                          curve_keys[curve].name, curve);
    write_description(page, log, curve);
    if (two)
        write_description(page, log, other);
    hg_buffer_push_text(page, "</desc>\n");
    write_axes(page, &axes);
    write_curve(page, &log->curves[curve], &axes, "first");
    if (two)
        write_curve(page, second, &axes, "second");
    hg_buffer_push_text(page, "</svg></figure>\n");
}

/* Means of stretches of steps; validations as they are. */
static void write_tables(hg_buffer *page, const page_log *log)
{
    const page_curve *loss = &log->curves[CURVE_LOSS], *v = &log->curves[CURVE_VALIDATION];
    size_t rows = loss->n < TABLE_ROWS ? loss->n : TABLE_ROWS;
    hg_buffer_push_text(page,
                        "<details><summary>The numbers</summary>\n<table><caption>Means of stretches of "
                        "steps</caption><tr><th>up to step</th><th>training loss</th></tr>\n");
    for (size_t i = 0; i < rows; i++)
        hg_buffer_push_format(page, "<tr><td>%.0f</td><td>%.5g</td></tr>\n",
                              loss->points[(i + 1) * loss->n / rows - 1].step, mean_of(loss, i, rows).value);
    hg_buffer_push_text(page, "</table>\n");
    if (v->n > 0)
        hg_buffer_push_text(page,
                            "<table><caption>Validation</caption><tr><th>step</th><th>loss</th></tr>\n");
    for (size_t i = 0; i < v->n; i++)
        hg_buffer_push_format(page, "<tr><td>%.0f</td><td>%.5g</td></tr>\n", v->points[i].step,
                              v->points[i].value);
    hg_buffer_push_text(page, v->n > 0 ? "</table></details>\n" : "</details>\n");
}

static void write_escaped(hg_buffer *page, const char *text)
{
    for (; *text != 0; text++) {
        const char *as = *text == '<' ? "&lt;" : *text == '&' ? "&amp;" : *text == '"' ? "&quot;" : NULL;
        if (as != NULL)
            hg_buffer_push_text(page, as);
        else
            hg_buffer_push(page, text, 1);
    }
}

static const char page_style[] =
    "<style>:root{color-scheme:light "
    "dark;--ink:#1b1b1b;--paper:#fff;--faint:#767676;--one:#0b5cad;--two:#b34700}"
    "@media(prefers-color-scheme:dark){:root{--ink:#eee;--paper:#181818;--faint:#9a9a9a;--one:#6cb2ff;--two:#"
    "ffa559}}"
    "body{font:16px/1.5 "
    "system-ui,sans-serif;color:var(--ink);background:var(--paper);max-width:56rem;margin:1.5rem "
    "auto;padding:0 1rem}figure{margin:1.2rem 0}svg{width:100%;height:auto}svg "
    "text{font-size:12px;fill:var(--ink)}"
    ".grid{stroke:var(--faint);stroke-width:.4}polyline{fill:none;stroke-width:1.6}polyline.first{stroke:var("
    "--one)}"
    "polyline.second{stroke:var(--two);stroke-dasharray:6 "
    "3}circle.first{fill:var(--one)}circle.second{fill:var(--two)}"
    ".key{display:inline-block;width:1.6rem;border-top:3px solid var(--one);vertical-align:middle;margin:0 "
    ".4rem}.key.second{border-top:3px dashed var(--two)}table{border-collapse:collapse;margin:1rem 0}"
    "td,th{padding:.1rem .8rem;text-align:right;border-bottom:1px solid var(--faint)}</style>\n";

static void write_summary(hg_buffer *page, const page_log *log)
{
    const page_curve *loss = &log->curves[CURVE_LOSS];
    hg_buffer_push_format(page, "<p>%.0f steps in %.0f minutes", log->last_step, log->seconds / 60);
    if (loss->n > 0)
        hg_buffer_push_format(page, ", loss %.4g to %.4g", loss->points[0].value,
                              loss->points[loss->n - 1].value);
    hg_buffer_push_format(page, "; %lld steps passed over.</p>\n", (long long)log->n_skipped);
    if (log->n_kinds == 0)
        return;
    hg_buffer_push_text(page, "<p>Notes in log.jsonl:</p><ul>\n");
    for (size_t i = 0; i < log->n_kinds; i++) {
        hg_buffer_push_format(page, "<li>%lld × ", (long long)log->notes[i].n);
        write_escaped(page, log->notes[i].kind);
        hg_buffer_push_text(page, "</li>\n");
    }
    hg_buffer_push_text(page, "</ul>\n");
}

static void write_page(hg_buffer *page, const page_log *log, const char *title)
{
    hg_buffer_push_text(
        page, "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" "
              "content=\"width=device-width\">\n<title>");
    write_escaped(page, title);
    hg_buffer_push_text(page, "</title>\n");
    hg_buffer_push_text(page, page_style);
    hg_buffer_push_text(page, "</head><body><main><h1>");
    write_escaped(page, title);
    hg_buffer_push_text(page, "</h1>\n");
    write_summary(page, log);
    write_picture(page, log, CURVE_LOSS, CURVE_VALIDATION);
    write_picture(page, log, CURVE_RATE, -1);
    write_picture(page, log, CURVE_SPEED, -1);
    if (log->curves[CURVE_LOSS].n > 0)
        write_tables(page, log);
    hg_buffer_push_text(page, "</main></body></html>\n");
}

hg_status hg_train_page_write(const char *log, const char *page, const char *title, hg_error *err)
{
    hg_buffer text;
    page_log *read = hg_mem_array(1, sizeof *read);
    if (read == NULL)
        return hg_error_memory(err, sizeof *read, "the page of a training log");
    hg_buffer_init(&text, PAGE_MAX_BYTES);
    hg_status status = read_log(read, log, err);
    if (status == HG_STATUS_OK) {
        write_page(&text, read, title);
        bool whole = text.size > 8 && memcmp(text.data + text.size - 8, "</html>\n", 8) == 0;
        status = whole ? hg_file_write(page, text.data, text.size, err)
                       : hg_error_memory(err, PAGE_MAX_BYTES, "the page of a training log");
    }
    for (int i = 0; i < CURVE_COUNT; i++)
        hg_mem_free(read->curves[i].points);
    hg_mem_free(read);
    hg_buffer_deinit(&text);
    return status;
}
