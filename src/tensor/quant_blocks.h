/* SPDX-License-Identifier: Apache-2.0
 *
 * quant_blocks.h: the blocks of the quantised types as they lie in memory and in GGUF files. Scales are
 * binary16. How codes and packed scales become numbers is said here once; quant_read.c, quant_write.c and the
 * kernels follow it.
 */
#ifndef HG_TENSOR_QUANT_BLOCKS_H
#define HG_TENSOR_QUANT_BLOCKS_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

/* 32 elements: x[i] = scale · codes[i]. */
typedef struct hg_block_q8_0 {
    uint16_t scale;
    int8_t codes[32];
} hg_block_q8_0;

/* 32 elements: x[i] = scale · (code[i] - 8); the low halves of the 16 bytes are the codes 0 to 15, the high
 * halves 16 to 31. */
typedef struct hg_block_q4_0 {
    uint16_t scale;
    uint8_t codes[16];
} hg_block_q4_0;

/* 256 elements in 8 groups of 32: x[g, i] = scale · scales[g] · code[g, i] - minimum · minima[g]. Bytes 32 j
 * to 32 j + 31 of `codes` hold group 2 j in their low and group 2 j + 1 in their high halves. `packed` holds
 * 8 scales and 8 minima of 6 bits: with j = 0..3, byte j is scales[j] and byte 4 + j minima[j], each with the
 * top two bits of the same of group 4 + j in its own top two bits; byte 8 + j has the low four bits of
 * scales[4 + j] and, above them, of minima[4 + j]. */
typedef struct hg_block_q4_k {
    uint16_t scale, minimum;
    uint8_t packed[12];
    uint8_t codes[128];
} hg_block_q4_k;

/* 256 elements in 16 groups of 16: x[g, i] = scale · scales[g] · (code[g, i] - 32). Each half of 128 elements
 * has 64 bytes of `low` and 32 of `high`: with l = 0..31, low[l] holds the low four bits of the codes l and
 * 64 + l, low[32 + l] of 32 + l and 96 + l, and high[l] the top two bits of the codes l, 32 + l, 64 + l and
 * 96 + l, from the lowest bits upwards. */
typedef struct hg_block_q6_k {
    uint8_t low[128];
    uint8_t high[64];
    int8_t scales[16];
    uint16_t scale;
} hg_block_q6_k;

static_assert(sizeof(hg_block_q8_0) == 34, "as in files");
static_assert(sizeof(hg_block_q4_0) == 18, "as in files");
static_assert(sizeof(hg_block_q4_k) == 144, "as in files");
static_assert(sizeof(hg_block_q6_k) == 210, "as in files");

/* Takes the scales and minima of a block of q4_k apart, four bytes at a time. */
static inline void hg_q4_k_unpack(const uint8_t packed[12], uint8_t scales[8], uint8_t minima[8])
{
    const uint32_t six = 0x3f3f3f3f, four = 0x0f0f0f0f, two = 0x03030303;
    uint32_t word[3], part;
    memcpy(word, packed, sizeof word);
    part = word[0] & six;
    memcpy(scales, &part, sizeof part);
    part = word[1] & six;
    memcpy(minima, &part, sizeof part);
    part = (word[2] & four) | (word[0] >> 6 & two) << 4;
    memcpy(scales + 4, &part, sizeof part);
    part = (word[2] >> 4 & four) | (word[1] >> 6 & two) << 4;
    memcpy(minima + 4, &part, sizeof part);
}

static inline void hg_q4_k_pack(const uint8_t scales[8], const uint8_t minima[8], uint8_t packed[12])
{
    for (int j = 0; j < 4; j++) {
        packed[j] = (uint8_t)(scales[j] | (scales[4 + j] >> 4 << 6));
        packed[4 + j] = (uint8_t)(minima[j] | (minima[4 + j] >> 4 << 6));
        packed[8 + j] = (uint8_t)((scales[4 + j] & 15) | ((minima[4 + j] & 15) << 4));
    }
}

#endif
