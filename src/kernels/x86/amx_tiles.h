/* SPDX-License-Identifier: Apache-2.0
 *
 * amx_tiles.h: the eight tile registers of AMX and what kernels do with them, thinly. amx_emulated.h has the
 * same in plain C, so that the same kernels run on processors without AMX: with HG_AMX_EMULATED.
 *
 * The instructions are written out, because gcc 12's intrinsics do not say that they read and write memory:
 * it drops stores before _tile_loadconfig. `tiles` is what a kernel holds while it uses the registers:
 * between amx_open and amx_close, on one thread, with no other library in between. Register numbers are
 * literals.
 */
#ifndef HG_KERNELS_AMX_TILES_H
#define HG_KERNELS_AMX_TILES_H

#include <stdint.h>

#define AMX_TILE_ROWS 16
#define AMX_TILE_ROW_BYTES 64
#define AMX_TILE_BYTES (AMX_TILE_ROWS * AMX_TILE_ROW_BYTES)

/* What LDTILECFG reads: rows and bytes a row of the registers; 0 for those that are not used. */
typedef struct amx_config {
    uint8_t palette; /* 1 */
    uint8_t start_row;
    uint8_t reserved[14];
    uint16_t row_bytes[16];
    uint8_t rows[16];
} amx_config;

_Static_assert(sizeof(amx_config) == 64, "as the instruction reads it");

#ifdef HG_AMX_EMULATED
#include "kernels/x86/amx_emulated.h"
#else
#include <immintrin.h>

typedef struct amx_tiles {
    const amx_config *config;
} amx_tiles;

/* Gives the registers their shapes, and zeros. */
static inline void amx_open(amx_tiles *tiles, const amx_config *config)
{
    tiles->config = config;
    __asm__ volatile("ldtilecfg %0" : : "m"(*config) : "memory");
}

/* Back to the state in which the system need not save them. */
static inline void amx_close(amx_tiles *tiles)
{
    tiles->config = 0;
    __asm__ volatile("tilerelease" : : : "memory");
}

/* Steady steps of a clock. */
static inline uint64_t amx_clock(void)
{
    return __builtin_ia32_rdtsc();
}

#define AMX_DO(tiles, ...)                                                                                   \
    do {                                                                                                     \
        (void)(tiles);                                                                                       \
        __asm__ volatile(__VA_ARGS__);                                                                       \
    } while (0)

#define AMX_ZERO(tiles, to) AMX_DO(tiles, "tilezero %%tmm" #to : :)

/* A tile's rows lie `stride` bytes apart from p on. */
#define AMX_LOAD(tiles, to, p, stride)                                                                       \
    AMX_DO(tiles, "tileloadd (%0,%1,1), %%tmm" #to : : "r"(p), "r"((int64_t)(stride)) : "memory")
/* The same of what is not wanted again soon: it takes less of the first-level cache from what is. */
#define AMX_LOAD_ONCE(tiles, to, p, stride)                                                                  \
    AMX_DO(tiles, "tileloaddt1 (%0,%1,1), %%tmm" #to : : "r"(p), "r"((int64_t)(stride)) : "memory")
#define AMX_STORE(tiles, from, p, stride)                                                                    \
    AMX_DO(tiles, "tilestored %%tmm" #from ", (%0,%1,1)" : : "r"(p), "r"((int64_t)(stride)) : "memory")

/* sum (32-bit, M x N) += a (bytes, M x 4 K) · b (bytes, K x N x 4), all signed: row k of b has the four rows
 * 4 k to 4 k + 3 of a matrix with N columns, column by column. */
#define AMX_DOT(tiles, sum, a, b) AMX_DO(tiles, "tdpbssd %%tmm" #b ", %%tmm" #a ", %%tmm" #sum : :)

/* sum (float, M x N) += a (bf16, M x 2 K) · b (bf16, K x N x 2), two rows of the matrix in a row of b. */
#define AMX_DOT_BF16(tiles, sum, a, b) AMX_DO(tiles, "tdpbf16ps %%tmm" #b ", %%tmm" #a ", %%tmm" #sum : :)
#endif

#endif
