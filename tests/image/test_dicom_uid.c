/* SPDX-License-Identifier: Apache-2.0
 *
 * test_dicom_uid.c: new UIDs differ and are legal; replaced ones are those of Python's hmac and int.
 */
#include "image/dicom_uid.h"
#include "image/record_value.h"

#include "image_golden.h"

static void test_create(void **state)
{
    (void)state;
    char uids[100][HG_UID_BYTES];
    hg_error err = {0};
    for (int i = 0; i < 100; i++) {
        assert_int_equal(hg_uid_create(uids[i], &err), HG_STATUS_OK);
        assert_true(hg_record_value_check(uids[i], "UI", false, HG_CHARSET_ASCII));
        assert_memory_equal(uids[i], "2.25.", 5);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(uids[i], uids[k]);
    }
}

/* python3: d = bytearray(hmac.new(bytes(range(32)), b"1.2.3", "sha256").digest()[:16]);
 * d[6] = d[6] & 15 | 128; d[8] = d[8] & 63 | 128; "2.25.%d" % int.from_bytes(d, "big") */
static void test_replace(void **state)
{
    (void)state;
    uint8_t key[HG_DEID_KEY_BYTES];
    char a[HG_UID_BYTES], b[HG_UID_BYTES];
    hg_error err = {0};
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)i;
    assert_int_equal(hg_uid_replace(a, "1.2.3", key, &err), HG_STATUS_OK);
    assert_string_equal(a, "2.25.145089691861183169558033711848352968157");
    assert_int_equal(hg_uid_replace(b, "1.2.4", key, &err), HG_STATUS_OK);
    assert_string_not_equal(a, b);
    key[31] ^= 1;
    assert_int_equal(hg_uid_replace(b, "1.2.3", key, &err), HG_STATUS_OK);
    assert_string_not_equal(a, b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_create), cmocka_unit_test(test_replace)};
    return cmocka_run_group_tests_name("dicom_uid", tests, NULL, NULL);
}
