/* SPDX-License-Identifier: Apache-2.0
 *
 * test_pretrain_vq.c: the picture autoencoder from nothing: it learns a few pictures by heart, the written
 * files are a model that draws them, runs are repeatable.
 */
#include "pretrain/pretrain_data.h"

#include "model/vqgan.h"
#include "pretrain/picture_score.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const char *const small[] = {"size",   "32", "channels", "8",  "multipliers", "1,2", "groups", "4",
                                    "blocks", "1",  "codes",    "64", "batch",       "8",   NULL};

/* `small` and more pairs. */
static const char *const *with(const char *const *more)
{
    static const char *all[64];
    size_t n = 0;
    for (size_t i = 0; small[i] != NULL; i++)
        all[n++] = small[i];
    for (size_t i = 0; more[i] != NULL; i++)
        all[n++] = more[i];
    all[n] = NULL;
    return all;
}

static void test_overfit(void **state)
{
    (void)state;
    pretrain_data d;
    hg_pretrain_result result;
    pretrain_data_make(&d);
    const char *const more[] = {"steps", "300", "lr", "3e-3", "flip", "no", NULL};
    hg_pretrain_settings *s = pretrain_data_settings(&d, HG_PRETRAIN_STAGE_VQ, "out", with(more));
    pretrain_data_run(s, &result);
    hg_pretrain_settings_destroy(s);
    assert_int_equal(result.n_steps, 300);
    assert_int_equal(result.n_items, PRETRAIN_PICTURES);
    assert_true(result.last_loss < result.first_loss / 5);
