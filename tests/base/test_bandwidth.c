/* SPDX-License-Identifier: Apache-2.0
 *
 * test_bandwidth.c: what is measured as reading reads every line, once, whatever the threads and however far
 * ahead lines are asked for.
 */
#include "base/bandwidth.h"
#include "base/memory.h"
#include "base/rng.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MEBIBYTE ((size_t)1 << 20)
#define CHUNKS 5

static uint8_t *random_memory(size_t bytes)
{
    uint8_t *memory = hg_mem_aligned(64, bytes);
    assert_non_null(memory);
    hg_rng rng;
    hg_rng_init(&rng, 1);
    for (size_t i = 0; i < bytes; i += sizeof(uint64_t)) {
        const uint64_t random = hg_rng_next(&rng);
        memcpy(memory + i, &random, sizeof random);
    }
    return memory;
}

static void test_reads_every_line(void **state)
{
    (void)state;
    static const size_t ahead[] = {0, 2048, 8192};
    uint8_t *memory = random_memory(CHUNKS * MEBIBYTE);
    uint64_t want = 0;
    for (size_t i = 0; i < CHUNKS * MEBIBYTE; i += 64) {
        uint64_t part;
        memcpy(&part, memory + i, sizeof part);
        want ^= part;
    }
    for (size_t i = 0; i < sizeof ahead / sizeof *ahead; i++) {
        for (int n_threads = 1; n_threads <= 4; n_threads++)
            assert_true(hg_bandwidth_read(n_threads, memory, CHUNKS * MEBIBYTE, ahead[i]) == want);
    }
    hg_mem_free(memory);
}

/* What is over is left out, not read beyond. */
static void test_leaves_out_a_rest(void **state)
{
    (void)state;
    uint8_t *memory = random_memory(2 * MEBIBYTE);
    const uint64_t one = hg_bandwidth_read(2, memory, MEBIBYTE, 0);
    assert_true(hg_bandwidth_read(2, memory, 2 * MEBIBYTE - 64, 0) == one);
    assert_true(hg_bandwidth_read(2, memory, MEBIBYTE - 64, 0) == 0);
    hg_mem_free(memory);
}

static void test_chooses_a_way(void **state)
{
    (void)state;
    uint8_t *memory = random_memory(2 * MEBIBYTE);
    const size_t ahead = hg_bandwidth_ahead(memory, 2 * MEBIBYTE);
    assert_true(ahead == 0 || ahead == 2048 || ahead == 4096 || ahead == 8192);
    hg_mem_free(memory);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_every_line),
        cmocka_unit_test(test_leaves_out_a_rest),
        cmocka_unit_test(test_chooses_a_way),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
