/* SPDX-License-Identifier: Apache-2.0
 *
 * progress.h: how long work tells its caller how far it is, and how the caller stops it.
 */
#ifndef HEALTHGPT_PROGRESS_H
#define HEALTHGPT_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* `stage` is a short name: "image", "prompt", "answer", "drawing" or "picture"; `done` of `total` units are
 * finished (total 0: there is nothing to count). Returning false asks the work to stop; it then ends with
 * HG_STATUS_FAILED and the text "cancelled", or while an answer is made with HG_STATUS_OK and
 * HG_STOP_CANCELLED. Called from the thread that does the work. */
typedef bool (*hg_progress_fn)(void *user, const char *stage, int64_t done, int64_t total);

typedef struct hg_progress {
    hg_progress_fn report; /* NULL: nobody listens */
    void *user;
} hg_progress;

#ifdef __cplusplus
}
#endif

#endif
