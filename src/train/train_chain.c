/* SPDX-License-Identifier: Apache-2.0
 *
 * train_chain.c: the stages one after the other. What a stage begins with is found in the folders of the
 * stages before it, so a chain has no state of its own: it can be ended at any moment and continued.
 */
#include "base/memory.h"
#include "train/chain_record.h"
#include "train/train_job.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* Parts that are handed on. */
typedef struct chain_part {
    const char *file;
    size_t path; /* the setting that names it */
} chain_part;

static const chain_part parts[] = {
    {"com_hlora_weights.bin", offsetof(hg_train_settings, com)},
    {"gen_hlora_weights.bin", offsetof(hg_train_settings, gen)},
    {"fusion_layer_weights.bin", offsetof(hg_train_settings, fusion)},
};

static bool path_exists(char out[HG_PATH_BYTES], const char *folder, const char *name)
{
    return hg_path_join(out, folder, name, NULL) == HG_STATUS_OK && hg_file_exists(out);
}

/* A stage's file: the best one when validation chose, else the last. */
static bool find_result(char out[HG_PATH_BYTES], const char *folder, const char *name)
{
    char best[HG_PATH_BYTES];
    return (hg_path_join(best, folder, "best", NULL) == HG_STATUS_OK && path_exists(out, best, name)) ||
           path_exists(out, folder, name);
}

/* Settings of stage `n` as a run of its own: results in OUT/STAGE, codes of pictures shared, parts from the
 * latest stage before it that has them. */
static hg_status prepare_stage(hg_train_settings *s, int n, hg_error *err)
{
    char root[HG_PATH_BYTES], folder[HG_PATH_BYTES], found[HG_PATH_BYTES];
    memcpy(root, s->out, sizeof root);
    hg_status status = hg_path_join(s->out, root, hg_train_stage_name((hg_train_stage)n), err);
    if (status == HG_STATUS_OK && s->cache[0] == 0)
        status = hg_path_join(s->cache, root, "codes", err);
    for (int earlier = 0; earlier < n && status == HG_STATUS_OK; earlier++) {
        status = hg_path_join(folder, root, hg_train_stage_name((hg_train_stage)earlier), err);
        for (size_t i = 0; i < sizeof parts / sizeof *parts && status == HG_STATUS_OK; i++) {
            char *path = (char *)s + parts[i].path;
            if (find_result(found, folder, parts[i].file))
                memcpy(path, found, HG_PATH_BYTES);
        }
    }
    return status;
}

static void chain_note(const hg_train_listener *l, const hg_reduce *reduce, const char *text)
{
    if (l != NULL && l->on_note != NULL && hg_reduce_get_rank(reduce) == 0)
        l->on_note(l->user, text);
}

/* Whether the first process finds the stage finished. */
static hg_status is_finished(const hg_train_settings *s, hg_reduce *reduce, bool *finished, hg_error *err)
{
    char path[HG_PATH_BYTES];
    *finished = s->resume == 1 && path_exists(path, s->out, HG_TRAIN_FINISHED);
    return hg_reduce_broadcast(reduce, finished, sizeof *finished, 0, err);
}

/* Only a stage that was begun can end where it is; the others are trained. */
static hg_status choose_finish(hg_train_settings *s, hg_reduce *reduce, hg_error *err)
{
    char path[HG_PATH_BYTES];
    bool begun = path_exists(path, s->out, HG_TRAIN_CHECKPOINT);
    hg_status status = hg_reduce_broadcast(reduce, &begun, sizeof begun, 0, err);
    s->finish = s->finish == 1 && begun;
    return status;
}

/* What the stage is made from, on record in its folder. */
static hg_status keep_record(const hg_train_settings *s, hg_error *err)
{
    hg_buffer record;
    hg_buffer_init(&record, HG_CHAIN_RECORD_MAX_BYTES);
    hg_status status = hg_train_settings_format(s, &record)
                           ? HG_STATUS_OK
                           : hg_error_memory(err, record.max_bytes, "the record of a stage");
    if (status == HG_STATUS_OK)
        status = hg_chain_record_add_file(&record, "data", s->data, err);
    if (status == HG_STATUS_OK)
        status = hg_chain_record_add_file(&record, "validation", s->validation, err);
    if (status == HG_STATUS_OK)
        status = hg_chain_record_keep(s->out, HG_TRAIN_FINISHED, &record, s->resume == 1, err);
    hg_buffer_deinit(&record);
    return status;
}

