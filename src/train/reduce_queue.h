/* SPDX-License-Identifier: Apache-2.0
 *
 * reduce_queue.h: sums of gradients over processes, made beside the backward pass: a layer's gradients are on
 * their way while those of the layers before it are still computed. All processes post the same parameters
 * in the same order, so the sums are those of hg_reduce_sum_gradients, bit by bit.
 */
#ifndef HG_TRAIN_REDUCE_QUEUE_H
#define HG_TRAIN_REDUCE_QUEUE_H

#include "train/reduce.h"

typedef struct hg_reduce_queue hg_reduce_queue;

/* `capacity`: the most posts between two waits. One process alone needs no thread and gets none. */
hg_status hg_reduce_queue_create(hg_reduce_queue **out, hg_reduce *reduce, size_t capacity,
                                 hg_error *err) HG_MUST_CHECK;
void hg_reduce_queue_destroy(hg_reduce_queue *queue); /* NULL is allowed; waits */

/* The gradients of these parameters are complete here; they must not be touched until the wait. */
void hg_reduce_queue_post(hg_reduce_queue *queue, hg_param *params, size_t n_params);

/* Until everything posted is summed. The reduce itself may be used again afterwards, until the next post. */
hg_status hg_reduce_queue_wait(hg_reduce_queue *queue, hg_error *err) HG_MUST_CHECK;

#endif
