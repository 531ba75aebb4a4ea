/* SPDX-License-Identifier: Apache-2.0
 *
 * onednn_conv.c: convolution and its gradients by oneDNN's primitives, for the C API of versions 2 and 3.
 *
 * Our arrays are plain (channels, rows, columns); the primitive chooses the layouts it wants, and every array
 * whose layout differs is reordered before (inputs) or after (results). The bf16 forms differ in one thing:
 * inputs are rounded to bf16 on the way, so that matrix units can multiply them; sums stay in f32. Invariant:
 * every oneDNN object that was made is destroyed, whatever fails; a null object is destroyed without effect.
 */
#include "kernels/onednn_conv.h"

#include "base/memory.h"
#include "base/parallel.h"

#include <dnnl.h>
#include <omp.h>

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t conv_desc; /* an object of its own */
typedef const_dnnl_memory_desc_t conv_desc_ref;
#define DESC_NONE NULL
#else
typedef dnnl_memory_desc_t conv_desc; /* a plain structure */
typedef const dnnl_memory_desc_t *conv_desc_ref;
#define DESC_NONE                                                                                            \
    {                                                                                                        \
        0                                                                                                    \
    }
#endif

static bool desc_init(conv_desc *d, int n_dims, const dnnl_dims_t dims, dnnl_data_type_t type,
                      dnnl_format_tag_t tag)
{
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_memory_desc_create_with_tag(d, n_dims, dims, type, tag) == dnnl_success;
#else
    return dnnl_memory_desc_init_by_tag(d, n_dims, dims, type, tag) == dnnl_success;
#endif
}

/* Plain images (n, c, h, w), each `between` elements behind the one before. */
static bool desc_init_images(conv_desc *d, const dnnl_dims_t dims, dnnl_dim_t between)
{
    const dnnl_dims_t strides = {between, dims[2] * dims[3], dims[3], 1};
#if DNNL_VERSION_MAJOR >= 3
    return dnnl_memory_desc_create_with_strides(d, 4, dims, dnnl_f32, strides) == dnnl_success;
#else
    return dnnl_memory_desc_init_by_strides(d, 4, dims, dnnl_f32, strides) == dnnl_success;
#endif
}

static void desc_deinit(conv_desc *d)
{
#if DNNL_VERSION_MAJOR >= 3
    dnnl_memory_desc_destroy(*d);
#else
    (void)d;
#endif
}

static conv_desc_ref desc_get(const conv_desc *d)
{
#if DNNL_VERSION_MAJOR >= 3
    return *d;
#else
    return d;
#endif
}

/* The arrays of a convolution; also the order of `any`. */
typedef enum conv_array { CONV_X, CONV_W, CONV_BIAS, CONV_Y, CONV_ARRAYS } conv_array;

/* One argument of the primitive: our memory, and oneDNN's when the layouts differ. */
typedef struct conv_slot {
    int arg;
    conv_array array;
    float *data;
    bool is_result;
    dnnl_memory_t plain, inner;
} conv_slot;

#define MAX_SLOTS 4

typedef struct conv_call {
    const hg_conv_shape *s;
    int64_t y_channels; /* of the array that y is a slice of, or c_out */
    bool has_bias;
    dnnl_data_type_t input;     /* what the arithmetic reads: f32 or bf16 */
    conv_array result;          /* which is f32; the others are inputs */
    conv_desc any[CONV_ARRAYS]; /* layouts left to oneDNN */
    dnnl_engine_t engine;
    dnnl_stream_t stream;
    dnnl_primitive_desc_t hint; /* the forward one, which the gradients' choices refer to */
    dnnl_primitive_desc_t desc;
    dnnl_primitive_t primitive;
} conv_call;

