/* SPDX-License-Identifier: Apache-2.0
 *
 * eval_drawings.c: records of drawings, averaged by task and by task and part.
 */
#include "eval/eval_run.h"

#include "base/memory.h"
#include "eval/interval.h"

#include <math.h>
#include <string.h>

#define GROUP_MAX 1024

enum { METHODS = 3, METRICS = 3 };

static const char *const methods[METHODS] = {"drawn", "input", "ceiling"};
static const char *const metrics[METRICS] = {"ssim", "psnr", "mae"};

typedef struct drawing_group {
    char task[64];
    char part[64]; /* "": all of the task */
    size_t n, resized;
    hg_moments means[METHODS][METRICS];    /* without infinite PSNR, of equal pictures */
    hg_moments above_input, below_ceiling; /* differences of SSIM of the same item */
} drawing_group;

typedef struct drawing_groups {
    drawing_group *items;
    size_t n, capacity;
    bool failed;
} drawing_groups;

static const char *text_of(const json_t *record, const char *key)
{
    const char *text = json_string_value(json_object_get(record, key));
    return text == NULL ? "" : text;
}

static drawing_group *find_group(drawing_groups *g, const char *task, const char *part)
{
    for (size_t i = 0; i < g->n; i++) {
        if (strncmp(g->items[i].task, task, sizeof g->items->task - 1) == 0 &&
            strncmp(g->items[i].part, part, sizeof g->items->part - 1) == 0)
            return &g->items[i];
    }
    if (g->n == g->capacity) {
        size_t capacity = g->capacity == 0 ? 32 : 2 * g->capacity;
        drawing_group *items = capacity > GROUP_MAX ? NULL : hg_mem_resize(g->items, capacity, sizeof *items);
        if (items == NULL)
            return NULL;
        g->items = items;
        g->capacity = capacity;
    }
    drawing_group *group = &g->items[g->n++];
    *group = (drawing_group){.n = 0};
    snprintf(group->task, sizeof group->task, "%s", task);
    snprintf(group->part, sizeof group->part, "%s", part);
    return group;
}

static void add_to(drawing_groups *g, const json_t *record, const char *part)
{
    drawing_group *group = find_group(g, text_of(record, "task"), part);
    const json_t *scores = json_object_get(record, "scores"), *ssim[METHODS];
    if (group == NULL) {
        g->failed = true;
        return;
    }
    group->n++;
    group->resized += json_is_true(json_object_get(record, "resized"));
    for (int k = 0; k < METHODS; k++) {
        const json_t *method = json_object_get(scores, methods[k]);
        ssim[k] = json_object_get(method, "ssim");
        for (int m = 0; m < METRICS; m++) {
            const json_t *value = json_object_get(method, metrics[m]);
            if (json_is_number(value))
                hg_moments_add(&group->means[k][m], json_number_value(value));
        }
    }
    if (ssim[1] != NULL)
        hg_moments_add(&group->above_input, json_number_value(ssim[0]) - json_number_value(ssim[1]));
    if (ssim[2] != NULL)
        hg_moments_add(&group->below_ceiling, json_number_value(ssim[2]) - json_number_value(ssim[0]));
}

static json_t *number(double value)
{
    return isfinite(value) ? json_real(value) : json_null();
}

static json_t *mean_json(const hg_moments *m)
{
    if (m->n == 0)
        return json_null();
    hg_interval i = hg_interval_mean(m);
    return json_pack("{s:I, s:o, s:o, s:o}", "n", (json_int_t)m->n, "mean", number(i.value), "low",
                     number(i.low), "high", number(i.high));
}

static json_t *group_json(const drawing_group *g)
{
    json_t *out = json_pack("{s:s, s:s, s:I, s:I}", "task", g->task, "part", g->part, "n", (json_int_t)g->n,
                            "resized", (json_int_t)g->resized);
    for (int k = 0; k < METHODS; k++) {
        json_t *method = g->means[k][0].n > 0 ? json_object() : json_null();
        for (int m = 0; m < METRICS && json_is_object(method); m++)
            json_object_set_new(method, metrics[m], mean_json(&g->means[k][m]));
        json_object_set_new(out, methods[k], method);
    }
    json_object_set_new(out, "ssim_above_input", mean_json(&g->above_input));
    json_object_set_new(out, "ssim_below_ceiling", mean_json(&g->below_ceiling));
    return out;
}

json_t *hg_eval_drawings(const json_t *records)
{
    drawing_groups g = {0};
    size_t i, n = 0;
    json_t *record, *list = json_array();
    json_array_foreach(records, i, record)
    {
        if (json_object_get(json_object_get(record, "scores"), "drawn") == NULL)
            continue;
        n++;
        add_to(&g, record, "");
        if (text_of(record, "part")[0] != 0)
            add_to(&g, record, text_of(record, "part"));
    }
    for (i = 0; i < g.n; i++) { /* a task's parts follow it */
        for (size_t k = i; k < g.n && g.items[i].part[0] == 0; k++) {
            if (strcmp(g.items[k].task, g.items[i].task) == 0)
                json_array_append_new(list, group_json(&g.items[k]));
        }
    }
    hg_mem_free(g.items);
    if (!g.failed)
        return json_pack("{s:I, s:o}", "n", (json_int_t)n, "groups", list);
    json_decref(list);
    return NULL;
}
