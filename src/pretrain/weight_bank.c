/* SPDX-License-Identifier: Apache-2.0
 *
 * weight_bank.c: a list that grows during the first load and is then fixed.
 */
#include "pretrain/weight_bank.h"

#include "base/file.h"
#include "base/memory.h"
#include "formats/tensor_writer.h"

#include <string.h>

#define BANK_BLOCK ((size_t)1 << 20)
#define BANK_MAX ((size_t)1 << 40)
/* Numbers that are converted at a time when a file is written. */
#define WRITE_PIECE 4096

void hg_weight_bank_init(hg_weight_bank *bank, hg_bank_init_fn init, void *user, uint64_t seed)
{
    *bank = (hg_weight_bank){.init = init, .init_user = user, .seed = seed};
    hg_arena_init(&bank->arena, BANK_BLOCK, BANK_MAX);
}

void hg_weight_bank_deinit(hg_weight_bank *bank)
{
    hg_arena_deinit(&bank->arena);
    hg_mem_free(bank->entries);
    hg_mem_free(bank->params);
    *bank = (hg_weight_bank){0};
}

hg_bank_entry *hg_weight_bank_find(const hg_weight_bank *bank, const char *name)
{
    for (size_t i = 0; i < bank->n; i++) {
        if (strcmp(bank->entries[i].name, name) == 0)
            return &bank->entries[i];
    }
    return NULL;
}

hg_param *hg_weight_bank_param(const hg_weight_bank *bank, const char *name)
{
    const hg_bank_entry *entry = hg_weight_bank_find(bank, name);
    return entry == NULL ? NULL : &bank->params[entry - bank->entries];
}

static hg_status bank_reserve(hg_weight_bank *bank, hg_error *err)
{
    if (bank->n < bank->capacity)
        return HG_STATUS_OK;
    size_t capacity = bank->capacity == 0 ? 64 : 2 * bank->capacity;
    hg_bank_entry *entries = hg_mem_resize(bank->entries, capacity, sizeof *entries);
    if (entries != NULL)
        bank->entries = entries;
    hg_param *params = hg_mem_resize(bank->params, capacity, sizeof *params);
    if (params != NULL)
        bank->params = params;
    if (entries == NULL || params == NULL)
        return hg_error_memory(err, capacity * sizeof *entries, "the list of weights");
    bank->capacity = capacity;
    return HG_STATUS_OK;
}

/* A number of a name (FNV-1a). */
static uint64_t name_number(const char *name)
{
    uint64_t hash = 14695981039346656037U;
    for (; *name != 0; name++)
        hash = (hash ^ (uint64_t)(unsigned char)*name) * 1099511628211U;
    return hash;
}

static hg_status bank_add(hg_weight_bank *bank, const char *name, int n_dims, const int64_t *shape,
                          hg_error *err)
{
    hg_status status = bank_reserve(bank, err);
    if (status != HG_STATUS_OK)
        return status;
    hg_bank_entry *entry = &bank->entries[bank->n];
    *entry = (hg_bank_entry){.offset = bank->count};
    if (strlen(name) >= sizeof entry->name)
        return hg_error_set(err, HG_STATUS_FAILED, "a tensor's name of %zu bytes", strlen(name));
    memcpy(entry->name, name, strlen(name) + 1);
    entry->tensor = hg_tensor_make(HG_DTYPE_F32, n_dims, shape, NULL);
    int64_t n = hg_tensor_count(&entry->tensor);
    float *value = hg_arena_array(&bank->arena, (size_t)n, sizeof *value);
    if (value == NULL)
        return hg_error_memory(err, (unsigned long long)n * sizeof *value, name);
    entry->tensor.data = value;
    hg_rng rng;
    hg_rng_init(&rng, bank->seed * 0x9e3779b97f4a7c15U + name_number(name));
    int group = (int)bank->init(bank->init_user, name, &entry->tensor, &rng);
    bank->params[bank->n++] = (hg_param){.value = value, .n = n, .group = group};
    bank->count += n;
    return HG_STATUS_OK;
}

static hg_status bank_make(void *user, const char *name, int n_dims, const int64_t *shape,
                           const hg_tensor **out, hg_error *err)
{
    hg_bank_view *view = user;
    hg_weight_bank *bank = view->bank;
    const hg_bank_entry *entry = hg_weight_bank_find(bank, name);
    if (entry == NULL && !bank->sealed) {
        hg_status status = bank_add(bank, name, n_dims, shape, err);
        if (status != HG_STATUS_OK)
            return status;
        entry = &bank->entries[bank->n - 1];
    }
    if (entry == NULL)
        return hg_error_set(err, HG_STATUS_FAILED, "a new model: tensor '%s' was not asked for at first",
                            name);
    view->last = entry->tensor;
    view->last.grad = view->grads == NULL ? NULL : view->grads + entry->offset;
    *out = &view->last;
    return HG_STATUS_OK;
}

