/* SPDX-License-Identifier: Apache-2.0
 *
 * test_item_order.c: every epoch has every item once; orders depend on seed and epoch alone; grouped by
 * length, the items of a step are neighbours in length while steps come in any order.
 */
#include "train/item_order.h"

#include "base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define ITEMS 230
#define BATCH 4

static char path[] = "/tmp/hg_item_order_XXXXXX";
static hg_llava_set *set;

/* Item i has an answer of 4 (1 + 37 i mod 230) characters: a permutation of lengths. */
static int tokens_of(size_t item)
{
    return (int)(1 + 37 * item % ITEMS);
}

static int open_set(void **state)
{
    (void)state;
    hg_error err = {HG_STATUS_OK, ""};
    int fd = mkstemp(path);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    if (file == NULL)
        return -1;
    for (size_t i = 0; i < ITEMS; i++)
        fprintf(
            file,
            "{\"conversations\": [{\"from\": \"human\", \"value\": \"ab\"}, {\"from\": \"gpt\", \"value\": "
            "\"%0*d\"}]}\n",
            4 * tokens_of(i) - 2, 7);
    fclose(file);
    return hg_llava_open(&set, path, NULL, &err) == HG_STATUS_OK ? 0 : -1;
}

static int close_set(void **state)
{
    (void)state;
    hg_llava_close(set);
    return unlink(path);
}

static void take_epoch(hg_item_order *o, int64_t epoch, size_t items[ITEMS])
{
    bool seen[ITEMS] = {false};
    for (int64_t i = 0; i < ITEMS; i++) {
        items[i] = hg_item_order_at(o, epoch * ITEMS + i);
        assert_in_range(items[i], 0, ITEMS - 1);
        assert_false(seen[items[i]]);
        seen[items[i]] = true;
    }
}

static void init(hg_item_order *o, bool shuffle, uint64_t seed, bool by_length)
{
    hg_error err = {HG_STATUS_OK, ""};
    hg_item_order_how how = {shuffle, seed, by_length, BATCH, 576, 1};
    assert_int_equal(hg_item_order_init(o, set, &how, &err), HG_STATUS_OK);
}

static void test_shuffle(void **state)
{
    (void)state;
    hg_item_order o, other, plain;
    size_t first[ITEMS], second[ITEMS], again[ITEMS];
    init(&o, true, 3, false);
    init(&other, true, 4, false);
    init(&plain, false, 3, false);
    take_epoch(&o, 0, first);
    take_epoch(&o, 1, second);
    assert_memory_not_equal(first, second, sizeof first);
    take_epoch(&o, 0, again); /* going back, as a run that is continued may */
    assert_memory_equal(first, again, sizeof first);
    take_epoch(&other, 0, again);
    assert_memory_not_equal(first, again, sizeof first);
    take_epoch(&plain, 2, again);
    for (size_t i = 0; i < ITEMS; i++)
        assert_int_equal(again[i], i);
    hg_item_order_deinit(&o);
    hg_item_order_deinit(&other);
    hg_item_order_deinit(&plain);
}

/* 200 of the 230 items are in the first stretch of 50 steps of 4. Sorted, its steps are runs of neighbours:
 * the steps put in the order of their first items give non-decreasing lengths. */
static void test_groups(void **state)
{
    (void)state;
    hg_item_order o, twin;
    size_t items[ITEMS], again[ITEMS];
    init(&o, true, 3, true);
    init(&twin, true, 3, true);
    take_epoch(&o, 5, items);
    take_epoch(&twin, 5, again);
    assert_memory_equal(items, again, sizeof items);
    int seen[ITEMS + 1] = {0}, out_of_order = 0; /* a step's shortest item -> its longest */
    for (size_t step = 0; step < 50; step++) {
        const size_t *s = items + step * BATCH;
        for (int i = 1; i < BATCH; i++)
            assert_true(tokens_of(s[i - 1]) < tokens_of(s[i]));
        seen[tokens_of(s[0])] = tokens_of(s[BATCH - 1]);
        out_of_order += step > 0 && tokens_of(s[0]) < tokens_of(s[-BATCH]);
    }
    int longest = 0, n_steps = 0;
    for (int shortest = 0; shortest <= ITEMS; shortest++) {
        if (seen[shortest] == 0)
            continue;
        assert_true(shortest > longest); /* steps do not overlap */
        longest = seen[shortest];
        n_steps++;
    }
    assert_int_equal(n_steps, 50);
    assert_true(out_of_order > 10);
    hg_item_order_deinit(&o);
    hg_item_order_deinit(&twin);
}

/* ---- questions about the same picture ---- */

