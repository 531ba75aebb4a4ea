/* SPDX-License-Identifier: Apache-2.0
 *
 * test_record_modules.c: de-identified files: nothing that identifies is in their bytes, and UIDs stay
 * together.
 */
#include <ctype.h>

#include "record_files.h"

static const uint8_t modules_key[HG_DEID_KEY_BYTES] = {1, 2, 3};

/* A new UID is 2.25. and a random number of up to 39 digits, in which six given digits stand by chance once
 * in 30,000 times: that many digits in a row are no finding. */
#define RANDOM_DIGITS 30

/* Whether the bytes from `at` to `end`, with the digits before and behind them, are such a number. */
static bool modules_random_number(const hg_buffer *file, size_t at, size_t end)
{
    while (at > 0 && isdigit(file->data[at - 1]))
        at--;
    size_t to = at;
    while (to < file->size && isdigit(file->data[to]))
        to++;
    return to >= end && to - at >= RANDOM_DIGITS;
}

static bool modules_contains(const hg_buffer *file, const char *text)
{
    size_t n = strlen(text);
    for (size_t at = 0; at + n <= file->size; at++) {
        if (memcmp(file->data + at, text, n) == 0 && !modules_random_number(file, at, at + n))
            return true;
    }
    return false;
}

/* A picture (`report` false) or a report made from `name`. */
static void modules_make(hg_buffer *file, const char *name, bool report, bool deid, const uint8_t *key)
{
    hg_image image;
    hg_error err = {0};
    hg_record *record = record_open(name);
    const hg_record_source source = {record, 0};
    const hg_record_options options = {
        .sources = &source, .n_sources = 1, .deidentify = deid, .deid_key = key, .model_name = "tiny"};
    const hg_record_answer answer = {.question = "Is it?", .answer = "Yes", .complete = true};
    record_picture(&image, 16, 16, 1, 8);
    hg_buffer_init(file, RECORD_MAX_FILE);
    hg_status status = report ? hg_record_encode_answer(file, &answer, &options, &err)
                              : hg_record_encode_image(file, &image, &options, &err);
    if (status != HG_STATUS_OK)
        fail_msg("%s", err.text);
    hg_image_deinit(&image);
    hg_record_close(record);
}

/* What the search takes for a finding. */
static void test_search(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool found;
    } cases[] = {{"LO 887766 ", true},
                 {"887766", true},
                 {"1.2.826.0.1.887766.2", true},
                 {"2.25.145089691861188776633558033711848352968157", false},
                 {"2.25.887766145089691861183558033711848352968157", false},
                 {"2.25.145089691861183558033711848352968157887766", false},
                 {"2.25.145089691861183558033711848352968157 887766", true},
                 {"88776", false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const hg_buffer file = {.data = (uint8_t *)cases[i].text, .size = strlen(cases[i].text)};
        assert_int_equal(modules_contains(&file, "887766"), cases[i].found);
    }
}

static void test_nothing_survives(void **state)
{
    (void)state;
    static const char *const files[] = {"named.dcm", "named_implicit.dcm", "hostile.dcm"};
    static const char *const secrets[] = {"SECRET", "887766", "19770707", "Given",
                                          "047Y",   "1.77",   "77.7",     "Scanner"};
    for (size_t i = 0; i < sizeof files / sizeof files[0]; i++) {
        for (int report = 0; report < 2; report++) {
            hg_buffer plain, file;
            modules_make(&plain, files[i], report != 0, false, NULL);
            modules_make(&file, files[i], report != 0, true, NULL);
            assert_true(i == 2 || modules_contains(&plain, "SECRET")); /* the search finds what is there */
            for (size_t k = 0; k < sizeof secrets / sizeof secrets[0]; k++) {
                if (modules_contains(&file, secrets[k]))
                    fail_msg("%s: '%s' is in the file", files[i], secrets[k]);
            }
            hg_dicom *dicom = record_reopen(&file);
            const hg_dicom_item *root = hg_dicom_root(dicom);
            record_expect(root, 0x00120062, "YES");
            record_expect(hg_dicom_item_get(root, 0x00120064, 0), 0x00080100, "113100");
            record_expect(root, 0x00100010, "");
            record_expect(root, 0x00080020, "");
            record_expect(root, 0x00080023, report ? "19000101" : "");
            record_expect(root, 0x00080012, "(absent)");
            hg_dicom_close(dicom);
            hg_buffer_deinit(&plain);
            hg_buffer_deinit(&file);
        }
    }
}

