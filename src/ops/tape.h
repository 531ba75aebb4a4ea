/* SPDX-License-Identifier: Apache-2.0
 *
 * tape.h: records operations while they run, and runs their backward in reverse order.
 *
 * A gradient lives beside its tensor (hg_tensor.grad) and backward functions add to it, so a tensor used
 * twice gets the sum, and views need no record: they share the gradient memory of what they view.
 */
#ifndef HG_OPS_TAPE_H
#define HG_OPS_TAPE_H

#include "ops/context.h"

#define HG_TAPE_MAX_INPUTS 4

struct hg_record;

/* An operation as the registry lists it. */
typedef struct hg_op {
    const char *name;
    /* Reads record->out->grad and adds to the gradient of every input that has one. */
    void (*backward)(hg_ctx *ctx, const struct hg_record *record);
} hg_op;

typedef struct hg_record {
    struct hg_record *previous;
    const hg_op *op;
    hg_tensor *out;
    hg_tensor *in[HG_TAPE_MAX_INPUTS]; /* NULL where an optional input is absent */
    void *saved;                       /* what backward needs besides, in the arena */
} hg_record;

typedef struct hg_tape {
    hg_record *last;
    /* Where gradients of results lie; NULL: in the context's arena, zeroed when they are made. In an arena of
     * their own they are left as they are, for who keeps a tape that waits: it gives the gradients' memory to
     * others meanwhile, and zeroes it before backward. */
    hg_arena *grads;
} hg_tape;

/* n numbers for the gradient of a result, as the tape says; NULL on failure. */
hg_real *hg_tape_take_grad(hg_ctx *ctx, int64_t n);

/* Adds a record in the context's arena; does nothing when there is no tape or `out` has no gradient. */
void hg_tape_push(hg_ctx *ctx, const hg_op *op, hg_tensor *out, hg_tensor *const *in, int n_in, void *saved);

/* Runs backward over all records, last first. The caller has set the gradient of the final result(s). */
hg_status hg_tape_backward(hg_ctx *ctx, hg_error *err);

/* A copy of `bytes` bytes at `value` in the arena, for `saved`; NULL when there is no tape or on failure. */
void *hg_tape_save(hg_ctx *ctx, const void *value, size_t bytes);

#endif
