/* SPDX-License-Identifier: Apache-2.0
 *
 * weight_bank.h: all weights of a model that is begun from nothing, as parameters of the optimiser. What the
 * model consists of is said by the code that loads it: its first load asks the bank for every tensor by name
 * and shape, and the bank makes it. Then the bank is sealed, and every further load, one for each shard of a
 * step, gets the same values with gradients of its own.
 *
 * Tensors whose name begins with HG_BANK_STATE are part of the checkpoint but not of the model's files.
 */
#ifndef HG_PRETRAIN_WEIGHT_BANK_H
#define HG_PRETRAIN_WEIGHT_BANK_H

#include "base/rng.h"
#include "formats/tensor_file.h"
#include "model/weights.h"
#include "train/param.h"

#define HG_BANK_STATE "train."

/* Groups of the optimiser. */
typedef enum hg_bank_group {
    HG_BANK_GROUP_MATRIX, /* weight decay */
    HG_BANK_GROUP_VECTOR, /* norms, biases, single rows: none */
    HG_BANK_GROUP_FIXED   /* not moved by the optimiser */
} hg_bank_group;

#define HG_BANK_GROUP_COUNT 3

/* Fills the first values of a tensor, which are zero, and says to which group it belongs. `rng` depends on
 * seed and name alone. */
typedef hg_bank_group (*hg_bank_init_fn)(void *user, const char *name, const hg_tensor *tensor, hg_rng *rng);

typedef struct hg_bank_entry {
    char name[HG_WEIGHT_NAME_BYTES];
    hg_tensor tensor; /* f32; its data are the value */
    int64_t offset;   /* in a block of gradients */
} hg_bank_entry;

typedef struct hg_weight_bank {
    hg_arena arena;
    hg_bank_entry *entries; /* in the order of the first load */
    hg_param *params;       /* beside them; grad is in the first shard's block */
    size_t n, capacity;
    int64_t count; /* numbers in all */
    bool sealed;
    hg_bank_init_fn init;
    void *init_user;
    uint64_t seed;
} hg_weight_bank;

void hg_weight_bank_init(hg_weight_bank *bank, hg_bank_init_fn init, void *user, uint64_t seed);
void hg_weight_bank_deinit(hg_weight_bank *bank);

/* What a set made from a bank needs; it must outlive the set. */
typedef struct hg_bank_view {
    hg_weight_bank *bank;
    float *grads;   /* bank->count numbers; NULL: tensors without gradients */
    hg_tensor last; /* what was handed out last */
} hg_bank_view;

/* A set that makes tensors (before the bank is sealed) or hands them out. */
hg_status hg_weight_bank_open(hg_bank_view *view, hg_tensor_set **out, hg_error *err) HG_MUST_CHECK;

/* No more tensors; moments and the gradients of the parameters, which are those in `grads` (bank->count
 * numbers), are there now. */
hg_status hg_weight_bank_seal(hg_weight_bank *bank, hg_error *err) HG_MUST_CHECK;
void hg_weight_bank_set_grads(hg_weight_bank *bank, float *grads);

/* The entry of that name; NULL when there is none. */
hg_bank_entry *hg_weight_bank_find(const hg_weight_bank *bank, const char *name);
hg_param *hg_weight_bank_param(const hg_weight_bank *bank, const char *name);

typedef enum hg_bank_file { HG_BANK_SAFETENSORS, HG_BANK_TORCH } hg_bank_file;

/* Writes the model's tensors to `folder`/`name` in F32, F16 or BF16. */
hg_status hg_weight_bank_write(const hg_weight_bank *bank, const char *folder, const char *name,
                               hg_bank_file kind, hg_dtype type, hg_error *err) HG_MUST_CHECK;

/* Common first values: normal with this deviation; uniform in -bound..bound; all the same. */
void hg_bank_fill_normal(const hg_tensor *tensor, double deviation, hg_rng *rng);
void hg_bank_fill_uniform(const hg_tensor *tensor, double bound, hg_rng *rng);
void hg_bank_fill(const hg_tensor *tensor, float value);

/* Whether `name` ends with `end`. */
bool hg_bank_name_ends(const char *name, const char *end);

#endif
