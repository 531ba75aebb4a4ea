/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_series.c: grouping and sorting. The order of slices is that of their positions along the normal of
 * the slices' plane; numbers that files give themselves (InstanceNumber and the like) only decide among
 * slices of one place, which become times. Nothing here looks at pixels.
 */
#include "image/dicom_series.h"

#include "base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define SERIES_MAX_GROUPS 4096
#define SERIES_SAME_DIRECTION 1e-3
#define SERIES_SAME_PLACE 0.01 /* mm */

static bool series_same_direction(const double a[3], const double b[3])
{
    return fabs(a[0] - b[0]) < SERIES_SAME_DIRECTION && fabs(a[1] - b[1]) < SERIES_SAME_DIRECTION &&
           fabs(a[2] - b[2]) < SERIES_SAME_DIRECTION;
}

/* Files of many frames stay alone: they have an order of their own. */
static bool series_belongs(const hg_dicom_slice *a, const hg_dicom_slice *b)
{
    return strcmp(a->series, b->series) == 0 && a->localiser == b->localiser && a->width == b->width &&
           a->height == b->height && a->channels == b->channels && a->n_frames == 1 && b->n_frames == 1 &&
           a->placed == b->placed &&
           (!a->placed ||
            (series_same_direction(a->row, b->row) && series_same_direction(a->column, b->column)));
}

static void series_place_slice(hg_dicom_set *set, size_t i)
{
    const hg_dicom_slice *slice = &set->slices[i];
    size_t g = 0;
    set->group_of[i] = HG_DICOM_NO_GROUP;
    set->n_damaged += slice->damaged;
    if (!slice->picture)
        return;
    while (g < set->n_groups && !series_belongs(slice, &set->slices[set->groups[g].first]))
        g++;
    if (g == SERIES_MAX_GROUPS)
        return;
    if (g == set->n_groups) {
        size_t s = 0;
        while (s < g && strcmp(set->slices[set->groups[s].first].series, slice->series) != 0)
            s++;
        set->groups[g] =
            (hg_dicom_group){.first = i, .series = s < g ? set->groups[s].series : set->n_series++};
        set->n_groups++;
    }
    set->group_of[i] = (uint32_t)g;
    set->groups[g].n++;
    set->groups[g].n_pictures += (size_t)slice->n_frames;
}

/* True when group a comes before group b. */
static bool series_is_before(const hg_dicom_set *set, uint32_t a, uint32_t b)
{
    const hg_dicom_group *x = &set->groups[a], *y = &set->groups[b];
    const hg_dicom_slice *p = &set->slices[x->first], *q = &set->slices[y->first];
    int last_p = p->localiser + 2 * p->aside, last_q = q->localiser + 2 * q->aside;
    if (last_p != last_q)
        return last_p < last_q;
    if (x->n_pictures != y->n_pictures)
        return x->n_pictures > y->n_pictures;
    int order = strcmp(p->series, q->series);
    return order != 0 ? order < 0 : a < b;
}

/* The group that stands for each series, then the series by size. */
static void series_choose_groups(hg_dicom_set *set)
{
    for (size_t s = 0; s < set->n_series; s++)
        set->series[s] = HG_DICOM_NO_GROUP;
    for (uint32_t g = 0; g < set->n_groups; g++) {
        uint32_t *best = &set->series[set->groups[g].series];
        if (*best == HG_DICOM_NO_GROUP || series_is_before(set, g, *best))
            *best = g;
    }
    for (size_t i = 1; i < set->n_series; i++) { /* insertion: there are few */
        uint32_t g = set->series[i];
        size_t at = i;
        for (; at > 0 && series_is_before(set, g, set->series[at - 1]); at--)
            set->series[at] = set->series[at - 1];
        set->series[at] = g;
    }
}

