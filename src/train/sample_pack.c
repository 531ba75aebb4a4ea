/* SPDX-License-Identifier: Apache-2.0
 *
 * sample_pack.c: first come, first packed. A sample is compared with the last one that has all of its rows
 * itself.
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

static int64_t least(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Rows that a sample of a pack that is not empty would not need itself: as far as both are the same and
 * neither has a label; one at least is its own. Without a picture they are too few to be worth it. */
static int64_t pack_common(const hg_sample_pack *p, const hg_train_sample *s)
{
    if (!p->shares)
        return 0;
    const hg_train_sample *first = &p->samples[p->owner[p->n - 1]];
    int64_t n = least(hg_prompt_common(&first->prompt, &s->prompt),
                      least(hg_train_sample_rows(first), hg_train_sample_rows(s) - 1));
    bool picture = false;
    for (int64_t i = 0; i < n; i++) {
        if (first->labels[i] >= 0 || s->labels[i] >= 0)
            n = i;
        else
            picture |= s->prompt.items[i].id == HG_PROMPT_IMAGE;
    }
    return picture ? n : 0;
}

bool hg_sample_pack_fits(const hg_sample_pack *p, const hg_train_sample *s)
{
    return p->n == 0 || (p->n < HG_PACK_SAMPLES && p->samples[0].task == s->task &&
                         p->begin[p->n] + hg_train_sample_rows(s) - pack_common(p, s) <= HG_PACK_ROWS);
}

/* Images that begin in the first n positions. */
static int64_t count_images(const hg_prompt *prompt, int64_t n)
{
    int64_t count = 0;
    for (int64_t i = 0; i < n; i++)
        count += prompt->items[i].id == HG_PROMPT_IMAGE && prompt->items[i].row == 0;
    return count;
}

void hg_sample_pack_add(hg_sample_pack *p, const hg_train_sample *s)
{
    assert(hg_sample_pack_fits(p, s));
    int64_t i = p->n, shared = i == 0 ? 0 : pack_common(p, s);
    p->samples[i] = *s;
    p->owner[i] = shared == 0 ? i : p->owner[i - 1];
    p->prefix[i] = (hg_prefix){shared == 0 ? 0 : p->begin[p->owner[i]], shared};
    p->n_shared_images[i] = count_images(&s->prompt, shared);
    p->begin[i + 1] = p->begin[i] + hg_train_sample_rows(s) - shared;
    p->image[i + 1] = p->image[i] + s->prompt.n_images - p->n_shared_images[i];
    p->n++;
}

int64_t hg_sample_pack_position(const hg_sample_pack *p, int64_t i, int64_t row)
{
    return p->prefix[i].n + row - p->begin[i];
}

int32_t hg_sample_pack_label(const hg_sample_pack *p, int64_t i, int64_t row)
{
    return p->samples[i].labels[hg_sample_pack_position(p, i, row)];
}

int64_t hg_sample_pack_image(const hg_sample_pack *p, int64_t i, int64_t k)
{
    return k < p->n_shared_images[i] ? p->image[p->owner[i]] + k : p->image[i] + k - p->n_shared_images[i];
}

void hg_sample_pack_reset(hg_sample_pack *p)
{
    for (int64_t i = 0; i < p->n; i++)
        hg_train_sample_deinit(&p->samples[i]);
    p->n = 0;
}
