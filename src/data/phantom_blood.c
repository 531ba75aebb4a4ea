/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_blood.c: places cells without too much overlap, then colours each pixel by the cells above it.
 */
#include "data/phantom_blood.h"

#include "data/phantom_shape.h"

#include <stdbool.h>

#define BLOOD_MAX_CELLS 160

typedef enum cell_kind { CELL_RED, CELL_WHITE, CELL_PLATELET } cell_kind;

typedef struct cell {
    cell_kind kind;
    float x, y, r;           /* in parts of the picture's side */
    float stretch, sin, cos; /* of its outline */
    float tone;
    hg_vec3 lobes[4]; /* of a white cell's nucleus: place and radius */
    int n_lobes;
} cell;

typedef struct smear {
    cell cells[BLOOD_MAX_CELLS];
    int n;
} smear;

static bool is_free(const smear *s, float x, float y, float r)
{
    for (int i = 0; i < s->n; i++) {
        float dx = x - s->cells[i].x, dy = y - s->cells[i].y, reach = 0.85f * (r + s->cells[i].r);
        if (dx * dx + dy * dy < reach * reach)
            return false;
    }
    return true;
}

static void make_lobes(cell *c, hg_rng *rng)
{
    c->n_lobes = 1 + hg_phantom_pick(rng, 4);
    for (int i = 0; i < c->n_lobes; i++) {
        float turn = hg_phantom_range(rng, -3.1f, 3.1f), far = c->n_lobes == 1 ? 0.1f : 0.42f;
        c->lobes[i] = (hg_vec3){far * c->r * hg_phantom_cos(turn), far * c->r * hg_phantom_sin(turn),
                                c->r * (c->n_lobes == 1 ? 0.72f : hg_phantom_range(rng, 0.36f, 0.48f))};
    }
}

static int place(smear *s, cell_kind kind, int wanted, float r, hg_rng *rng)
{
    int made = 0;
    for (int tries = 0; tries < 60 * wanted && made < wanted && s->n < BLOOD_MAX_CELLS; tries++) {
        float x = hg_phantom_range(rng, 0.02f, 0.98f), y = hg_phantom_range(rng, 0.02f, 0.98f);
        float own = r * hg_phantom_range(rng, 0.88f, 1.12f), turn = hg_phantom_range(rng, 0, 3.1f);
        if (!is_free(s, x, y, own))
            continue;
        cell *c = &s->cells[s->n++];
        *c = (cell){.kind = kind,
                    .x = x,
                    .y = y,
                    .r = own,
                    .stretch = hg_phantom_range(rng, 0.88f, 1.0f),
                    .sin = hg_phantom_sin(turn),
                    .cos = hg_phantom_cos(turn),
                    .tone = hg_phantom_range(rng, 0.9f, 1.1f)};
        make_lobes(c, rng);
        made++;
    }
    return made;
}

static void mix(float rgb[3], float r, float g, float b, float part)
{
    rgb[0] += part * (r - rgb[0]);
    rgb[1] += part * (g - rgb[1]);
    rgb[2] += part * (b - rgb[2]);
}

/* Colours a point, at (dx, dy) from the cell's middle; `soft` is the width of edges. */
static void paint(float rgb[3], const cell *c, float dx, float dy, float soft)
{
    float u = c->cos * dx + c->sin * dy, v = (c->cos * dy - c->sin * dx) / c->stretch;
    float d = sqrtf(u * u + v * v), inside = 1.0f - hg_phantom_step(d, c->r - soft, c->r + soft);
    if (inside <= 0)
        return;
    if (c->kind == CELL_RED) {
        float pale = 1.0f - hg_phantom_step(d / c->r, 0.15f, 0.72f);
        mix(rgb, 0.86f * c->tone, 0.55f + 0.22f * pale, 0.56f + 0.22f * pale, 0.9f * inside);
        return;
    }
    if (c->kind == CELL_PLATELET) {
        mix(rgb, 0.60f, 0.42f, 0.70f * c->tone, 0.85f * inside);
        return;
    }
    mix(rgb, 0.78f, 0.72f, 0.86f, 0.95f * inside);
    for (int i = 0; i < c->n_lobes; i++) {
        float x = dx - c->lobes[i].x, y = dy - c->lobes[i].y, r = c->lobes[i].z;
        mix(rgb, 0.36f * c->tone, 0.20f, 0.58f,
            0.95f * (1.0f - hg_phantom_step(sqrtf(x * x + y * y), r - soft, r + soft)));
    }
}

hg_blood_counts hg_phantom_blood(uint8_t *out, int size, hg_rng *rng)
{
    smear s = {.n = 0};
    hg_blood_counts counts;
    float r = hg_phantom_range(rng, 0.050f, 0.062f);
    float light[3] = {hg_phantom_range(rng, 0.90f, 0.97f), hg_phantom_range(rng, 0.86f, 0.93f),
                      hg_phantom_range(rng, 0.86f, 0.94f)};
    uint64_t key = hg_rng_next(rng);
    counts.white = place(&s, CELL_WHITE, hg_phantom_pick(rng, 5), 2.0f * r, rng);
    counts.platelets = place(&s, CELL_PLATELET, hg_phantom_pick(rng, 8), 0.36f * r, rng);
    counts.red = place(&s, CELL_RED, 12 + hg_phantom_pick(rng, 40), r, rng);
    float pixel = 1.0f / (float)size;
    for (int i = 0; i < size * size; i++) {
        float x = ((float)(i % size) + 0.5f) * pixel, y = ((float)(i / size) + 0.5f) * pixel;
        float rgb[3] = {light[0], light[1], light[2]};
        for (int k = s.n - 1; k >= 0; k--)
            paint(rgb, &s.cells[k], x - s.cells[k].x, y - s.cells[k].y, 0.9f * pixel);
        for (int c = 0; c < 3; c++) {
            float noise = 0.012f * hg_phantom_normal(hg_phantom_hash(key, (uint64_t)(3 * i + c)));
            out[3 * i + c] = (uint8_t)(hg_phantom_clamp(rgb[c] + noise, 0, 1) * 255.0f + 0.5f);
        }
    }
    return counts;
}