hg_status hg_dicom_set_init(hg_dicom_set *set, const hg_dicom_slice *slices, size_t n, hg_error *err)
{
    *set = (hg_dicom_set){.slices = slices, .n = n};
    size_t most = n < SERIES_MAX_GROUPS ? n : SERIES_MAX_GROUPS;
    set->group_of = hg_mem_array(n, sizeof *set->group_of);
    set->groups = hg_mem_array(most, sizeof *set->groups);
    set->series = hg_mem_array(most, sizeof *set->series);
    if (set->group_of == NULL || set->groups == NULL || set->series == NULL)
        return hg_error_memory(err, n * sizeof *set->groups, "a series");
    for (size_t i = 0; i < n; i++)
        series_place_slice(set, i);
    if (set->n_groups == 0)
        return hg_error_set(err, HG_STATUS_INPUT, "none of its %zu DICOM files is a picture (%zu damaged)", n,
                            set->n_damaged);
    series_choose_groups(set);
    return HG_STATUS_OK;
}

void hg_dicom_set_deinit(hg_dicom_set *set)
{
    hg_mem_free(set->group_of);
    hg_mem_free(set->groups);
    hg_mem_free(set->series);
    *set = (hg_dicom_set){0};
}

hg_status hg_dicom_set_find(const hg_dicom_set *set, const char *choice, size_t *series, hg_error *err)
{
    *series = 0;
    if (choice == NULL)
        return HG_STATUS_OK;
    for (size_t s = 0; s < set->n_series; s++) {
        if (strcmp(set->slices[set->groups[set->series[s]].first].series, choice) == 0) {
            *series = s;
            return HG_STATUS_OK;
        }
    }
    char *end;
    unsigned long number = strtoul(choice, &end, 10);
    if (choice[0] >= '0' && choice[0] <= '9' && *end == 0 && number < set->n_series) {
        *series = (size_t)number;
        return HG_STATUS_OK;
    }
    return hg_error_set(err, HG_STATUS_USAGE, "there is no series '%.70s'; there are 0..%zu", choice,
                        set->n_series - 1);
}

void hg_dicom_set_count_apart(const hg_dicom_set *set, size_t series, size_t *n_localisers, size_t *n_others)
{
    uint32_t shown = set->series[series];
    *n_localisers = *n_others = 0;
    for (uint32_t g = 0; g < set->n_groups; g++) {
        if (g == shown || set->groups[g].series != set->groups[shown].series)
            continue;
        if (set->slices[set->groups[g].first].localiser)
            *n_localisers += set->groups[g].n;
        else
            *n_others += set->groups[g].n;
    }
}

/* What a slice is sorted by. */
typedef struct stack_key {
    double along; /* mm along the normal */
    int place;
    double order[4];
    size_t slice;
} stack_key;

static int stack_compare(double a, double b)
{
    return (a > b) - (a < b);
}

static int stack_by_position(const void *a, const void *b)
{
    return stack_compare(((const stack_key *)a)->along, ((const stack_key *)b)->along);
}

static int stack_by_place(const void *a, const void *b)
{
    const stack_key *x = a, *y = b;
    int order = (x->place > y->place) - (x->place < y->place);
    for (int i = 0; order == 0 && i < 4; i++)
        order = stack_compare(x->order[i], y->order[i]);
    return order != 0 ? order : (x->slice > y->slice) - (x->slice < y->slice);
}

static stack_key *stack_keys(hg_dicom_stack *stack, const hg_dicom_set *set, uint32_t group)
{
    const hg_dicom_slice *first = &set->slices[set->groups[group].first];
    const double *r = first->row, *c = first->column;
    double *w = stack->normal;
    w[0] = r[1] * c[2] - r[2] * c[1];
    w[1] = r[2] * c[0] - r[0] * c[2];
    w[2] = r[0] * c[1] - r[1] * c[0];
    stack_key *keys = hg_mem_array(set->groups[group].n, sizeof *keys);
    size_t n = 0;
    for (size_t i = 0; keys != NULL && i < set->n; i++) {
        if (set->group_of[i] != group)
            continue;
        const double *p = set->slices[i].position;
        stack_key *key = &keys[n++];
        key->slice = i;
        key->along = first->placed ? p[0] * w[0] + p[1] * w[1] + p[2] * w[2] : 0;
        memcpy(key->order, set->slices[i].order, sizeof key->order);
    }
    return keys;
}