static bool conv_array_desc(const conv_call *call, conv_array array, bool plain, conv_desc *d)
{
    const hg_conv_shape *s = call->s;
    const dnnl_dims_t x = {s->n_images, s->c_in, s->h_in, s->w_in};
    const dnnl_dims_t y = {s->n_images, s->c_out, s->h_out, s->w_out};
    dnnl_format_tag_t any = dnnl_format_tag_any;
    dnnl_data_type_t type = array == call->result ? dnnl_f32 : call->input;
    switch (array) {
    case CONV_X:
        return plain ? desc_init_images(d, x, s->c_in * s->h_in * s->w_in) : desc_init(d, 4, x, type, any);
    case CONV_W:
        return desc_init(d, 4, (dnnl_dims_t){s->c_out, s->c_in, s->kernel, s->kernel},
                         plain ? dnnl_f32 : type, plain ? dnnl_oihw : any);
    case CONV_Y:
        return plain ? desc_init_images(d, y, call->y_channels * s->h_out * s->w_out)
                     : desc_init(d, 4, y, type, any);
    default:
        return desc_init(d, 1, (dnnl_dims_t){s->c_out}, dnnl_f32, dnnl_x);
    }
}

typedef enum conv_kind { CONV_FORWARD, CONV_TRAINING, CONV_BACKWARD_DATA, CONV_BACKWARD_WEIGHTS } conv_kind;

/* Padding at the end follows from the sizes. */
static dnnl_dim_t conv_pad_end(const hg_conv_shape *s, int64_t in, int64_t out)
{
    return (out - 1) * s->stride + s->kernel - in - s->pad;
}

static bool conv_make_desc(const conv_call *call, conv_kind kind, dnnl_primitive_desc_t *out)
{
    const hg_conv_shape *s = call->s;
    const dnnl_dims_t strides = {s->stride, s->stride}, begin = {s->pad, s->pad};
    const dnnl_dims_t end = {conv_pad_end(s, s->h_in, s->h_out), conv_pad_end(s, s->w_in, s->w_out)};
    const dnnl_alg_kind_t alg = dnnl_convolution_direct;
    dnnl_prop_kind_t prop = kind == CONV_FORWARD ? dnnl_forward_inference : dnnl_forward_training;
    conv_desc_ref x = desc_get(&call->any[CONV_X]), w = desc_get(&call->any[CONV_W]),
                  y = desc_get(&call->any[CONV_Y]);
    conv_desc_ref bias = call->has_bias ? desc_get(&call->any[CONV_BIAS]) : NULL;
#if DNNL_VERSION_MAJOR >= 3
    const dnnl_dims_t dilates = {0, 0};
    dnnl_status_t status;
    if (kind == CONV_BACKWARD_DATA)
        status = dnnl_convolution_backward_data_primitive_desc_create(
            out, call->engine, alg, x, w, y, strides, dilates, begin, end, call->hint, NULL);
    else if (kind == CONV_BACKWARD_WEIGHTS)
        status = dnnl_convolution_backward_weights_primitive_desc_create(
            out, call->engine, alg, x, w, bias, y, strides, dilates, begin, end, call->hint, NULL);
    else
        status = dnnl_convolution_forward_primitive_desc_create(out, call->engine, prop, alg, x, w, bias, y,
                                                                strides, dilates, begin, end, NULL);
    return status == dnnl_success;
#else
    dnnl_convolution_desc_t d;
    dnnl_status_t status;
    if (kind == CONV_BACKWARD_DATA)
        status = dnnl_convolution_backward_data_desc_init(&d, alg, x, w, y, strides, begin, end);
    else if (kind == CONV_BACKWARD_WEIGHTS)
        status = dnnl_convolution_backward_weights_desc_init(&d, alg, x, w, bias, y, strides, begin, end);
    else
        status = dnnl_convolution_forward_desc_init(&d, prop, alg, x, w, bias, y, strides, begin, end);
    return status == dnnl_success &&
           dnnl_primitive_desc_create(out, &d, NULL, call->engine, call->hint) == dnnl_success;
#endif
}

/* What the functions below have in common; s->c_out may be some of the y array's channels. */
static conv_call conv_begin(const hg_conv_shape *s, int64_t y_channels, dnnl_data_type_t input,
                            conv_array result)
{
    return (conv_call){.s = s, .y_channels = y_channels, .input = input, .result = result};
}

static bool conv_make_any(conv_call *call)
{
    for (int i = 0; i < CONV_ARRAYS; i++) {
        if (!conv_array_desc(call, (conv_array)i, false, &call->any[i]))
            return false;
    }
    return true;
}