hg_status hg_weight_bank_open(hg_bank_view *view, hg_tensor_set **out, hg_error *err)
{
    return hg_tensor_set_open_maker(out, bank_make, view, err);
}

hg_status hg_weight_bank_seal(hg_weight_bank *bank, hg_error *err)
{
    float *m = hg_arena_array(&bank->arena, (size_t)bank->count, sizeof *m);
    float *v = hg_arena_array(&bank->arena, (size_t)bank->count, sizeof *v);
    if (m == NULL || v == NULL)
        return hg_error_memory(err, 2 * (unsigned long long)bank->count * sizeof *m,
                               "the optimiser's moments");
    for (size_t i = 0; i < bank->n; i++) {
        bank->params[i].m = m + bank->entries[i].offset;
        bank->params[i].v = v + bank->entries[i].offset;
    }
    bank->sealed = true;
    return HG_STATUS_OK;
}

void hg_weight_bank_set_grads(hg_weight_bank *bank, float *grads)
{
    for (size_t i = 0; i < bank->n; i++)
        bank->params[i].grad = grads + bank->entries[i].offset;
}

/* ---- files ---- */

static bool is_state(const char *name)
{
    return strncmp(name, HG_BANK_STATE, strlen(HG_BANK_STATE)) == 0;
}

static hg_status write_entry(hg_tensor_writer *w, const hg_bank_entry *entry, hg_dtype type, hg_error *err)
{
    float stored[WRITE_PIECE];
    int64_t n = hg_tensor_count(&entry->tensor);
    const float *values = hg_tensor_real(&entry->tensor);
    hg_status status = HG_STATUS_OK;
    for (int64_t i = 0; i < n && status == HG_STATUS_OK; i += WRITE_PIECE) {
        int64_t part = n - i < WRITE_PIECE ? n - i : WRITE_PIECE;
        hg_dtype_from_real(type, part, values + i, stored);
        status = hg_tensor_writer_write(w, stored, hg_dtype_span(type, part), err);
    }
    return status;
}

static hg_status write_all(const hg_weight_bank *bank, hg_tensor_writer *w, hg_dtype type, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; i < bank->n && status == HG_STATUS_OK; i++) {
        if (!is_state(bank->entries[i].name))
            status = write_entry(w, &bank->entries[i], type, err);
    }
    return status == HG_STATUS_OK ? hg_tensor_writer_finish(w, err) : status;
}

hg_status hg_weight_bank_write(const hg_weight_bank *bank, const char *folder, const char *name,
                               hg_bank_file kind, hg_dtype type, hg_error *err)
{
    char path[HG_PATH_BYTES];
    hg_tensor_spec *specs = hg_mem_array(bank->n + 1, sizeof *specs);
    if (specs == NULL)
        return hg_error_memory(err, bank->n * sizeof *specs, "the list of weights");
    size_t n = 0;
    for (size_t i = 0; i < bank->n; i++) {
        const hg_bank_entry *entry = &bank->entries[i];
        if (is_state(entry->name))
            continue;
        specs[n] = (hg_tensor_spec){.name = entry->name, .dtype = type, .n_dims = entry->tensor.n_dims};
        memcpy(specs[n++].shape, entry->tensor.shape, sizeof entry->tensor.shape);
    }
    hg_tensor_writer *w = NULL;
    hg_status status = hg_path_join(path, folder, name, err);
    if (status == HG_STATUS_OK)
        status = kind == HG_BANK_TORCH ? hg_torch_writer_create(&w, path, "archive", specs, n, err)
                                       : hg_safetensors_writer_create(&w, path, specs, n, err);
    if (status == HG_STATUS_OK)
        status = write_all(bank, w, type, err);
    hg_tensor_writer_destroy(w);
    hg_mem_free(specs);
    return status;
}

/* ---- first values ---- */

void hg_bank_fill_normal(const hg_tensor *tensor, double deviation, hg_rng *rng)
{
    float *x = hg_tensor_real(tensor);
    for (int64_t i = 0; i < hg_tensor_count(tensor); i++)
        x[i] = (float)(deviation * hg_rng_normal(rng));
}

void hg_bank_fill_uniform(const hg_tensor *tensor, double bound, hg_rng *rng)
{
    float *x = hg_tensor_real(tensor);
    for (int64_t i = 0; i < hg_tensor_count(tensor); i++)
        x[i] = (float)(bound * (2 * hg_rng_uniform(rng) - 1));
}

void hg_bank_fill(const hg_tensor *tensor, float value)
{
    float *x = hg_tensor_real(tensor);
    for (int64_t i = 0; i < hg_tensor_count(tensor); i++)
        x[i] = value;
}

bool hg_bank_name_ends(const char *name, const char *end)
{
    size_t n = strlen(name), m = strlen(end);
    return n >= m && strcmp(name + n - m, end) == 0;
}
