/* SPDX-License-Identifier: Apache-2.0
 *
 * trainee.c: which tensors learn in which stage (paper, section 4.4), and their memory.
 */
#include "train/trainee.h"

#include "base/memory.h"
#include "train/plugin_names.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRAINEE_BLOCK ((size_t)1 << 20)
#define TRAINEE_MAX ((size_t)1 << 40)

static hg_status trainee_reserve(hg_trainee *t, hg_error *err)
{
    if (t->n < t->capacity)
        return HG_STATUS_OK;
    size_t capacity = t->capacity == 0 ? 64 : 2 * t->capacity;
    hg_param *params = hg_mem_resize(t->params, capacity, sizeof *params);
    if (params != NULL)
        t->params = params;
    void *names = hg_mem_resize(t->names, capacity, sizeof *t->names);
    if (names != NULL)
        t->names = names;
    hg_tensor **tensors = hg_mem_resize(t->tensors, capacity, sizeof(hg_tensor *));
    if (tensors != NULL)
        t->tensors = tensors;
    int64_t *layers = hg_mem_resize(t->layers, capacity, sizeof *layers);
    if (layers != NULL)
        t->layers = layers;
    if (params == NULL || names == NULL || tensors == NULL || layers == NULL)
        return hg_error_memory(err, capacity * sizeof *params, "the list of trained tensors");
    t->capacity = capacity;
    return HG_STATUS_OK;
}

/* The layer that a name of a plug-in says. */
static int64_t layer_of(const char *name)
{
    const char *at = strstr(name, ".layers.");
    return at != NULL ? strtoll(at + strlen(".layers."), NULL, 10) : HG_TRAINEE_NO_LAYER;
}

/* Makes `tensor` learn; `begun`: its f32 memory is this run's own and becomes the master. */
static hg_status trainee_add(hg_trainee *t, const char *name, hg_tensor *tensor, hg_trainee_group group,
                             bool begun, hg_error *err)
{
    hg_status status = trainee_reserve(t, err);
    if (status != HG_STATUS_OK)
        return status;
    int64_t n = hg_tensor_count(tensor);
    float *value = begun ? hg_tensor_real(tensor) : hg_arena_array(&t->arena, (size_t)n, sizeof *value);
    float *grad = hg_arena_array(&t->arena, (size_t)n, sizeof *grad);
    float *m = hg_arena_array(&t->arena, (size_t)n, sizeof *m);
    float *v = hg_arena_array(&t->arena, (size_t)n, sizeof *v);
    if (value == NULL || grad == NULL || m == NULL || v == NULL)
        return hg_error_memory(err, 4 * (unsigned long long)n * sizeof *value, name);
    if (!begun)
        hg_dtype_to_real(tensor->dtype, n, tensor->data, value);
    *tensor = hg_tensor_make(HG_DTYPE_F32, tensor->n_dims, tensor->shape, value);
    tensor->grad = grad;
    snprintf(t->names[t->n], sizeof *t->names, "%s", name);
    t->tensors[t->n] = tensor;
    t->layers[t->n] = layer_of(name);
    t->params[t->n++] = (hg_param){value, grad, m, v, n, (int)group};
    return HG_STATUS_OK;
}

/* Takes a plug-in's tensor when it belongs to what learns. */
typedef struct trainee_choice {
    hg_trainee *t;
    bool adapter, projector, begun;
    const char *prefix; /* of the names here, where two plug-ins have the same */
} trainee_choice;

static hg_status trainee_visit(void *user, const char *name, hg_tensor *tensor, hg_error *err)
{
    trainee_choice *choice = user;
    bool projector = strstr(name, "mm_projector") != NULL;
    if (projector ? !choice->projector : !choice->adapter)
        return HG_STATUS_OK;
    hg_trainee_group group = !projector           ? HG_TRAINEE_GROUP_MAIN
                             : tensor->n_dims > 1 ? HG_TRAINEE_GROUP_PROJECTOR
                                                  : HG_TRAINEE_GROUP_BIAS;
    char own[HG_WEIGHT_NAME_BYTES];
    snprintf(own, sizeof own, "%s%s", choice->prefix, name);
    return trainee_add(choice->t, own, tensor, group, choice->begun, err);
}

static hg_status trainee_add_vocabulary(hg_trainee *t, hg_task_parts *parts, bool begun, hg_error *err)
{
    const hg_trainee_group group = HG_TRAINEE_GROUP_MAIN;
    hg_status status = trainee_add(t, HG_FUSION_EMBED_NAME, &parts->embed, group, begun, err);
    return status == HG_STATUS_OK ? trainee_add(t, HG_FUSION_HEAD_NAME, &parts->head, group, begun, err)
                                  : status;
}

static hg_status trainee_add_plugin(hg_trainee *t, hg_healthgpt *model, hg_task task, const hg_stage *stage,
                                    bool begun, hg_error *err)
{
    bool second = stage->asks && task == HG_TASK_GENERATION;
    trainee_choice choice = {t, stage->adapter, stage->projector, begun, second ? "gen." : ""};
    return hg_plugin_visit(&model->tasks[task].plugin, &model->decoder.config, trainee_visit, &choice, err);
}

hg_status hg_trainee_init(hg_trainee *t, hg_healthgpt *model, const hg_stage *stage, bool vocabulary,
                          const hg_train_begun *begun, hg_error *err)
{
    *t = (hg_trainee){0};
    hg_arena_init_apart(&t->arena, TRAINEE_BLOCK, TRAINEE_MAX);
    hg_status status = HG_STATUS_OK;
    if (stage->asks)
        status = trainee_add_plugin(t, model, HG_TASK_COMPREHENSION, stage, begun->com, err);
    if (status == HG_STATUS_OK && stage->draws)
        status = trainee_add_plugin(t, model, HG_TASK_GENERATION, stage, begun->gen, err);
    if (status == HG_STATUS_OK && (stage->vocabulary || vocabulary))
        status = trainee_add_vocabulary(t, &model->tasks[HG_TASK_GENERATION], begun->fusion, err);
    if (status != HG_STATUS_OK)
        hg_trainee_deinit(t);
    return status;
}

void hg_trainee_deinit(hg_trainee *t)
{
    hg_arena_deinit(&t->arena);
    hg_mem_free(t->params);
    hg_mem_free(t->names);
    hg_mem_free(t->tensors);
    hg_mem_free(t->layers);
    *t = (hg_trainee){0};
}

void hg_trainee_zero_gradients(hg_trainee *t)
{
    for (size_t i = 0; i < t->n; i++)
        memset(t->params[i].grad, 0, (size_t)t->params[i].n * sizeof(float));
}

bool hg_trainee_next_of_layer(const hg_trainee *t, int64_t layer, size_t *begin, size_t *n)
{
    while (*begin < t->n && t->layers[*begin] != layer)
        ++*begin;
    *n = 0;
    while (*begin + *n < t->n && t->layers[*begin + *n] == layer)
        ++*n;
    return *n > 0;
}

int64_t hg_trainee_count(const hg_trainee *t)
{
    int64_t n = 0;
    for (size_t i = 0; i < t->n; i++)
        n += t->params[i].n;
    return n;
}