/* Of private attributes and those of the source's sequences not even the plain result has any. */
static void test_never_copied(void **state)
{
    (void)state;
    static const char *const never[] = {"SECRETprivate", "SECRETbytes",   "SECRET MAKER",  "SECRETnested",
                                        "SECRETfaith",   "SECRET street", "SECRETmother",  "SECRETpreamble",
                                        "SECRET series", "SECRET image",  "SECREToperator"};
    for (int report = 0; report < 2; report++) {
        hg_buffer file;
        modules_make(&file, "named.dcm", report != 0, false, NULL);
        for (size_t k = 0; k < sizeof never / sizeof never[0]; k++)
            assert_false(modules_contains(&file, never[k]));
        hg_buffer_deinit(&file);
    }
}

static void modules_uids(const hg_buffer *file, char study[200], char source[200])
{
    hg_dicom *dicom = record_reopen(file);
    const hg_dicom_item *root = hg_dicom_root(dicom);
    record_value(root, 0x0020000d, study);
    record_value(hg_dicom_item_get(root, 0x00082112, 0), 0x00081155, source);
    hg_dicom_close(dicom);
}

static void test_uids(void **state)
{
    (void)state;
    hg_buffer files[3];
    char study[3][200], source[3][200];
    for (int i = 0; i < 3; i++) {
        modules_make(&files[i], "named.dcm", false, true, i < 2 ? modules_key : NULL);
        modules_uids(&files[i], study[i], source[i]);
        assert_memory_equal(study[i], "2.25.", 5);
        hg_buffer_deinit(&files[i]);
    }
    assert_string_equal(study[0], study[1]);
    assert_string_equal(source[0], source[1]);
    assert_string_not_equal(study[0], source[0]);
    assert_string_not_equal(study[0], study[2]);
    assert_string_not_equal(source[0], source[2]);
}

/* Within one file the same UID is replaced by the same one, also when the key is new. */
static void test_consistent(void **state)
{
    (void)state;
    hg_buffer file;
    char a[200], b[200];
    modules_make(&file, "named.dcm", true, true, NULL);
    hg_dicom *dicom = record_reopen(&file);
    const hg_dicom_item *evidence = hg_dicom_item_get(hg_dicom_root(dicom), 0x0040a375, 0);
    assert_string_equal(record_value(hg_dicom_root(dicom), 0x0020000d, a),
                        record_value(evidence, 0x0020000d, b));
    hg_dicom_close(dicom);
    hg_buffer_deinit(&file);
}

/* Names, dates and identifiers are never kept: the table says what becomes of each. */
static void test_table(void **state)
{
    (void)state;
    for (size_t i = 0; i < HG_RECORD_COUNT; i++) {
        const hg_record_attribute *a = &hg_record_table[i];
        static const char *const personal[] = {"PN", "DA", "TM", "AS", "LO", "SH", "LT", "ST"};
        for (size_t k = 0; k < sizeof personal / sizeof personal[0]; k++) {
            if (strcmp(a->vr, personal[k]) == 0)
                assert_int_not_equal(a->deid, HG_DEID_ACTION_KEEP);
        }
        assert_true(strcmp(a->vr, "UI") != 0 || a->deid == HG_DEID_ACTION_UID || i == HG_RECORD_SOP_CLASS);
        for (size_t k = 0; k < i; k++)
            assert_true(hg_record_table[k].tag != a->tag);
    }
    assert_string_equal(hg_record_table[HG_RECORD_PATIENT_NAME].name, "PatientName");
    assert_string_equal(hg_record_table[HG_RECORD_LOSSY_METHOD].name, "LossyImageCompressionMethod");
    assert_string_equal(hg_record_table[HG_RECORD_MANUFACTURER].name, "Manufacturer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_search),       cmocka_unit_test(test_nothing_survives),
        cmocka_unit_test(test_never_copied), cmocka_unit_test(test_uids),
        cmocka_unit_test(test_consistent),   cmocka_unit_test(test_table)};
    return cmocka_run_group_tests_name("record_modules", tests, NULL, NULL);
}
