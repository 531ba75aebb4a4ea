/* SPDX-License-Identifier: Apache-2.0
 *
 * train_state.c: per trained tensor NAME its value, `m.NAME` and `v.NAME`; and `state`, the bytes of a JSON
 * object, one a float: safetensors files of ours hold floats, and one file is either old or new.
 */
#include "train/train_state.h"

#include "base/memory.h"
#include "formats/json_file.h"
#include "formats/tensor_file.h"
#include "formats/tensor_writer.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#define STATE_MAX_BYTES ((size_t)1 << 16)

typedef char state_name[HG_WEIGHT_NAME_BYTES + 8];

static const char *const kinds[3] = {"", "m.", "v."};

static float *param_part(const hg_param *p, int kind)
{
    return kind == 0 ? p->value : kind == 1 ? p->m : p->v;
}

/* ---- the state as text ---- */

#define AT(member) offsetof(hg_train_state, member)

static const struct state_key {
    const char *name;
    size_t offset;
} counts[] = {{"step", AT(step)},
              {"updates", AT(updates)},
              {"cursor", AT(cursor)},
              {"bad", AT(n_bad)},
              {"cut", AT(n_cut)},
              {"skipped", AT(n_skipped)},
              {"good_run", AT(good_run)},
              {"skipped_run", AT(skipped_run)},
              {"since_best", AT(since_best)}},
  reals[] = {{"usual_loss", AT(usual_loss)}, {"best_loss", AT(best_loss)}, {"rate_scale", AT(rate_scale)}};

#define N_COUNTS (sizeof counts / sizeof *counts)
#define N_REALS (sizeof reals / sizeof *reals)

static void *state_at(const hg_train_state *s, const struct state_key *key)
{
    return (char *)(uintptr_t)s + key->offset;
}

static char *state_text(const hg_train_state *s, const char *identity)
{
    json_t *json = json_pack("{s:s}", "identity", identity);
    for (size_t i = 0; i < N_COUNTS; i++)
        json_object_set_new(json, counts[i].name, json_integer(*(int64_t *)state_at(s, &counts[i])));
    for (size_t i = 0; i < N_REALS; i++)
        json_object_set_new(json, reals[i].name, json_real(*(double *)state_at(s, &reals[i])));
    char *text = json == NULL ? NULL : hg_mem_alloc(STATE_MAX_BYTES);
    size_t n = text == NULL ? 0 : json_dumpb(json, text, STATE_MAX_BYTES - 1, JSON_COMPACT);
    json_decref(json);
    if (text != NULL)
        text[n < STATE_MAX_BYTES ? n : 0] = 0;
    return text;
}

static hg_status state_parse(const json_t *json, const char *what, hg_train_state *s, const char *identity,
                             hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    for (size_t i = 0; i < N_COUNTS && status == HG_STATUS_OK; i++)
        status = hg_json_need_int(json, what, counts[i].name, 0, INT64_MAX / 2, state_at(s, &counts[i]), err);
    for (size_t i = 0; i < N_REALS && status == HG_STATUS_OK; i++)
        status = hg_json_get_double(json, what, reals[i].name, 0, 1e300, state_at(s, &reals[i]), err);
    const char *found = json_string_value(json_object_get(json, "identity"));
    if (status == HG_STATUS_OK && (found == NULL || strcmp(found, identity) != 0))
        return hg_error_set(err, HG_STATUS_INPUT, "%s: of another run: it was '%.150s', this is '%.150s'",
                            what, found == NULL ? "" : found, identity);
    return status;
}

/* ---- saving ---- */

static hg_status write_floats_of_text(hg_tensor_writer *w, const char *text, hg_error *err)
{
    hg_status status = HG_STATUS_OK;
    for (const char *at = text; *at != 0 && status == HG_STATUS_OK; at++) {
        float value = (float)(unsigned char)*at;
        status = hg_tensor_writer_write(w, &value, sizeof value, err);
    }
    return status;
}

static hg_status write_tensors(hg_tensor_writer *w, const char *text, const hg_trainee *t, hg_error *err)
{
    hg_status status = write_floats_of_text(w, text, err);
    for (size_t i = 0; i < t->n; i++) {
        for (int kind = 0; kind < 3 && status == HG_STATUS_OK; kind++)
            status = hg_tensor_writer_write(w, param_part(&t->params[i], kind),
                                            (size_t)t->params[i].n * sizeof(float), err);
    }
    return status == HG_STATUS_OK ? hg_tensor_writer_finish(w, err) : status;
}

