/* SPDX-License-Identifier: Apache-2.0
 *
 * sandbox.h: work on untrusted bytes in a child process that can compute and allocate, and nothing else: no
 * files (but for one that is named, for libraries that read by path alone), no network, no programs, a limit
 * on memory and on time. What breaks there is an error here.
 */
#ifndef HG_IMAGE_SANDBOX_H
#define HG_IMAGE_SANDBOX_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

typedef struct hg_sandbox_limits {
    size_t memory_bytes; /* that the work may add to what the process has; not kept under the sanitizers */
    size_t result_bytes; /* largest result */
    int cpu_seconds;
    int wall_seconds;
    int fd; /* of a file that the work may open again, by /proc/self/fd, and read; 0: of none */
} hg_sandbox_limits;

hg_sandbox_limits hg_sandbox_limits_default(void);

typedef struct hg_sandbox_out hg_sandbox_out;

/* Runs in the child, on one thread; it sees the memory of the parent as it was. A failure's status and text
 * reach the parent. */
typedef hg_status (*hg_sandbox_work)(void *arg, hg_sandbox_out *out, hg_error *err);

/* Called by the work, once: memory for the result, or NULL with *err set. Zeroed. */
void *hg_sandbox_reserve(hg_sandbox_out *out, size_t bytes, hg_error *err);

/* What the child left; any bytes at all, so they are checked like a file. A mapping of its own. */
typedef struct hg_sandbox_result {
    const uint8_t *data; /* NULL when nothing was reserved */
    size_t n;
} hg_sandbox_result;

/* The result is to be freed only when this succeeds. HG_STATUS_INPUT when the child crashed or passed a
 * limit; HG_STATUS_FAILED when no child could be made or confined. May be called on several threads at once.
 */
hg_status hg_sandbox_run(hg_sandbox_result *result, hg_sandbox_work work, void *arg,
                         const hg_sandbox_limits *limits, hg_error *err) HG_MUST_CHECK;
void hg_sandbox_result_free(hg_sandbox_result *result);

/* As hg_sandbox_work, for item `index` of a list. */
typedef hg_status (*hg_sandbox_list_work)(void *arg, size_t index, hg_sandbox_out *out, hg_error *err);

/* In the parent, for each item in its order: how it went, as from hg_sandbox_run with `why` for its error,
 * and what it left, which is freed afterwards unless the function empties it. Another status than
 * HG_STATUS_OK ends the list. */
typedef hg_status (*hg_sandbox_list_take)(void *arg, size_t index, hg_status status,
                                          hg_sandbox_result *result, const hg_error *why, hg_error *err);

typedef struct hg_sandbox_list {
    size_t n;
    hg_sandbox_list_work work;
    hg_sandbox_list_take take;
    void *arg;
} hg_sandbox_list;

/* Many items, up to 64 of them in one child: a child costs a few milliseconds, a small picture less. Limits
 * hold as if each item had a child of its own, and an item that breaks its child spoils no other: the rest
 * goes on in the next. But what takes over its child rather than breaking it could leave wrong results for
 * the child's other items. */
hg_status hg_sandbox_run_list(const hg_sandbox_list *list, const hg_sandbox_limits *limits,
                              hg_error *err) HG_MUST_CHECK;

#endif
