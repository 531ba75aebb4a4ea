/* SPDX-License-Identifier: Apache-2.0
 *
 * test_record.c: what is taken from a source (reference/make_records.py), and what is not.
 */
#include "dicom_builder.h"
#include "record_files.h"

#include "image/image_reader.h"

#include <stdlib.h>
#include <unistd.h>

static void test_values(void **state)
{
    (void)state;
    static const struct {
        const char *vr, *value;
        bool many, good;
        hg_charset charset;
    } cases[] = {
        {"UI", "1.2.840", false, true, HG_CHARSET_ASCII},
        {"UI", "2.25.0", false, true, HG_CHARSET_ASCII},
        {"UI", "1.02", false, false, HG_CHARSET_ASCII},
        {"UI", "1..2", false, false, HG_CHARSET_ASCII},
        {"UI", "1.2.", false, false, HG_CHARSET_ASCII},
        {"UI", ".1", false, false, HG_CHARSET_ASCII},
        {"UI", "1.2a", false, false, HG_CHARSET_ASCII},
        {"UI", "1.23456789012345678901234567890123456789012345678901234567890123", false, true,
         HG_CHARSET_ASCII},
        {"UI", "1.234567890123456789012345678901234567890123456789012345678901234", false, false,
         HG_CHARSET_ASCII},
        {"DA", "20240229", false, true, HG_CHARSET_ASCII},
        {"DA", "20241301", false, false, HG_CHARSET_ASCII},
        {"DA", "2024.1.1", false, false, HG_CHARSET_ASCII},
        {"DA", "202401011", false, false, HG_CHARSET_ASCII},
        {"TM", "23", false, true, HG_CHARSET_ASCII},
        {"TM", "2359", false, true, HG_CHARSET_ASCII},
        {"TM", "235960.123456", false, true, HG_CHARSET_ASCII},
        {"TM", "24", false, false, HG_CHARSET_ASCII},
        {"TM", "12.5", false, false, HG_CHARSET_ASCII},
        {"TM", "120000.", false, false, HG_CHARSET_ASCII},
        {"TM", "120000.1234567", false, false, HG_CHARSET_ASCII},
        {"TM", "12:00:00", false, false, HG_CHARSET_ASCII},
        {"AS", "045Y", false, true, HG_CHARSET_ASCII},
        {"AS", "45Y", false, false, HG_CHARSET_ASCII},
        {"CS", "A_B 1", false, true, HG_CHARSET_ASCII},
        {"CS", "low", false, false, HG_CHARSET_ASCII},
        {"CS", "A\\B", true, true, HG_CHARSET_ASCII},
        {"CS", "A\\B", false, false, HG_CHARSET_ASCII},
        {"DS", "-1.5e3", false, true, HG_CHARSET_ASCII},
        {"DS", "nan", false, false, HG_CHARSET_ASCII},
        {"DS", "1e999", false, false, HG_CHARSET_ASCII},
        {"DS", "12345678901234567", false, false, HG_CHARSET_ASCII},
        {"IS", "+12", false, true, HG_CHARSET_ASCII},
        {"IS", "1.5", false, false, HG_CHARSET_ASCII},
        {"SH", "1234567890123456", false, true, HG_CHARSET_ASCII},
        {"SH", "12345678901234567", false, false, HG_CHARSET_ASCII},
        {"SH", "\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4\xc3\xa4", false,
         true, HG_CHARSET_UTF8},
        {"PN", "a^b^c^d^e", false, true, HG_CHARSET_ASCII},
        {"PN", "a^b^c^d^e^f", false, false, HG_CHARSET_ASCII},
        {"PN", "a=b=c", false, true, HG_CHARSET_ASCII},
        {"PN", "a=b=c=d", false, false, HG_CHARSET_ASCII},
        {"PN", "a^b\\c", true, true, HG_CHARSET_ASCII},
        {"OB", "anything", true, false, HG_CHARSET_ASCII},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[100];
        snprintf(text, sizeof text, "%s", cases[i].value);
        if (hg_record_value_check(text, cases[i].vr, cases[i].many, cases[i].charset) != cases[i].good)
            fail_msg("%s '%s'", cases[i].vr, cases[i].value);
        assert_string_equal(text, cases[i].value);
    }
}

/* What may not stand in text becomes '?'. */
static void test_cleaning(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out, *vr;
        hg_charset charset;
    } cases[] = {
        {"a\x01\x1b[31m\n", "a??[31m?", "LO", HG_CHARSET_ASCII},
        {"a\r\nb\t\x1b", "a\r\nb\t?", "LT", HG_CHARSET_ASCII},
        {"M\xfcller", "M?ller", "PN", HG_CHARSET_ASCII},
        {"M\xfcller\x85", "M\xfcller?", "PN", HG_CHARSET_SINGLE},
        {"\xc3\xa4\xff\xc0\x80\xed\xa0\x80\xf4\x90\x80\x80\xe2\x82", "\xc3\xa4????????????", "LO",
         HG_CHARSET_UTF8},
        {"\x1b$B\x01", "\x1b$B?", "LO", HG_CHARSET_MULTI},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[100];
        snprintf(text, sizeof text, "%s", cases[i].in);
        assert_true(hg_record_value_check(text, cases[i].vr, false, cases[i].charset));
        assert_string_equal(text, cases[i].out);
    }
}

