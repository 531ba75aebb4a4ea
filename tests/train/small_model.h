/* SPDX-License-Identifier: Apache-2.0
 *
 * small_model.h: a folder of its own for a test, with a model of random weights that is small enough to be
 * trained in seconds (16 patches an image, 64 codes a picture), pictures of one colour, and data about them.
 */
#ifndef HG_TESTS_SMALL_MODEL_H
#define HG_TESTS_SMALL_MODEL_H

#include <healthgpt/healthgpt.h>
#include <healthgpt/train.h>

#define SMALL_MODEL_CODES 64
#define SMALL_MODEL_LAYERS 2
#define SMALL_MODEL_COLOURS 8

typedef struct small_model {
    char folder[64]; /* the model is in folder/model */
} small_model;

/* Fails the test when it cannot. */
void small_model_make(small_model *m);
void small_model_remove(const small_model *m);

/* folder/name into `path` (256 bytes), which is returned. */
const char *small_model_path(const small_model *m, const char *name, char *path);

/* The colours' names; their pictures are folder/c0.png and so on. */
const char *small_model_colour(int index);

/* Writes text to folder/name. */
void small_model_write(const small_model *m, const char *name, const char *text);

/* Data for `n` colours: their names as answers; or to draw for each the picture of the next. */
void small_model_write_questions(const small_model *m, const char *name, int n);
void small_model_write_drawings(const small_model *m, const char *name, int n);

/* Settings of a run of `stage` with the data folder/data and results in folder/out; `more` are pairs of key
 * and value up to NULL. */
hg_train_settings *small_model_settings(const small_model *m, hg_train_stage stage, const char *data,
                                        const char *out, const char *const *more);

/* Puts a copy of folder/from into the model's folder under its name. */
void small_model_install(const small_model *m, const char *from);

/* The losses in folder/out/log.jsonl, one a step; returns how many. */
int small_model_losses(const small_model *m, const char *out, double *losses, int max);

#endif