#define PICTURES 20
#define LARGEST 4

/* Picture p has 1 + p mod 9 questions, which lie apart in the file; every tenth item is a text alone, and
 * there is a drawing of the first picture. */
typedef struct picture_set {
    char path[64];
    hg_llava_set *set;
    int picture[ITEMS]; /* -1: none */
    size_t n;
} picture_set;

static void write_question(FILE *file, const char *image, const char *target)
{
    fprintf(file, "{%s%s\"conversations\": [{\"from\": \"human\", \"value\": \"%sa\"}, {\"from\": ", image,
            target, image[0] != 0 ? "<image>" : "");
    fprintf(file, "\"gpt\", \"value\": \"%s\"}]}\n", target[0] != 0 ? "" : "b");
}

static void make_pictures(picture_set *p)
{
    hg_error err = {HG_STATUS_OK, ""};
    char image[64];
    snprintf(p->path, sizeof p->path, "/tmp/hg_item_order_XXXXXX");
    int fd = mkstemp(p->path);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    assert_non_null(file);
    p->n = 0;
    for (int round = 0; round < 9; round++) {
        for (int i = 0; i < PICTURES; i++) {
            if (round > i % 9)
                continue;
            snprintf(image, sizeof image, "\"image\": \"p%d.png\", ", i);
            write_question(file, image, "");
            p->picture[p->n++] = i;
            if (p->n % 10 == 9) {
                write_question(file, "", "");
                p->picture[p->n++] = -1;
            }
        }
    }
    write_question(file, "\"image\": \"p0.png\", ", "\"target_image\": \"p1.png\", ");
    p->picture[p->n++] = -1;
    fclose(file);
    assert_int_equal(hg_llava_open(&p->set, p->path, NULL, &err), HG_STATUS_OK);
    assert_int_equal(hg_llava_n_items(p->set), p->n);
}

/* Every item comes once; a picture with m questions comes in ceil(m / 4) runs of at most four. Two runs of
 * one picture may come to lie side by side. */
static void check_epoch(hg_item_order *o, const picture_set *p, int64_t epoch, size_t items[ITEMS])
{
    bool seen[ITEMS] = {false};
    int runs[PICTURES] = {0}, length = 0;
    for (size_t i = 0; i < p->n; i++) {
        items[i] = hg_item_order_at(o, epoch * (int64_t)p->n + (int64_t)i);
        assert_in_range(items[i], 0, p->n - 1);
        assert_false(seen[items[i]]);
        seen[items[i]] = true;
        int picture = p->picture[items[i]];
        if (picture < 0)
            continue;
        bool follows = i > 0 && p->picture[items[i - 1]] == picture && length < LARGEST;
        length = follows ? length + 1 : 1;
        runs[picture] += !follows;
    }
    for (int i = 0; i < PICTURES; i++)
        assert_in_range(runs[i], 1, (1 + i % 9 + LARGEST - 1) / LARGEST);
}

static void test_pictures(void **state)
{
    (void)state;
    picture_set p;
    hg_item_order o, twin, plain;
    hg_error err = {HG_STATUS_OK, ""};
    size_t first[ITEMS], second[ITEMS], again[ITEMS];
    make_pictures(&p);
    hg_item_order_how how = {true, 3, false, BATCH, 576, LARGEST};
    assert_int_equal(hg_item_order_init(&o, p.set, &how, &err), HG_STATUS_OK);
    assert_int_equal(hg_item_order_init(&twin, p.set, &how, &err), HG_STATUS_OK);
    how.shuffle = false;
    assert_int_equal(hg_item_order_init(&plain, p.set, &how, &err), HG_STATUS_OK);
    check_epoch(&o, &p, 0, first);
    check_epoch(&o, &p, 1, second);
    assert_memory_not_equal(first, second, p.n * sizeof *first);
    check_epoch(&twin, &p, 1, again); /* an epoch's order does not depend on those before it */
    assert_memory_equal(second, again, p.n * sizeof *first);
    check_epoch(&o, &p, 0, again);
    assert_memory_equal(first, again, p.n * sizeof *first);
    check_epoch(&plain, &p, 0, first);
    check_epoch(&plain, &p, 1, second);
    assert_memory_equal(first, second, p.n * sizeof *first);
    assert_int_equal(first[0], 0);
    hg_item_order_deinit(&o);
    hg_item_order_deinit(&twin);
    hg_item_order_deinit(&plain);
    hg_llava_close(p.set);
    unlink(p.path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_shuffle), cmocka_unit_test(test_groups),
                                       cmocka_unit_test(test_pictures)};
    return cmocka_run_group_tests(tests, open_set, close_set);
}
