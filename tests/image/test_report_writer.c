/* SPDX-License-Identifier: Apache-2.0
 *
 * test_report_writer.c: the content of Basic Text SR documents, read back.
 */
#include "record_files.h"

static const uint32_t tag_content = 0x0040a730, tag_text = 0x0040a160, tag_name = 0x00100010;

static hg_dicom *report_make(hg_buffer *file, const hg_record_answer *answer,
                             const hg_record_options *options)
{
    hg_error err = {0};
    hg_buffer_init(file, RECORD_MAX_FILE);
    if (hg_record_encode_answer(file, answer, options, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return record_reopen(file);
}

/* The content item below the root whose concept has the code. */
static const hg_dicom_item *report_find(const hg_dicom *dicom, const char *code)
{
    const hg_dicom_item *item;
    for (size_t i = 0; (item = hg_dicom_item_get(hg_dicom_root(dicom), tag_content, i)) != NULL; i++) {
        char text[200];
        if (strcmp(record_value(hg_dicom_item_get(item, 0x0040a043, 0), 0x00080100, text), code) == 0)
            return item;
    }
    fail_msg("no item %s", code);
    return NULL;
}

static void test_document(void **state)
{
    (void)state;
    hg_buffer file;
    hg_record *a = record_open("named.dcm"), *b = record_open("named_implicit.dcm");
    const hg_record_source sources[2] = {{a, 0}, {b, 0}};
    const hg_record_options options = {.sources = sources, .n_sources = 2, .model_name = "tiny"};
    const hg_record_answer answer = {.question = "Is it?", .answer = "No\nit is\\not", .complete = true};
    hg_dicom *dicom = report_make(&file, &answer, &options);
    const hg_dicom_item *root = hg_dicom_root(dicom);
    record_expect(root, 0x00080016, "1.2.840.10008.5.1.4.1.1.88.11");
    record_expect(root, 0x00080060, "SR");
    record_expect(root, tag_name, "SECRETname^Given");
    record_expect(root, 0x0020000d, "1.2.826.0.1.887766.2");
    record_expect(root, 0x0040a491, "COMPLETE");
    record_expect(root, 0x0040a493, "UNVERIFIED");
    record_expect(root, 0x00181030, "(absent)");
    record_expect(hg_dicom_item_get(root, 0x0040a043, 0), 0x00080100, "18748-4");
    record_expect(report_find(dicom, "121062"), tag_text, "Is it?");
    const hg_dicom_item *finding = report_find(dicom, "121071");
    record_expect(finding, tag_text, "No\nit is\\not");
    for (size_t i = 0; i < 2; i++) {
        const hg_dicom_item *image = hg_dicom_item_get(finding, tag_content, i);
        record_expect(image, 0x0040a010, "INFERRED FROM");
        record_expect(hg_dicom_item_get(image, 0x00081199, 0), 0x00081155, "1.2.826.0.1.887766.1");
    }
    record_expect(report_find(dicom, "121015"), tag_text, "tiny");
    char note[200];
    assert_non_null(strstr(record_value(report_find(dicom, "121106"), tag_text, note), "not for diagnosis"));
    const hg_dicom_item *evidence = hg_dicom_item_get(root, 0x0040a375, 0);
    record_expect(evidence, 0x0020000d, "1.2.826.0.1.887766.2");
    hg_dicom_close(dicom);
    hg_buffer_deinit(&file);
    hg_record_close(a);
    hg_record_close(b);
}

static void test_odd_answer(void **state)
{
    (void)state;
    hg_buffer file;
    const hg_record_answer answer = {
        .question = "a\x1b[31m\xff", .answer = "\x04 \xc2\x85\t\xd0\xbe", .complete = true};
    hg_dicom *dicom = report_make(&file, &answer, NULL);
    record_expect(report_find(dicom, "121062"), tag_text, "a?[31m?");
    record_expect(report_find(dicom, "121071"), tag_text, "? ??\t\xd0\xbe");
    hg_dicom_close(dicom);
    hg_buffer_deinit(&file);
}

static void test_cut(void **state)
{
    (void)state;
    hg_buffer file;
    const hg_record_answer answer = {.question = "Is it?", .answer = "", .complete = false};
    hg_dicom *dicom = report_make(&file, &answer, NULL);
    const hg_dicom_item *root = hg_dicom_root(dicom);
    record_expect(root, 0x0040a491, "PARTIAL");
    record_expect(root, tag_name, "");
    record_expect(report_find(dicom, "121071"), tag_text, "");
    record_expect(root, 0x0040a375, "(absent)");
    hg_dicom_close(dicom);
    hg_buffer_deinit(&file);
}

/* A question in UTF-8 takes the source's names along, from every kind of character set. */
static void test_character_sets(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"latin1.dcm", "M\xc3\xbcller^J\xc3\xb6rg"},
        {"greek.dcm", "\xce\x94\xce\xb9\xce\xbf\xce\xbd\xcf\x85\xcf\x83\xce\xb9\xce\xbf\xcf\x82"},
        {"utf8.dcm", "Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe6\x9d\xb1"},
        {"chinese.dcm", "Wang^XiaoDong=\xe7\x8e\x8b^\xe5\xb0\x8f\xe4\xb8\x9c"},
        {"unnamed.dcm", "M?ller^J?rg"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hg_buffer file;
        hg_record *record = record_open(cases[i][0]);
        const hg_record_source source = {record, 0};
        const hg_record_options options = {.sources = &source, .n_sources = 1};
        const hg_record_answer answer = {.question = "\xc3\x96"
                                                     "dem?",
                                         .answer = "Ja",
                                         .complete = true};
        hg_dicom *dicom = report_make(&file, &answer, &options);
        record_expect(hg_dicom_root(dicom), 0x00080005, "ISO_IR 192");
        record_expect(hg_dicom_root(dicom), tag_name, cases[i][1]);
        record_expect(report_find(dicom, "121062"), tag_text,
                      "\xc3\x96"
                      "dem?");
        hg_dicom_close(dicom);
        hg_buffer_deinit(&file);
        hg_record_close(record);
    }
}

/* The system's iconv, as DCMTK uses it, does not know the escape sequences of Japanese: no file then, rather
 * than another name. In ASCII the report keeps the source's character set. */
static void test_japanese(void **state)
{
    (void)state;
    hg_buffer file;
    hg_error err = {0};
    hg_record *record = record_open("japanese.dcm");
    const hg_record_source source = {record, 0};
    const hg_record_options options = {.sources = &source, .n_sources = 1};
    hg_record_answer answer = {.question = "\xc3\x96?", .answer = "Ja", .complete = true};
    hg_buffer_init(&file, RECORD_MAX_FILE);
    assert_int_equal(hg_record_encode_answer(&file, &answer, &options, &err), HG_STATUS_FAILED);
    assert_non_null(strstr(err.text, "UTF-8"));
    assert_int_equal(file.size, 0);
    answer.question = "O?";
    hg_dicom *dicom = report_make(&file, &answer, &options);
    record_expect(hg_dicom_root(dicom), 0x00080005, "\\ISO 2022 IR 87");
    record_expect(hg_dicom_root(dicom), tag_name, "Yamada^Tarou=\x1b$B;3ED\x1b(B^\x1b$BB@O:\x1b(B");
    hg_dicom_close(dicom);
    hg_buffer_deinit(&file);
    hg_record_close(record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_document), cmocka_unit_test(test_cut), cmocka_unit_test(test_odd_answer),
        cmocka_unit_test(test_character_sets), cmocka_unit_test(test_japanese)};
    return cmocka_run_group_tests_name("report_writer", tests, NULL, NULL);
}
