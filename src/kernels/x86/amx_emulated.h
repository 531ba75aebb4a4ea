/* SPDX-License-Identifier: Apache-2.0
 *
 * amx_emulated.h: AMX's tile registers in plain C, after the operations of Intel's manual (LDTILECFG,
 * TILELOADD, TILESTORED, TILEZERO, TDPBSSD, TDPBF16PS). Where the processor would fault (registers without
 * shapes, shapes that do not fit) the program ends, by a check that optimised builds keep. With HG_AMX_FAULTY
 * one factor loses its signs, for a test of what finds that out.
 */
#ifndef HG_KERNELS_AMX_EMULATED_H
#define HG_KERNELS_AMX_EMULATED_H

#include <math.h>
#include <stdbool.h>
#include <string.h>

#define AMX_TILES 8

#ifdef HG_AMX_FAULTY
typedef uint8_t amx_right;
#else
typedef int8_t amx_right;
#endif

typedef struct amx_tiles {
    amx_config config; /* palette 0: closed */
    uint8_t data[AMX_TILES][AMX_TILE_ROWS][AMX_TILE_ROW_BYTES];
} amx_tiles;

/* Never optimised away, unlike assert. */
static inline void amx_expect(bool holds)
{
    if (!holds)
        __builtin_trap();
}

static inline void amx_open(amx_tiles *tiles, const amx_config *config)
{
    amx_expect(config->palette == 1 && config->start_row == 0);
    for (int i = 0; i < 14; i++)
        amx_expect(config->reserved[i] == 0);
    for (int i = 0; i < 16; i++) {
        bool none = config->rows[i] == 0 && config->row_bytes[i] == 0;
        amx_expect(i < AMX_TILES || none);
        amx_expect(none || (config->rows[i] > 0 && config->row_bytes[i] > 0));
        amx_expect(config->rows[i] <= AMX_TILE_ROWS && config->row_bytes[i] <= AMX_TILE_ROW_BYTES);
    }
    tiles->config = *config;
    memset(tiles->data, 0, sizeof tiles->data);
}

static inline void amx_close(amx_tiles *tiles)
{
    memset(tiles, 0, sizeof *tiles);
}

/* All takes the same time. */
static inline uint64_t amx_clock(void)
{
    return 0;
}

/* A register's rows; it must have a shape. */
static inline int amx_rows(const amx_tiles *tiles, int tile)
{
    amx_expect(tiles->config.palette == 1 && tiles->config.rows[tile] > 0);
    return tiles->config.rows[tile];
}

static inline void AMX_ZERO(amx_tiles *tiles, int to)
{
    amx_rows(tiles, to);
    memset(tiles->data[to], 0, sizeof tiles->data[to]);
}

/* What lies beyond a register's shape becomes zero. */
static inline void AMX_LOAD(amx_tiles *tiles, int to, const void *p, int64_t stride)
{
    int rows = amx_rows(tiles, to);
    memset(tiles->data[to], 0, sizeof tiles->data[to]);
    for (int r = 0; r < rows; r++)
        memcpy(tiles->data[to][r], (const uint8_t *)p + r * stride, tiles->config.row_bytes[to]);
}

#define AMX_LOAD_ONCE AMX_LOAD

static inline void AMX_STORE(const amx_tiles *tiles, int from, void *p, int64_t stride)
{
    int rows = amx_rows(tiles, from);
    for (int r = 0; r < rows; r++)
        memcpy((uint8_t *)p + r * stride, tiles->data[from][r], tiles->config.row_bytes[from]);
}

/* sum[c] += a · b[:, c] for the columns of one row; four bytes of a against those of each column. */
static inline void amx_dot_four(const int8_t *a, const amx_right *b, int columns, int32_t *sum)
{
    for (int c = 0; c < columns; c++)
        sum[c] += a[0] * b[4 * c] + a[1] * b[4 * c + 1] + a[2] * b[4 * c + 2] + a[3] * b[4 * c + 3];
}

/* A product's shapes: b has a row for every four bytes of a's. */
static inline void amx_expect_shapes(const amx_tiles *tiles, int to, int a, int b)
{
    const amx_config *c = &tiles->config;
    amx_expect(to != a && to != b && a != b);
    amx_expect(amx_rows(tiles, a) == amx_rows(tiles, to) && amx_rows(tiles, b) == c->row_bytes[a] / 4);
    amx_expect(c->row_bytes[to] % 4 == 0 && c->row_bytes[a] % 4 == 0 && c->row_bytes[b] == c->row_bytes[to]);
}

static inline void AMX_DOT(amx_tiles *tiles, int to, int a, int b)
{
    const amx_config *c = &tiles->config;
    int rows = amx_rows(tiles, to), columns = c->row_bytes[to] / 4, fours = c->row_bytes[a] / 4;
    amx_expect_shapes(tiles, to, a, b);
    for (int r = 0; r < rows; r++) {
        int32_t sum[AMX_TILE_ROW_BYTES / 4];
        memcpy(sum, tiles->data[to][r], sizeof sum);
        for (int k = 0; k < fours; k++)
            amx_dot_four((const int8_t *)tiles->data[a][r] + 4 * k, (const amx_right *)tiles->data[b][k],
                         columns, sum);
        memset(tiles->data[to][r], 0, sizeof sum);
        memcpy(tiles->data[to][r], sum, c->row_bytes[to]);
    }
}

static inline float amx_bf16_at(const uint8_t *row, int i)
{
    uint16_t high;
    memcpy(&high, row + 2 * i, sizeof high);
    const uint32_t bits = (uint32_t)high << 16;
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Numbers with even and with odd places are summed apart. */
static inline float amx_dot_row(const amx_tiles *tiles, int a, int b, int row, int column)
{
    float sums[2] = {0, 0};
    for (int k = 0; k < tiles->config.row_bytes[a] / 4; k++) {
        for (int i = 0; i < 2; i++)
            sums[i] = fmaf(amx_bf16_at(tiles->data[a][row], 2 * k + i),
                           amx_bf16_at(tiles->data[b][k], 2 * column + i), sums[i]);
    }
    return sums[0] + sums[1];
}

static inline void AMX_DOT_BF16(amx_tiles *tiles, int to, int a, int b)
{
    amx_expect_shapes(tiles, to, a, b);
    for (int r = 0; r < amx_rows(tiles, to); r++) {
        float sum[AMX_TILE_ROW_BYTES / 4];
        memcpy(sum, tiles->data[to][r], sizeof sum);
        for (int c = 0; c < tiles->config.row_bytes[to] / 4; c++)
            sum[c] += amx_dot_row(tiles, a, b, r, c);
        memcpy(tiles->data[to][r], sum, tiles->config.row_bytes[to]);
    }
}

#endif
