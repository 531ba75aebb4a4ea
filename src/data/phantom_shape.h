/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_shape.h: distances, in mm, from a point to simple bodies; negative inside. Those of ellipsoids are
 * approximations, exact on the surface and good near it.
 */
#ifndef HG_DATA_PHANTOM_SHAPE_H
#define HG_DATA_PHANTOM_SHAPE_H

#include "data/phantom_random.h"

#include <math.h>

typedef struct hg_vec3 {
    float x, y, z;
} hg_vec3;

static inline hg_vec3 hg_vec3_sub(hg_vec3 a, hg_vec3 b)
{
    return (hg_vec3){a.x - b.x, a.y - b.y, a.z - b.z};
}

static inline float hg_vec3_dot(hg_vec3 a, hg_vec3 b)
{
    return a.x * b.x + a.y * b.y + a.z * b.z;
}

static inline float hg_vec3_length(hg_vec3 a)
{
    return sqrtf(hg_vec3_dot(a, a));
}

/* sqrt of the sum of (p / r)^2: 1 on the surface of the ellipsoid about the origin. */
static inline float hg_shape_level(hg_vec3 p, hg_vec3 r)
{
    hg_vec3 q = {p.x / r.x, p.y / r.y, p.z / r.z};
    return hg_vec3_length(q);
}

/* Ellipsoid with centre c and half axes r. */
static inline float hg_shape_ellipsoid(hg_vec3 p, hg_vec3 c, hg_vec3 r)
{
    hg_vec3 d = hg_vec3_sub(p, c);
    hg_vec3 q = {d.x / r.x, d.y / r.y, d.z / r.z};
    hg_vec3 g = {q.x / r.x, q.y / r.y, q.z / r.z};
    float level = hg_vec3_length(q), slope = hg_vec3_length(g);
    return slope < 1e-6f ? -fminf(r.x, fminf(r.y, r.z)) : level * (level - 1.0f) / slope;
}

/* A rod from a to b whose radius goes from ra to rb. */
static inline float hg_shape_rod(hg_vec3 p, hg_vec3 a, hg_vec3 b, float ra, float rb)
{
    hg_vec3 ap = hg_vec3_sub(p, a), ab = hg_vec3_sub(b, a);
    float t = hg_phantom_clamp(hg_vec3_dot(ap, ab) / hg_vec3_dot(ab, ab), 0.0f, 1.0f);
    hg_vec3 d = {ap.x - t * ab.x, ap.y - t * ab.y, ap.z - t * ab.z};
    return hg_vec3_length(d) - (ra + t * (rb - ra));
}

/* Box with centre c, half sides r and rounded edges. */
static inline float hg_shape_box(hg_vec3 p, hg_vec3 c, hg_vec3 r, float round)
{
    hg_vec3 q = {fabsf(p.x - c.x) - r.x + round, fabsf(p.y - c.y) - r.y + round,
                 fabsf(p.z - c.z) - r.z + round};
    hg_vec3 out = {fmaxf(q.x, 0), fmaxf(q.y, 0), fmaxf(q.z, 0)};
    return hg_vec3_length(out) + fminf(fmaxf(q.x, fmaxf(q.y, q.z)), 0.0f) - round;
}

#endif