static void conv_drop_any(conv_call *call)
{
    for (int i = 0; i < CONV_ARRAYS; i++)
        desc_deinit(&call->any[i]);
}

/* The forward pass that a gradient belongs to: its result is y. */
static bool conv_make_hint(conv_call *call)
{
    conv_call forward = conv_begin(call->s, call->y_channels, call->input, CONV_Y);
    forward.has_bias = call->has_bias;
    forward.engine = call->engine;
    bool ok = conv_make_any(&forward) && conv_make_desc(&forward, CONV_TRAINING, &call->hint);
    conv_drop_any(&forward);
    return ok;
}

static bool conv_open(conv_call *call, conv_kind kind)
{
    if (!conv_make_any(call) || dnnl_engine_create(&call->engine, dnnl_cpu, 0) != dnnl_success ||
        dnnl_stream_create(&call->stream, call->engine, dnnl_stream_default_flags) != dnnl_success)
        return false;
    if (kind >= CONV_BACKWARD_DATA && !conv_make_hint(call))
        return false;
    return conv_make_desc(call, kind, &call->desc) &&
           dnnl_primitive_create(&call->primitive, call->desc) == dnnl_success;
}

static void conv_close(conv_call *call)
{
    dnnl_primitive_destroy(call->primitive);
    dnnl_primitive_desc_destroy(call->desc);
    dnnl_primitive_desc_destroy(call->hint);
    dnnl_stream_destroy(call->stream);
    dnnl_engine_destroy(call->engine);
    conv_drop_any(call);
}

static bool conv_reorder(const conv_call *call, conv_desc_ref from_desc, dnnl_memory_t from,
                         conv_desc_ref to_desc, dnnl_memory_t to)
{
    dnnl_primitive_desc_t desc = NULL;
    dnnl_primitive_t reorder = NULL;
    dnnl_exec_arg_t args[2] = {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}};
    bool ok = dnnl_reorder_primitive_desc_create(&desc, from_desc, call->engine, to_desc, call->engine,
                                                 NULL) == dnnl_success &&
              dnnl_primitive_create(&reorder, desc) == dnnl_success &&
              dnnl_primitive_execute(reorder, call->stream, 2, args) == dnnl_success &&
              dnnl_stream_wait(call->stream) == dnnl_success;
    dnnl_primitive_destroy(reorder);
    dnnl_primitive_desc_destroy(desc);
    return ok;
}

/* Before the primitive runs (`after` false): wraps our memory and gives oneDNN its own copy where layouts
 * differ. After it: brings a result back. */
static bool conv_slot_move(const conv_call *call, conv_slot *slot, bool after)
{
    conv_desc plain = DESC_NONE;
    conv_desc_ref inner = dnnl_primitive_desc_query_md(call->desc, dnnl_query_exec_arg_md, slot->arg);
    bool ok = inner != NULL && conv_array_desc(call, slot->array, true, &plain);
    bool same = ok && dnnl_memory_desc_equal(desc_get(&plain), inner);
    if (ok && !after) {
        ok = dnnl_memory_create(&slot->plain, desc_get(&plain), call->engine, slot->data) == dnnl_success &&
             (same ||
              dnnl_memory_create(&slot->inner, inner, call->engine, DNNL_MEMORY_ALLOCATE) == dnnl_success);
        if (ok && !same && !slot->is_result)
            ok = conv_reorder(call, desc_get(&plain), slot->plain, inner, slot->inner);
    } else if (ok && !same && slot->is_result) {
        ok = conv_reorder(call, inner, slot->inner, desc_get(&plain), slot->plain);
    }
    desc_deinit(&plain);
    return ok;
}

static bool conv_execute(conv_call *call, conv_slot *slots, int n)
{
    dnnl_exec_arg_t args[MAX_SLOTS];
    bool ok = true;
    for (int i = 0; ok && i < n; i++) {
        ok = conv_slot_move(call, &slots[i], false);
        args[i] = (dnnl_exec_arg_t){slots[i].arg, slots[i].inner != NULL ? slots[i].inner : slots[i].plain};
    }
    ok = ok && dnnl_primitive_execute(call->primitive, call->stream, n, args) == dnnl_success &&
         dnnl_stream_wait(call->stream) == dnnl_success;
    for (int i = 0; ok && i < n; i++)
        ok = !slots[i].is_result || conv_slot_move(call, &slots[i], true);
    for (int i = 0; i < n; i++) {
        dnnl_memory_destroy(slots[i].inner);
        dnnl_memory_destroy(slots[i].plain);
    }
    return ok;
}