/* A copy, since preparing changes paths; parts that the settings name themselves stay. */
static hg_status run_stage(const hg_train_settings *given, int n, hg_reduce *reduce,
                           const hg_train_listener *listener, hg_train_result *result, hg_error *err)
{
    char text[64];
    const char *name = hg_train_stage_name((hg_train_stage)n);
    hg_train_settings *s = hg_mem_alloc(sizeof *s);
    bool finished = false;
    if (s == NULL)
        return hg_error_memory(err, sizeof *s, "the settings of training");
    *s = *given;
    hg_status status = prepare_stage(s, n, err);
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        if (((const char *)given + parts[i].path)[0] != 0)
            memcpy((char *)s + parts[i].path, (const char *)given + parts[i].path, HG_PATH_BYTES);
    }
    if (status == HG_STATUS_OK && hg_reduce_get_rank(reduce) == 0)
        status = keep_record(s, err);
    status = hg_reduce_agree(reduce, status, err);
    if (status == HG_STATUS_OK)
        status = is_finished(s, reduce, &finished, err);
    if (status == HG_STATUS_OK)
        status = choose_finish(s, reduce, err);
    if (status == HG_STATUS_OK) {
        snprintf(text, sizeof text, "stage %s%s", name, finished ? " was finished before" : " begins");
        chain_note(listener, reduce, text);
    }
    if (status == HG_STATUS_OK && !finished)
        status = hg_train_run_joined(s, reduce, listener, result, err);
    if (status != HG_STATUS_OK && !finished)
        hg_error_prefix(err, status, "stage %s", name);
    hg_mem_free(s);
    return status;
}

static hg_status check_chain(hg_train_settings *const settings[HG_TRAIN_CHAIN_COUNT], hg_error *err)
{
    bool any = false;
    for (int n = 0; n < HG_TRAIN_CHAIN_COUNT; n++) {
        if (settings[n]->stage != (hg_train_stage)n || strcmp(settings[n]->out, settings[0]->out) != 0)
            return hg_error_set(err, HG_STATUS_USAGE,
                                "training all stages: their settings must be in order and have one `out`");
        any = any || settings[n]->data[0] != 0;
    }
    if (settings[0]->out[0] == 0)
        return hg_error_set(err, HG_STATUS_USAGE, "training: 'out' is not set");
    return any ? HG_STATUS_OK
               : hg_error_set(err, HG_STATUS_USAGE, "training: 'data' is not set for any stage");
}

hg_status hg_train_run_all(hg_train_settings *const settings[HG_TRAIN_CHAIN_COUNT],
                           const hg_train_listener *listener, hg_train_result results[HG_TRAIN_CHAIN_COUNT],
                           hg_error *err)
{
    hg_reduce *reduce;
    hg_status status = check_chain(settings, err);
    if (status == HG_STATUS_OK)
        status = hg_reduce_open(&reduce, err);
    if (status != HG_STATUS_OK)
        return status;
    for (int n = 0; n < HG_TRAIN_CHAIN_COUNT; n++)
        results[n] = (hg_train_result){.process = hg_reduce_get_rank(reduce)};
    for (int n = 0; n < HG_TRAIN_CHAIN_COUNT && status == HG_STATUS_OK; n++) {
        char text[96];
        snprintf(text, sizeof text, "stage %s has no data and is left out",
                 hg_train_stage_name((hg_train_stage)n));
        if (settings[n]->data[0] == 0)
            chain_note(listener, reduce, text);
        else
            status = run_stage(settings[n], n, reduce, listener, &results[n], err);
    }
    hg_reduce_close(reduce);
    return status;
}
