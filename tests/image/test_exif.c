/* SPDX-License-Identifier: Apache-2.0
 *
 * test_exif.c: EXIF blocks written out by the TIFF 6.0 layout, good and hostile.
 */
#include "image/exif.h"

#include "image_golden.h"

#define II_HEADER 'I', 'I', 42, 0, 8, 0, 0, 0
#define II_SHORT(value) 0x12, 0x01, 3, 0, 1, 0, 0, 0, value, 0, 0, 0

static void test_byte_orders(void **state)
{
    (void)state;
    for (uint8_t value = 1; value <= 8; value++) {
        const uint8_t little[] = {II_HEADER, 1, 0, II_SHORT(value), 0, 0, 0, 0};
        const uint8_t big[] = {'M',  'M', 0, 42, 0, 0, 0, 8, 0,     1, 0x01,
                               0x12, 0,   3, 0,  0, 0, 1, 0, value, 0, 0};
        uint8_t marked[6 + sizeof little] = "Exif";
        memcpy(marked + 6, little, sizeof little);
        assert_int_equal(hg_exif_orientation(little, sizeof little), value);
        assert_int_equal(hg_exif_orientation(big, sizeof big), value);
        assert_int_equal(hg_exif_orientation(marked, sizeof marked), value);
    }
}

static void test_other_entries_and_types(void **state)
{
    (void)state;
    const uint8_t second[] = {II_HEADER, 2, 0, 0x0f, 0x01, 2, 0, 4, 0, 0, 0, 'a', 'b', 'c', 0, II_SHORT(5)};
    const uint8_t wide[] = {II_HEADER, 1, 0, 0x12, 0x01, 4, 0, 1, 0, 0, 0, 7, 0, 0, 0};
    const uint8_t absent[] = {II_HEADER, 1, 0, 0x0f, 0x01, 2, 0, 4, 0, 0, 0, 'a', 'b', 'c', 0};
    const uint8_t text[] = {II_HEADER, 1, 0, 0x12, 0x01, 2, 0, 1, 0, 0, 0, 6, 0, 0, 0};
    const uint8_t two[] = {II_HEADER, 1, 0, 0x12, 0x01, 3, 0, 2, 0, 0, 0, 6, 0, 6, 0};
    assert_int_equal(hg_exif_orientation(second, sizeof second), 5);
    assert_int_equal(hg_exif_orientation(wide, sizeof wide), 7);
    assert_int_equal(hg_exif_orientation(absent, sizeof absent), 1);
    assert_int_equal(hg_exif_orientation(text, sizeof text), 1);
    assert_int_equal(hg_exif_orientation(two, sizeof two), 1);
}

/* Each of these has an orientation of 6 where a careless reader would find it, or sends it elsewhere. */
static void test_hostile(void **state)
{
    (void)state;
    const uint8_t zero[] = {II_HEADER, 1, 0, II_SHORT(0)};
    const uint8_t nine[] = {II_HEADER, 1, 0, II_SHORT(9)};
    const uint8_t far_offset[] = {'I', 'I', 42, 0, 0xff, 0xff, 0xff, 0xff, 1, 0, II_SHORT(6)};
    const uint8_t itself[] = {'I', 'I', 42, 0, 0, 0, 0, 0, 1, 0, II_SHORT(6)};
    const uint8_t many[] = {II_HEADER, 0xff, 0xff, 0x0f, 0x01, 3, 0, 1, 0, 0, 0, 6, 0, 0, 0};
    const uint8_t chained[] = {II_HEADER, 0, 0, 8, 0, 0, 0, II_SHORT(6)};
    const uint8_t version[] = {'I', 'I', 43, 0, 8, 0, 0, 0, 1, 0, II_SHORT(6)};
    const uint8_t order[] = {'I', 'M', 42, 0, 8, 0, 0, 0, 1, 0, II_SHORT(6)};
    assert_int_equal(hg_exif_orientation(zero, sizeof zero), 1);
    assert_int_equal(hg_exif_orientation(nine, sizeof nine), 1);
    assert_int_equal(hg_exif_orientation(far_offset, sizeof far_offset), 1);
    assert_int_equal(hg_exif_orientation(itself, sizeof itself), 1);
    assert_int_equal(hg_exif_orientation(many, sizeof many), 1);
    assert_int_equal(hg_exif_orientation(chained, sizeof chained), 1);
    assert_int_equal(hg_exif_orientation(version, sizeof version), 1);
    assert_int_equal(hg_exif_orientation(order, sizeof order), 1);
    assert_int_equal(hg_exif_orientation(NULL, 0), 1);
}

/* Cut anywhere, it is as if it were not there, and nothing past the cut is read. */
static void test_cut_short(void **state)
{
    (void)state;
    const uint8_t whole[] = {II_HEADER, 1, 0, II_SHORT(6)};
    for (size_t n = 0; n < sizeof whole; n++)
        assert_int_equal(hg_exif_orientation(whole, n), 1);
    assert_int_equal(hg_exif_orientation(whole, sizeof whole), 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_byte_orders),
                                       cmocka_unit_test(test_other_entries_and_types),
                                       cmocka_unit_test(test_hostile), cmocka_unit_test(test_cut_short)};
    return cmocka_run_group_tests_name("exif", tests, NULL, NULL);
}