static bool conv_run(conv_call call, int n_threads, conv_kind kind, conv_slot *slots, int n)
{
    int threads = omp_get_max_threads();
    omp_set_num_threads(n_threads);
    bool ok = conv_open(&call, kind) && conv_execute(&call, slots, n);
    conv_close(&call);
    omp_set_num_threads(threads);
    return ok;
}

static bool conv_forward(int n_threads, const hg_conv_shape *s, dnnl_data_type_t input, const hg_real *x,
                         const hg_real *w, const hg_real *bias, hg_real *y)
{
    conv_slot slots[MAX_SLOTS] = {
        {.arg = DNNL_ARG_SRC, .array = CONV_X, .data = (hg_real *)x},
        {.arg = DNNL_ARG_WEIGHTS, .array = CONV_W, .data = (hg_real *)w},
        {.arg = DNNL_ARG_DST, .array = CONV_Y, .data = y, .is_result = true},
        {.arg = DNNL_ARG_BIAS, .array = CONV_BIAS, .data = (hg_real *)bias},
    };
    conv_call call = conv_begin(s, s->c_out, input, CONV_Y);
    call.has_bias = bias != NULL;
    return conv_run(call, n_threads, CONV_FORWARD, slots, bias != NULL ? 4 : 3);
}

static void conv_add(int64_t n, const hg_real *from, hg_real *to)
{
    for (int64_t i = 0; i < n; i++)
        to[i] += from[i];
}

static bool conv_data(int n_threads, const hg_conv_shape *s, dnnl_data_type_t input, const hg_real *dy,
                      const hg_real *w, hg_real *dx)
{
    int64_t n = s->n_images * s->c_in * s->h_in * s->w_in;
    hg_real *result = hg_mem_array((size_t)n, sizeof *result);
    if (result == NULL)
        return false;
    conv_slot slots[MAX_SLOTS] = {
        {.arg = DNNL_ARG_DIFF_DST, .array = CONV_Y, .data = (hg_real *)dy},
        {.arg = DNNL_ARG_WEIGHTS, .array = CONV_W, .data = (hg_real *)w},
        {.arg = DNNL_ARG_DIFF_SRC, .array = CONV_X, .data = result, .is_result = true},
    };
    bool ok = conv_run(conv_begin(s, s->c_out, input, CONV_X), n_threads, CONV_BACKWARD_DATA, slots, 3);
    if (ok)
        conv_add(n, result, dx);
    hg_mem_free(result);
    return ok;
}

/* oneDNN shares the sum over pixels between threads, so its order would depend on their number. Instead each
 * block of output channels is computed by one thread. */
#define WEIGHTS_BLOCK 32

typedef struct weights_job {
    const hg_conv_shape *s;
    dnnl_data_type_t input;
    const hg_real *dy, *x;
    hg_real *result;     /* of dw, then db */
    hg_real *bias;       /* NULL: not wanted */
    unsigned char *done; /* by block */
} weights_job;

static void conv_weights_block(void *arg, int64_t index, int worker)
{
    (void)worker;
    const weights_job *job = arg;
    int64_t first = index * WEIGHTS_BLOCK;
    hg_conv_shape s = *job->s;
    s.c_out = s.c_out - first < WEIGHTS_BLOCK ? s.c_out - first : WEIGHTS_BLOCK;
    bool has_bias = job->bias != NULL;
    conv_slot slots[MAX_SLOTS] = {
        {.arg = DNNL_ARG_SRC, .array = CONV_X, .data = (hg_real *)job->x},
        {.arg = DNNL_ARG_DIFF_DST, .array = CONV_Y, .data = (hg_real *)job->dy + first * s.h_out * s.w_out},
        {.arg = DNNL_ARG_DIFF_WEIGHTS,
         .array = CONV_W,
         .data = job->result + first * s.c_in * s.kernel * s.kernel,
         .is_result = true},
        {.arg = DNNL_ARG_DIFF_BIAS,
         .array = CONV_BIAS,
         .data = has_bias ? job->bias + first : NULL,
         .is_result = true},
    };
    conv_call call = conv_begin(&s, job->s->c_out, job->input, CONV_W);
    call.has_bias = has_bias;
    job->done[index] = conv_run(call, 1, CONV_BACKWARD_WEIGHTS, slots, has_bias ? 4 : 3);
}

