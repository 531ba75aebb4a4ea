/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_wordings.h: in which words the questions about a phantom are put.
 */
#ifndef HG_DATA_PHANTOM_WORDINGS_H
#define HG_DATA_PHANTOM_WORDINGS_H

#include "data/phantom_text.h"

#define HG_WORDINGS_MAX 16

typedef enum hg_phantom_topic {
    TOPIC_ORGANS, /* first, since a conversation of text begins with it */
    TOPIC_MODALITY,
    TOPIC_SEQUENCE,
    TOPIC_PART,
    TOPIC_PLANE,
    TOPIC_ABNORMALITY,
    TOPIC_LOCATION,
    TOPIC_SIZE,
    TOPIC_COUNT_OF,
    CLOSED_ABNORMAL,
    CLOSED_KIND,
    CLOSED_SIDE,
    CLOSED_MODALITY,
    CLOSED_ORGAN,
    CHOICE_MODALITY,
    CHOICE_PART,
    CHOICE_PLANE,
    CHOICE_SEQUENCE,
    CHOICE_KIND,
    CHOICE_SIDE,
    TOPIC_COUNT
} hg_phantom_topic;

/* A kind of question. In a wording, {kind} and the like are replaced by what the picture shows. The last
 * wording that is not NULL is held out: only test questions use it. */
typedef struct hg_topic_row {
    hg_answer_type type;
    const char *name; /* "modality" */
    const char *wordings[HG_WORDINGS_MAX];
} hg_topic_row;

const hg_topic_row *hg_topic_row_get(hg_phantom_topic topic);

/* Requests for a caption; the last is held out. Ends in NULL. */
const char *const *hg_caption_requests(void);

#endif