static void test_charsets(void **state)
{
    (void)state;
    static const struct {
        const char *terms;
        hg_charset charset;
        bool known;
    } cases[] = {{"ISO_IR 100", HG_CHARSET_SINGLE, true},
                 {"ISO_IR 192", HG_CHARSET_UTF8, true},
                 {"GB18030", HG_CHARSET_MULTI, true},
                 {"\\ISO 2022 IR 87", HG_CHARSET_MULTI, true},
                 {"ISO 2022 IR 6\\ISO 2022 IR 149", HG_CHARSET_MULTI, true},
                 {"ISO 2022 IR 87\\GB18030", HG_CHARSET_ASCII, false},
                 {"ISO 2022 IR 87\\", HG_CHARSET_ASCII, false},
                 {"ISO_IR 6", HG_CHARSET_ASCII, false},
                 {"", HG_CHARSET_ASCII, false},
                 {"EVIL", HG_CHARSET_ASCII, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char terms[68];
        snprintf(terms, sizeof terms, "%s", cases[i].terms);
        assert_int_equal(hg_charset_find(terms), cases[i].charset);
        assert_string_equal(terms, cases[i].known ? cases[i].terms : "");
    }
}

/* Each attribute of the table that named.dcm has arrives, from both ways of writing it. */
static void test_named(void **state)
{
    (void)state;
    static const char *const files[2] = {"named.dcm", "named_implicit.dcm"};
    for (int i = 0; i < 2; i++) {
        hg_record *record = record_open(files[i]);
        assert_true(record->dicom);
        assert_string_equal(hg_record_left_out(record), "");
        assert_int_equal(hg_record_get_text(record), HG_RECORD_TEXT_NO);
        assert_string_equal(record->values[HG_RECORD_PATIENT_NAME], "SECRETname^Given");
        assert_string_equal(record->values[HG_RECORD_STUDY_UID], "1.2.826.0.1.887766.2");
        for (size_t k = 0; k < HG_RECORD_COUNT; k++) {
            bool lacks = (k >= HG_RECORD_FRAMES && k <= HG_RECORD_LOSSY_METHOD && k != HG_RECORD_BURNED_IN);
            if ((record->values[k] == NULL) != lacks)
                fail_msg("%s: %s", files[i], hg_record_table[k].name);
        }
        hg_record_close(record);
    }
}

/* Values that break the rules are left out by name, and nothing of them is told. */
static void test_hostile(void **state)
{
    (void)state;
    hg_record *record = record_open("hostile.dcm");
    const char *left_out = hg_record_left_out(record);
    static const char *const names[] = {"PatientID",        "StudyInstanceUID", "SeriesInstanceUID",
                                        "PatientBirthDate", "PatientSex",       "PatientComments",
                                        "StudyDate",        "StudyTime",        "AccessionNumber",
                                        "PatientWeight",    "StudyID",          "SoftwareVersions"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (strstr(left_out, names[i]) == NULL)
            fail_msg("%s is not left out: %s", names[i], left_out);
    }
    assert_null(strstr(left_out, "SECRET"));
    assert_null(record->values[HG_RECORD_PATIENT_NAME]); /* bytes, not text */
    assert_null(record->values[HG_RECORD_PATIENT_ID]);
    assert_string_equal(record->terms, "");
    hg_record_close(record);
}

static void test_other_files(void **state)
{
    (void)state;
    hg_record *record = record_open("ultrasound.dcm");
    assert_int_equal(hg_record_get_text(record), HG_RECORD_TEXT_LIKELY);
    assert_string_equal(record->values[HG_RECORD_LOSSY_RATIO], "12.5");
    hg_record_close(record);
    record = record_open("frames.dcm"); /* says that there is text */
    assert_int_equal(hg_record_get_text(record), HG_RECORD_TEXT_LIKELY);
    hg_record_close(record);
    record = record_open("bare.dcm");
    assert_int_equal(hg_record_get_text(record), HG_RECORD_TEXT_UNKNOWN);
    hg_record_close(record);
    record = record_open("../rgb.png");
    assert_false(record->dicom);
    hg_record_close(record);
    record = record_open("../rgb420.jpg");
    assert_false(record->dicom);
    assert_string_equal(record->values[HG_RECORD_LOSSY], "01");
    assert_string_equal(record->values[HG_RECORD_LOSSY_METHOD], "ISO_10918_1");
    hg_record_close(record);
    hg_error err = {0};
    assert_int_equal(hg_record_open(&record, HG_TEST_DATA "/none.dcm", NULL, &err), HG_STATUS_INPUT);
    assert_null(record);
}

/* Slice z of two series, which lie in one folder under names that say nothing. */
static void record_write_slice(const char *folder, const char *series, int z)
{
    char path[HG_PATH_BYTES];
    uint16_t pixels[4 * 4] = {1, 2, 3};
    const builder_slice slice = {
        .series = series, .position = {0, 0, 2 * z}, .instance = 9 - z, .width = 4, .height = 4};
    hg_buffer file;
    hg_error err = {0};
    builder_make(&file, &slice, pixels);
    snprintf(path, sizeof path, "%s/%d%s", folder, (z * 7 + 3) % 5, series);
    assert_int_equal(hg_file_write(path, file.data, file.size, &err), HG_STATUS_OK);
    hg_buffer_deinit(&file);
}

static void record_remove_slice(const char *folder, const char *series, int z)
{
    char path[HG_PATH_BYTES];
    snprintf(path, sizeof path, "%s/%d%s", folder, (z * 7 + 3) % 5, series);
    assert_int_equal(unlink(path), 0);
}

/* Of a series: the file of the slice that is shown; of a cut across slices any file, and no reference. */
static void test_series(void **state)
{
    (void)state;
    char folder[] = "/tmp/hg-record-XXXXXX", want[80];
    hg_error err = {0};
    assert_non_null(mkdtemp(folder));
    for (int z = 0; z < 5; z++) {
        record_write_slice(folder, "1.2.3.4", z);
        if (z < 3)
            record_write_slice(folder, "1.2.3.5", z);
    }
    for (int i = 0; i < 7; i++) {
        hg_image image;
        hg_record *record = NULL;
        hg_image_view view = hg_image_view_default();
        view.slice = i < 5 ? i : 1;
        view.series = i == 5 ? "1" : NULL;
        view.axis = i == 6 ? HG_IMAGE_AXIS_CORONAL : HG_IMAGE_AXIS_DEFAULT;
        hg_image_init(&image);
        if (hg_image_read_view(&image, folder, &view, NULL, &err) != HG_STATUS_OK ||
            hg_record_open(&record, folder, &image, &err) != HG_STATUS_OK)
            fail_msg("%s", err.text);
        const hg_record_source source = {record, 0};
        snprintf(want, sizeof want, "1.2.3.%d.%d", i == 5 ? 5 : 4, 9 - view.slice);
        assert_true(record->dicom);
        assert_string_equal(record->values[HG_RECORD_STUDY_UID], "1.2.3");
        assert_int_equal(hg_record_can_refer(&source), i != 6);
        if (i != 6)
            assert_string_equal(record->values[HG_RECORD_SOP_UID], want);
        else
            assert_string_equal(record->values[HG_RECORD_SERIES_UID], "1.2.3.4");
        hg_record_close(record);
        hg_image_deinit(&image);
    }
    for (int z = 0; z < 5; z++) {
        record_remove_slice(folder, "1.2.3.4", z);
        if (z < 3)
            record_remove_slice(folder, "1.2.3.5", z);
    }
    assert_int_equal(rmdir(folder), 0);
}

/* The blob comes from a process that may have been taken over: any change of it is harmless. */
static void test_broken_blob(void **state)
{
    (void)state;
    hg_buffer file, blob;
    hg_error err = {0};
    hg_buffer_init(&file, RECORD_MAX_FILE);
    hg_buffer_init(&blob, HG_RECORD_BLOB_MAX);
    assert_int_equal(hg_file_read(HG_TEST_DATA "/image/record/named.dcm", &file, &err), HG_STATUS_OK);
    assert_int_equal(hg_record_gather(&blob, file.data, file.size, &err), HG_STATUS_OK);
    for (size_t n = 0; n < blob.size; n++) {
        hg_record record = {0};
        uint8_t *copy = malloc(n + 1);
        memcpy(copy, blob.data, n);
        assert_int_equal(hg_record_parse(&record, copy, n, &err), HG_STATUS_INPUT);
        hg_record_deinit(&record);
        free(copy);
    }
    for (size_t i = 0; i < blob.size; i++) {
        hg_record record = {0};
        uint8_t kept = blob.data[i];
        blob.data[i] = 0xff;
        hg_status status = hg_record_parse(&record, blob.data, blob.size, &err);
        assert_true(status == HG_STATUS_OK || status == HG_STATUS_INPUT);
        hg_record_deinit(&record);
        blob.data[i] = kept;
    }
    hg_buffer_deinit(&blob);
    hg_buffer_deinit(&file);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_values),   cmocka_unit_test(test_cleaning),
                                       cmocka_unit_test(test_charsets), cmocka_unit_test(test_named),
                                       cmocka_unit_test(test_hostile),  cmocka_unit_test(test_other_files),
                                       cmocka_unit_test(test_series),   cmocka_unit_test(test_broken_blob)};
    return cmocka_run_group_tests_name("record", tests, NULL, NULL);
}