static bool conv_weights(int n_threads, const hg_conv_shape *s, dnnl_data_type_t input, const hg_real *dy,
                         const hg_real *x, hg_real *dw, hg_real *db)
{
    int64_t n = s->c_out * s->c_in * s->kernel * s->kernel;
    int64_t n_blocks = (s->c_out + WEIGHTS_BLOCK - 1) / WEIGHTS_BLOCK;
    hg_real *result = hg_mem_array((size_t)(n + s->c_out), sizeof *result);
    unsigned char *done = hg_mem_array((size_t)n_blocks, 1);
    bool ok = result != NULL && done != NULL;
    if (ok) {
        weights_job job = {s, input, dy, x, result, db != NULL ? result + n : NULL, done};
        hg_parallel_for(n_threads, n_blocks, conv_weights_block, &job);
        for (int64_t i = 0; i < n_blocks; i++)
            ok = ok && done[i];
    }
    if (ok) {
        conv_add(n, result, dw);
        if (db != NULL)
            conv_add(s->c_out, result + n, db);
    }
    hg_mem_free(done);
    hg_mem_free(result);
    return ok;
}

bool hg_onednn_conv2d(int n_threads, const hg_conv_shape *s, const hg_real *x, const hg_real *w,
                      const hg_real *bias, hg_real *y)
{
    return conv_forward(n_threads, s, dnnl_f32, x, w, bias, y);
}

bool hg_onednn_conv2d_backward_data(int n_threads, const hg_conv_shape *s, const hg_real *dy,
                                    const hg_real *w, hg_real *dx)
{
    return conv_data(n_threads, s, dnnl_f32, dy, w, dx);
}

bool hg_onednn_conv2d_backward_weights(int n_threads, const hg_conv_shape *s, const hg_real *dy,
                                       const hg_real *x, hg_real *dw, hg_real *db)
{
    return conv_weights(n_threads, s, dnnl_f32, dy, x, dw, db);
}

/* Few channels do not fill the matrix units: rounding would cost more than it saves. */
#define BF16_LEAST_CHANNELS 16

static dnnl_data_type_t bf16_input(const hg_conv_shape *s)
{
    return s->c_in < BF16_LEAST_CHANNELS || s->c_out < BF16_LEAST_CHANNELS ? dnnl_f32 : dnnl_bf16;
}

static bool bf16_conv2d(int n_threads, const hg_conv_shape *s, const hg_real *x, const hg_real *w,
                        const hg_real *bias, hg_real *y)
{
    return conv_forward(n_threads, s, bf16_input(s), x, w, bias, y);
}

static bool bf16_conv2d_backward_data(int n_threads, const hg_conv_shape *s, const hg_real *dy,
                                      const hg_real *w, hg_real *dx)
{
    return conv_data(n_threads, s, bf16_input(s), dy, w, dx);
}

static bool bf16_conv2d_backward_weights(int n_threads, const hg_conv_shape *s, const hg_real *dy,
                                         const hg_real *x, hg_real *dw, hg_real *db)
{
    return conv_weights(n_threads, s, bf16_input(s), dy, x, dw, db);
}

bool hg_kernels_set_bf16_conv(hg_kernels *table)
{
    if (dnnl_get_effective_cpu_isa() < dnnl_cpu_isa_avx512_core_bf16)
        return false;
    table->conv2d = bf16_conv2d;
    table->conv2d_backward_data = bf16_conv2d_backward_data;
    table->conv2d_backward_weights = bf16_conv2d_backward_weights;
    return true;
}
