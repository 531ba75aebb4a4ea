/* SPDX-License-Identifier: Apache-2.0
 *
 * sample_pack.c: first come, first packed.
 */
#include "train/sample_pack.h"

#include "base/memory.h"

#include <assert.h>

void hg_train_sample_deinit(hg_train_sample *s)
{
    hg_prompt_deinit(&s->prompt);
    hg_mem_free(s->labels);
    *s = (hg_train_sample){0};
}

int64_t hg_train_sample_rows(const hg_train_sample *s)
{
    return s->prompt.n_items - 1;
}

bool hg_sample_pack_fits(const hg_sample_pack *p, const hg_train_sample *s)
{
    return p->n == 0 || (p->n < HG_PACK_SAMPLES && p->samples[0].task == s->task &&
                         p->begin[p->n] + hg_train_sample_rows(s) <= HG_PACK_ROWS);
}

void hg_sample_pack_add(hg_sample_pack *p, const hg_train_sample *s)
{
    assert(hg_sample_pack_fits(p, s));
    p->samples[p->n++] = *s;
    p->begin[p->n] = p->begin[p->n - 1] + hg_train_sample_rows(s);
}

void hg_sample_pack_reset(hg_sample_pack *p)
{
    for (int64_t i = 0; i < p->n; i++)
        hg_train_sample_deinit(&p->samples[i]);
    p->n = 0;
}