static hg_tensor_spec vector_spec(const char *name, int64_t n)
{
    return (hg_tensor_spec){.name = name, .dtype = HG_DTYPE_F32, .n_dims = 1, .shape = {n, 1, 1, 1}};
}

hg_status hg_train_state_save(const char *path, const hg_train_state *state, const char *identity,
                              const hg_trainee *trainee, hg_error *err)
{
    size_t n = 3 * trainee->n + 1;
    char *text = state_text(state, identity);
    hg_tensor_spec *specs = hg_mem_array(n, sizeof *specs);
    state_name *names = hg_mem_array(n, sizeof *names);
    hg_tensor_writer *w = NULL;
    hg_status status = HG_STATUS_OK;
    if (text == NULL || specs == NULL || names == NULL) {
        status = hg_error_memory(err, n * (sizeof *specs + sizeof *names), "a checkpoint");
    } else {
        specs[0] = vector_spec("state", (int64_t)strlen(text));
        for (size_t i = 1; i < n; i++) {
            snprintf(names[i], sizeof names[i], "%s%s", kinds[(i - 1) % 3], trainee->names[(i - 1) / 3]);
            specs[i] = vector_spec(names[i], trainee->params[(i - 1) / 3].n);
        }
        status = hg_safetensors_writer_create(&w, path, specs, n, err);
    }
    if (status == HG_STATUS_OK)
        status = write_tensors(w, text, trainee, err);
    hg_tensor_writer_destroy(w);
    hg_mem_free(text);
    hg_mem_free(specs);
    hg_mem_free(names);
    return status;
}

/* ---- loading ---- */

static hg_status load_text(const hg_tensor_file *file, const char *path, hg_train_state *state,
                           const char *identity, hg_error *err)
{
    const hg_tensor *floats = NULL;
    hg_status status = hg_tensor_file_need(file, "state", &floats, err);
    if (status != HG_STATUS_OK)
        return status;
    int64_t n = hg_tensor_count(floats);
    char *text = n < (int64_t)STATE_MAX_BYTES ? hg_mem_array((size_t)n + 1, 1) : NULL;
    if (text == NULL || floats->dtype != HG_DTYPE_F32) {
        hg_mem_free(text);
        return hg_error_set(err, HG_STATUS_INPUT, "%s: no checkpoint of training", path);
    }
    for (int64_t i = 0; i < n; i++)
        text[i] = (char)(unsigned char)hg_tensor_real(floats)[i];
    json_t *json = NULL;
    status = hg_json_parse(&json, path, text, (size_t)n, STATE_MAX_BYTES, err);
    if (status == HG_STATUS_OK)
        status = state_parse(json, path, state, identity, err);
    json_decref(json);
    hg_mem_free(text);
    return status;
}

static hg_status load_param(const hg_tensor_file *file, const char *path, const char *name, hg_param *p,
                            hg_error *err)
{
    for (int kind = 0; kind < 3; kind++) {
        state_name full;
        const hg_tensor *from = NULL;
        snprintf(full, sizeof full, "%s%s", kinds[kind], name);
        hg_status status = hg_tensor_file_need(file, full, &from, err);
        if (status != HG_STATUS_OK)
            return status;
        if (from->dtype != HG_DTYPE_F32 || hg_tensor_count(from) != p->n)
            return hg_error_set(err, HG_STATUS_INPUT, "%s: '%s' has %lld numbers, the model's has %lld", path,
                                full, (long long)hg_tensor_count(from), (long long)p->n);
        memcpy(param_part(p, kind), from->data, (size_t)p->n * sizeof(float));
    }
    return HG_STATUS_OK;
}

hg_status hg_train_state_load(const char *path, hg_train_state *state, const char *identity,
                              hg_trainee *trainee, hg_error *err)
{
    hg_tensor_file *file = NULL;
    hg_status status = hg_tensor_file_open(&file, path, err);
    if (status != HG_STATUS_OK)
        return status;
    status = load_text(file, path, state, identity, err);
    if (status == HG_STATUS_OK && hg_tensor_file_n_tensors(file) != 3 * trainee->n + 1)
        status = hg_error_set(err, HG_STATUS_INPUT, "%s: %zu tensors, this run has %zu", path,
                              hg_tensor_file_n_tensors(file), 3 * trainee->n + 1);
    for (size_t i = 0; i < trainee->n && status == HG_STATUS_OK; i++)
        status = load_param(file, path, trainee->names[i], &trainee->params[i], err);
    hg_tensor_file_close(file);
    return status;
}
