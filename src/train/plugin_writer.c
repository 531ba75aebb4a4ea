/* SPDX-License-Identifier: Apache-2.0
 *
 * plugin_writer.c: collects names and tensors, then converts and writes them piece by piece.
 */
#include "train/plugin_writer.h"

#include "base/file.h"
#include "base/memory.h"
#include "formats/tensor_writer.h"
#include "train/plugin_names.h"

#include <stdio.h>
#include <string.h>

/* Numbers that are converted at a time; whole blocks of every type. */
#define WRITE_PIECE 4096

typedef struct writer_list {
    hg_tensor_spec *specs;
    char (*names)[HG_WEIGHT_NAME_BYTES];
    const hg_tensor **tensors;
    size_t n, capacity;
    hg_dtype type;
} writer_list;

static hg_status list_init(writer_list *list, size_t capacity, hg_dtype type, hg_error *err)
{
    *list = (writer_list){.capacity = capacity, .type = type};
    list->specs = hg_mem_array(capacity, sizeof *list->specs);
    list->names = hg_mem_array(capacity, sizeof *list->names);
    list->tensors = hg_mem_array(capacity, sizeof(hg_tensor *));
    if (list->specs != NULL && list->names != NULL && list->tensors != NULL)
        return HG_STATUS_OK;
    return hg_error_memory(err, capacity * sizeof *list->specs, "writing a plug-in");
}

static void list_deinit(writer_list *list)
{
    hg_mem_free(list->specs);
    hg_mem_free(list->names);
    hg_mem_free(list->tensors);
}

static hg_status list_push(void *user, const char *name, hg_tensor *tensor, hg_error *err)
{
    writer_list *list = user;
    if (list->n == list->capacity)
        return hg_error_set(err, HG_STATUS_FAILED, "a plug-in of more than %zu tensors", list->capacity);
    snprintf(list->names[list->n], sizeof *list->names, "%s", name);
    hg_tensor_spec *spec = &list->specs[list->n];
    *spec = (hg_tensor_spec){.name = list->names[list->n], .dtype = list->type, .n_dims = tensor->n_dims};
    memcpy(spec->shape, tensor->shape, sizeof spec->shape);
    list->tensors[list->n++] = tensor;
    return HG_STATUS_OK;
}

static hg_status write_tensor(hg_tensor_writer *w, const hg_tensor *t, hg_dtype type, hg_error *err)
{
    float values[WRITE_PIECE], stored[WRITE_PIECE];
    int64_t n = hg_tensor_count(t);
    hg_status status = HG_STATUS_OK;
    for (int64_t i = 0; i < n && status == HG_STATUS_OK; i += WRITE_PIECE) {
        int64_t part = n - i < WRITE_PIECE ? n - i : WRITE_PIECE;
        hg_dtype_to_real(t->dtype, part, hg_tensor_at(t, i), values);
        hg_dtype_from_real(type, part, values, stored);
        status = hg_tensor_writer_write(w, stored, hg_dtype_span(type, part), err);
    }
    return status;
}

static hg_status list_write(const writer_list *list, const char *folder, const char *name, const char *root,
                            hg_error *err)
{
    char path[HG_PATH_BYTES];
    hg_tensor_writer *w = NULL;
    hg_status status = hg_path_join(path, folder, name, err);
    if (status == HG_STATUS_OK)
        status = hg_torch_writer_create(&w, path, root, list->specs, list->n, err);
    for (size_t i = 0; i < list->n && status == HG_STATUS_OK; i++)
        status = write_tensor(w, list->tensors[i], list->type, err);
    if (status == HG_STATUS_OK)
        status = hg_tensor_writer_finish(w, err);
    hg_tensor_writer_destroy(w);
    return status;
}

hg_status hg_plugin_write(const char *folder, hg_healthgpt *model, hg_task task, hg_dtype type, hg_error *err)
{
    writer_list list;
    hg_plugin *plugin = &model->tasks[task].plugin;
    hg_status status = list_init(&list, (size_t)plugin->n_layers * HG_SLOT_COUNT * 3 + 4, type, err);
    if (status == HG_STATUS_OK)
        status = hg_plugin_visit(plugin, &model->decoder.config, list_push, &list, err);
    const char *name = task == HG_TASK_COMPREHENSION ? "com_hlora_weights.bin" : "gen_hlora_weights.bin";
    if (status == HG_STATUS_OK)
        status = list_write(&list, folder, name, "adapter_model", err);
    list_deinit(&list);
    return status;
}

hg_status hg_fusion_write(const char *folder, hg_healthgpt *model, hg_dtype type, hg_error *err)
{
    writer_list list;
    hg_task_parts *parts = &model->tasks[HG_TASK_GENERATION];
    hg_status status = list_init(&list, 2, type, err);
    if (status == HG_STATUS_OK)
        status = list_push(&list, HG_FUSION_EMBED_NAME, &parts->embed, err);
    if (status == HG_STATUS_OK)
        status = list_push(&list, HG_FUSION_HEAD_NAME, &parts->head, err);
    if (status == HG_STATUS_OK)
        status = list_write(&list, folder, "fusion_layer_weights.bin", "non_lora_trainables", err);
    list_deinit(&list);
    return status;
}