/* Numbers the places of keys, and sorts them by it. */
static void stack_find_places(hg_dicom_stack *stack, stack_key *keys, size_t n)
{
    double begin = 0;
    qsort(keys, n, sizeof *keys, stack_by_position);
    for (size_t i = 0; i < n; i++) {
        if (i == 0 || keys[i].along - begin > SERIES_SAME_PLACE) {
            begin = keys[i].along;
            stack->n_places++;
        }
        keys[i].place = stack->n_places - 1;
    }
    qsort(keys, n, sizeof *keys, stack_by_place);
}

/* Slices of each place must be as many as of every other to count as times. */
static void stack_find_times(hg_dicom_stack *stack, const stack_key *keys, size_t n)
{
    size_t each = n / (size_t)stack->n_places;
    bool even = n % (size_t)stack->n_places == 0;
    for (size_t i = 0; even && i < n; i++)
        even = (size_t)keys[i].place == i / each;
    stack->n_times = even ? (int)each : 1;
    stack->n_repeated = even ? 0 : n - (size_t)stack->n_places;
}

static void stack_fill(hg_dicom_stack *stack, const stack_key *keys, size_t n)
{
    size_t places = (size_t)stack->n_places;
    for (size_t i = 0, of_place = 0; i < n; i++) {
        of_place = i > 0 && keys[i].place == keys[i - 1].place ? of_place + 1 : 0;
        if (of_place < (size_t)stack->n_times)
            stack->order[of_place * places + (size_t)keys[i].place] = keys[i].slice;
    }
}

static int stack_by_value(const void *a, const void *b)
{
    return stack_compare(*(const double *)a, *(const double *)b);
}

static hg_status stack_measure_gaps(hg_dicom_stack *stack, const stack_key *keys, size_t n, hg_error *err)
{
    size_t n_gaps = 0;
    double *gaps = hg_mem_array((size_t)stack->n_places, sizeof *gaps);
    if (gaps == NULL)
        return hg_error_memory(err, (size_t)stack->n_places * sizeof *gaps, "a series");
    for (size_t i = 1; i < n; i++) {
        if (keys[i].place != keys[i - 1].place)
            gaps[n_gaps++] = keys[i].along - keys[i - 1].along;
    }
    qsort(gaps, n_gaps, sizeof *gaps, stack_by_value);
    stack->gap = gaps[n_gaps / 2];
    stack->least_gap = gaps[0];
    stack->largest_gap = gaps[n_gaps - 1];
    hg_mem_free(gaps);
    return HG_STATUS_OK;
}

hg_status hg_dicom_stack_init(hg_dicom_stack *stack, const hg_dicom_set *set, size_t series, hg_error *err)
{
    uint32_t group = set->series[series];
    size_t n = set->groups[group].n;
    const hg_dicom_slice *first = &set->slices[set->groups[group].first];
    *stack = (hg_dicom_stack){.frames = first->n_frames > 1};
    stack_key *keys = stack_keys(stack, set, group);
    stack->order = hg_mem_array(n, sizeof *stack->order);
    if (keys == NULL || stack->order == NULL) {
        hg_mem_free(keys);
        return hg_error_memory(err, n * sizeof *keys, "a series");
    }
    stack_find_places(stack, keys, n);
    stack_find_times(stack, keys, n);
    stack_fill(stack, keys, n);
    stack->volume = stack->n_places > 1;
    hg_status status = stack->volume ? stack_measure_gaps(stack, keys, n, err) : HG_STATUS_OK;
    if (stack->frames)
        stack->n_times = first->n_frames;
    hg_mem_free(keys);
    return status;
}

void hg_dicom_stack_deinit(hg_dicom_stack *stack)
{
    hg_mem_free(stack->order);
    *stack = (hg_dicom_stack){0};
}
