/* SPDX-License-Identifier: Apache-2.0
 *
 * kept_layers.c: two arenas of one block each, so that what a mark says is what is used. Gradients are needed
 * for one layer at a time, and every layer has as many: they get the same memory, which is zeroed when the
 * layer's turn comes.
 *
 * All sizes grow with positions but for records, a few kilobytes, and scratch, which the measured layer's
 * size has, too.
 */
#include "train/kept_layers.h"

#include "base/machine_memory.h"

/* Blocks of an arena that is measured: small, so that all of them together are what was asked for. */
#define MEASURE_BLOCK ((size_t)1 << 14)
#define KEPT_MAX ((size_t)1 << 40)
/* Bytes that a layer may have on top of what grows with positions. */
#define LAYER_SLACK ((size_t)1 << 17)

void hg_kept_layers_init(hg_kept_layers *k, size_t memory, int64_t max_positions, int64_t n_layers)
{
    *k = (hg_kept_layers){.memory = memory, .max_positions = max_positions, .n_layers = n_layers};
}

void hg_kept_layers_deinit(hg_kept_layers *k)
{
    hg_arena_deinit(&k->values);
    hg_arena_deinit(&k->grads);
}

bool hg_kept_layers_wants_measure(const hg_kept_layers *k)
{
    return k->memory > 0 && k->measured == 0;
}

/* What `bytes` of the measured sample are for one of n positions. */
static size_t scaled(const hg_kept_layers *k, size_t bytes, int64_t n)
{
    return (size_t)((double)bytes / (double)k->measured * (double)n) + LAYER_SLACK;
}

/* Bytes that values and gradients of kept layers may take in a sample of n positions. A longer one than the
 * measured one needs more besides: a layer that is computed again, and the inputs of all. */
static size_t room_for(const hg_kept_layers *k, int64_t n)
{
    size_t rest = k->rest_bytes;
    if (n > k->measured)
        rest += scaled(k, 2 * (k->value_bytes + k->grad_bytes), n - k->measured);
    return k->memory > rest ? k->memory - rest : 0;
}

int64_t hg_kept_layers_count(const hg_kept_layers *k, int64_t n_positions)
{
    if (k->measured == 0 || k->values.block_bytes == 0)
        return 0;
    size_t grads = scaled(k, k->grad_bytes, n_positions), room = room_for(k, n_positions);
    /* Scratch of the last layer that is kept: the measured layer had it, too. */
    size_t reserve = k->value_bytes + grads;
    if (room > k->values.block_bytes + grads)
        room = k->values.block_bytes + grads;
    if (grads > k->grads.block_bytes || room <= reserve)
        return 0;
    int64_t count = (int64_t)((room - reserve) / scaled(k, k->value_bytes, n_positions));
    return count < k->n_layers ? count : k->n_layers;
}

/* Room for all layers of the longest sample, or for what fits. The machine gives memory when it is used, not
 * before; where it does not give even the addresses, nothing is kept. */
static void take_room(hg_kept_layers *k)
{
    size_t all = (size_t)k->n_layers * scaled(k, k->value_bytes, k->max_positions) + k->value_bytes;
    size_t room = k->memory > k->rest_bytes ? k->memory - k->rest_bytes : 0;
    hg_arena_init_apart(&k->values, all < room ? all : room, KEPT_MAX);
    hg_arena_init_apart(&k->grads, scaled(k, k->grad_bytes, k->max_positions), KEPT_MAX);
    if (hg_arena_alloc(&k->values, 1) == NULL || hg_arena_alloc(&k->grads, 1) == NULL)
        k->values.block_bytes = 0;
}

void hg_kept_layers_measure(hg_kept_layers *k, hg_ctx *ctx, hg_decoder *d, const hg_plugin *plugin,
                            const hg_decoder_rows *rows, int64_t layer, hg_tensor *x)
{
    hg_arena values, grads, *own = ctx->arena;
    hg_tape tape = {.grads = &grads};
    hg_arena_init(&values, MEASURE_BLOCK, KEPT_MAX);
    hg_arena_init(&grads, MEASURE_BLOCK, KEPT_MAX);
    ctx->arena = &values;
    ctx->tape = &tape;
    hg_decoder_layer_forward_rows(ctx, d, plugin, rows, layer, x);
    ctx->tape = NULL;
    ctx->arena = own;
    if (!hg_ctx_failed(ctx)) {
        k->measured = x->shape[0];
        k->value_bytes = values.total_bytes;
        k->grad_bytes = grads.total_bytes;
    }
    hg_arena_deinit(&values);
    hg_arena_deinit(&grads);
    k->rest_bytes = hg_machine_memory_used();
    if (!hg_ctx_failed(ctx) && k->rest_bytes > 0)
        take_room(k);
}

void hg_kept_layers_forward(hg_kept_layers *k, hg_ctx *ctx, hg_decoder *d, const hg_plugin *plugin,
                            const hg_decoder_rows *rows, int64_t layer, hg_tensor *x, hg_kept_layer *to)
{
    hg_arena *own = ctx->arena;
    hg_arena_mark begin = {0};
    hg_arena_reset(&k->grads, begin);
    to->tape = (hg_tape){.grads = &k->grads};
    ctx->arena = &k->values;
    ctx->tape = &to->tape;
    to->y = hg_decoder_layer_forward_rows(ctx, d, plugin, rows, layer, x);
    ctx->tape = NULL;
    ctx->arena = own;
    to->grad_bytes = hg_arena_get_mark(&k->grads).used;
}

void hg_kept_layers_zero_gradients(hg_kept_layers *k, hg_ctx *ctx, const hg_kept_layer *layer)
{
    hg_arena_mark begin = {0};
    hg_arena_reset(&k->grads, begin);
    hg_real *grads = hg_arena_alloc(&k->grads, layer->grad_bytes);
    if (grads == NULL)
        hg_ctx_fail(ctx, HG_STATUS_FAILED, "out of memory (gradients of a layer)");
    else
        hg_ctx_zero(ctx, grads, (int64_t)(layer->grad_bytes / sizeof *grads));
}

void hg_kept_layers_reset(hg_kept_layers *k)
{
    hg_arena_mark begin = {0};
    hg_arena_reset(&k->values, begin);
    hg_arena_reset(&k->grads, begin);
}
