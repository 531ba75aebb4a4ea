/* SPDX-License-Identifier: Apache-2.0
 *
 * phantom_random.h: numbers and functions of the phantoms that are the same in every bit on every machine:
 * integer hashing, and approximations made of +, -, * and / alone, because a C library's exp or sin differs
 * in the last bit from one machine to another, and a bit decides on which side of an organ's border a point
 * lies.
 */
#ifndef HG_DATA_PHANTOM_RANDOM_H
#define HG_DATA_PHANTOM_RANDOM_H

#include "base/rng.h"

#include <stdint.h>

/* Mixes two numbers into one (the finaliser of splitmix64). */
static inline uint64_t hg_phantom_hash(uint64_t a, uint64_t b)
{
    uint64_t z = a + 0x9e3779b97f4a7c15U * (b + 1);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9U;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebU;
    return z ^ (z >> 31);
}

/* Nearly normal, mean 0, deviation 1, from a hash: the sum of its four 16-bit parts, within +-3.46. */
static inline float hg_phantom_normal(uint64_t hash)
{
    uint32_t sum = (uint32_t)(hash & 0xffff) + (uint32_t)((hash >> 16) & 0xffff) +
                   (uint32_t)((hash >> 32) & 0xffff) + (uint32_t)(hash >> 48);
    return ((float)sum * (1.0f / 65536.0f) - 2.0f) * 1.7320508f;
}

/* Uniform in [low, high). */
static inline float hg_phantom_range(hg_rng *rng, float low, float high)
{
    return low + (high - low) * (float)hg_rng_uniform(rng);
}

/* 0..n-1, n at least 1. */
static inline int hg_phantom_pick(hg_rng *rng, int n)
{
    return (int)(hg_rng_next(rng) % (uint64_t)n);
}

/* True with probability p. */
static inline int hg_phantom_chance(hg_rng *rng, float p)
{
    return (float)hg_rng_uniform(rng) < p;
}

static inline float hg_phantom_clamp(float x, float low, float high)
{
    return x < low ? low : x > high ? high : x;
}

/* 0 below `low`, 1 above `high`, a smooth cubic between. */
static inline float hg_phantom_step(float x, float low, float high)
{
    float t = hg_phantom_clamp((x - low) / (high - low), 0.0f, 1.0f);
    return t * t * (3.0f - 2.0f * t);
}

/* e^x for -700 < x < 700: e^(x / 1024) by its series, squared ten times. Relative error below 1e-12 for |x|
 * < 60. */
static inline double hg_phantom_exp(double x)
{
    double y = x / 1024.0;
    double e = 1.0;
    for (int i = 8; i >= 1; i--)
        e = 1.0 + y / i * e;
    for (int i = 0; i < 10; i++)
        e *= e;
    return e;
}

/* sin(x) for |x| < 1000, error below 2e-5: brought to -pi..pi, then the series to x^15. */
static inline float hg_phantom_sin(float x)
{
    const float turn = 6.2831853f;
    float n = x / turn;
    x -= turn * (float)(int)(n + (n < 0 ? -0.5f : 0.5f));
    float q = x * x;
    return x *
           (1.0f -
            q / 6 *
                (1.0f -
                 q / 20 *
                     (1.0f -
                      q / 42 * (1.0f - q / 72 * (1.0f - q / 110 * (1.0f - q / 156 * (1.0f - q / 210)))))));
}

static inline float hg_phantom_cos(float x)
{
    return hg_phantom_sin(x + 1.5707963f);
}

/* Natural logarithm of x > 0: Newton's steps on e^y = x from a guess by halving. */
static inline double hg_phantom_log(double x)
{
    double n = 0;
    for (; x >= 2.0; x *= 0.5)
        n += 0.6931471805599453;
    for (; x < 1.0; x *= 2.0)
        n -= 0.6931471805599453;
    double y = x - 1.0;
    for (int i = 0; i < 5; i++)
        y += 2.0 * (x - hg_phantom_exp(y)) / (x + hg_phantom_exp(y));
    return n + y;
}

#endif
