/* SPDX-License-Identifier: Apache-2.0
 *
 * dicom_series.h: which DICOM files belong together, and in which order they make a volume.
 */
#ifndef HG_IMAGE_DICOM_SERIES_H
#define HG_IMAGE_DICOM_SERIES_H

#include "image/dicom_slice.h"

#include <healthgpt/image.h>

/* Files of one series, of one size and one orientation. */
typedef struct hg_dicom_group {
    size_t first;      /* one of its slices */
    size_t series;     /* in order of appearance */
    size_t n;          /* its slices */
    size_t n_pictures; /* frames of all of them */
} hg_dicom_group;

typedef struct hg_dicom_set {
    const hg_dicom_slice *slices; /* borrowed */
    size_t n;
    uint32_t *group_of; /* by slice; HG_DICOM_NO_GROUP for what is no picture */
    hg_dicom_group *groups;
    size_t n_groups;
    uint32_t *series; /* the group that stands for each series; most pictures first, then localisers, then
                         what is no picture of a patient */
    size_t n_series;
    size_t n_damaged;
} hg_dicom_set;

#define HG_DICOM_NO_GROUP UINT32_MAX

/* Sorts n slices into groups and series. HG_STATUS_INPUT when none is a picture. To be undone by deinit
 * whatever the result. */
hg_status hg_dicom_set_init(hg_dicom_set *set, const hg_dicom_slice *slices, size_t n,
                            hg_error *err) HG_MUST_CHECK;
void hg_dicom_set_deinit(hg_dicom_set *set);

/* Number of a series by the caller's words: a number, a UID, or NULL for the first. HG_STATUS_USAGE when
 * there is none. */
hg_status hg_dicom_set_find(const hg_dicom_set *set, const char *choice, size_t *series,
                            hg_error *err) HG_MUST_CHECK;

/* The pictures of a series in order. */
typedef struct hg_dicom_stack {
    size_t *order; /* slice of time t and place k at [t * n_places + k]; owned */
    int n_places;  /* 1 when it is no volume */
    int n_times;
    bool volume;      /* places rise along the normal */
    bool frames;      /* one file with many frames, n_times of them */
    double normal[3]; /* towards left, back, head */
    double gap;       /* mm from place to place: the median */
    double least_gap;
    double largest_gap;
    size_t n_repeated; /* slices left out because their place was taken */
} hg_dicom_stack;

hg_status hg_dicom_stack_init(hg_dicom_stack *stack, const hg_dicom_set *set, size_t series,
                              hg_error *err) HG_MUST_CHECK;
void hg_dicom_stack_deinit(hg_dicom_stack *stack);

/* Files of the series that are not in the stack's group: localisers, and others. */
void hg_dicom_set_count_apart(const hg_dicom_set *set, size_t series, size_t *n_localisers, size_t *n_others);

#endif
