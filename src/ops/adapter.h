/* SPDX-License-Identifier: Apache-2.0
 *
 * adapter.h: what H-LoRA, LoRA and MoELoRA share.
 */
#ifndef HG_OPS_ADAPTER_H
#define HG_OPS_ADAPTER_H

#include "ops/ops.h"

/* An adapter adds to y in place, so y needs a gradient when the adapter does. The base layer gives none when
 * it is frozen and its input needs none (the first layer of a model). */
void hg_adapter_ensure_grad(hg_ctx *ctx, hg_tensor *y, const hg_tensor *x, const hg_hlora *p);

/* a (T, R) *= scale · mask; mask may be NULL. */
void hg_adapter_scale(int64_t n, hg_real scale, const hg_real *mask, hg_real *a);

/* Rows of gate (T, E) to their softmax. */
void hg_adapter_softmax(hg_ctx *ctx, const hg_tensor *gate);

/* One row: h (R) = a (R), every expert's columns times its of w (E); h may be a. */
void hg_adapter_gate_row(int64_t r, int64_t n_experts, const hg_real *a, const hg_real *w, hg_real *h);

/* Whether the shapes of an H-LoRA fit input x and output y. */
bool hg_hlora_fits(const hg_tensor *y, const hg_tensor *x, const hg_hlora *p);

/* In place over rows of dw (T, E): the gradient of the softmax w's inputs, w (dw - <w, dw>). */
void hg_adapter_softmax_backward(const hg_tensor *gate, hg_real *dw);

#endif
