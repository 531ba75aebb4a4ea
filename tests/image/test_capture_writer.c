/* SPDX-License-Identifier: Apache-2.0
 *
 * test_capture_writer.c: attributes and pixels of Secondary Capture files, read back. Whether other toolkits
 * take them is in tests/cli/test_dicom_output.sh.
 */
#include "record_files.h"

#include "image/image_reader.h"

static const uint32_t tag_class = 0x00080016, tag_type = 0x00080008, tag_conversion = 0x00080064;
static const uint32_t tag_derivation = 0x00082111, tag_comments = 0x00204000, tag_name = 0x00100010;
static const uint32_t tag_source = 0x00082112, tag_lossy = 0x00282110, tag_burned = 0x00280301;

static hg_dicom *capture_make(hg_buffer *file, const hg_image *image, const hg_record_options *options)
{
    hg_error err = {0};
    hg_buffer_init(file, RECORD_MAX_FILE);
    if (hg_record_encode_image(file, image, options, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return record_reopen(file);
}

static void test_synthetic(void **state)
{
    (void)state;
    hg_image image, back;
    hg_buffer file;
    hg_error err = {0};
    hg_record *record = record_open("named.dcm");
    const hg_record_source source = {record, 0};
    const hg_record_options options = {.sources = &source,
                                       .n_sources = 1,
                                       .model_name = "m3\\\xc3\xa4",
                                       .model_version = "abc",
                                       .description = "Task: reconstruct",
                                       .comment = "Warning: of the test"};
    record_picture(&image, 200, 40, 3, 8);
    image.synthetic = true;
    hg_dicom *dicom = capture_make(&file, &image, &options);
    const hg_dicom_item *root = hg_dicom_root(dicom);
    record_expect(root, tag_class, "1.2.840.10008.5.1.4.1.1.7");
    record_expect(root, tag_type, "DERIVED\\SECONDARY\\OTHER\\SYNTHETIC");
    record_expect(root, tag_conversion, "SYN");
    record_expect(root, tag_derivation, HG_IMAGE_SYNTHETIC_COMMENT ". Task: reconstruct");
    record_expect(root, tag_comments, HG_IMAGE_SYNTHETIC_COMMENT ". Warning: of the test");
    record_expect(root, 0x0008103e, HG_RECORD_MARK);
    record_expect(root, 0x00080070, "healthgpt");
    record_expect(root, 0x00081090, "m3___");
    record_expect(root, 0x00181020, "healthgpt " HG_VERSION "\\abc");
    record_expect(root, tag_name, "SECRETname^Given");
    record_expect(root, 0x0020000d, "1.2.826.0.1.887766.2");
    record_expect(root, tag_lossy, "00");
    record_expect(root, tag_burned, "NO");
    const hg_dicom_item *from = hg_dicom_item_get(root, tag_source, 0);
    record_expect(from, 0x00081150, "1.2.840.10008.5.1.4.1.1.2");
    record_expect(from, 0x00081155, "1.2.826.0.1.887766.1");
    record_expect(from, 0x00081160, "(absent)");
    const hg_dicom_item *maker = hg_dicom_item_get(root, 0x0018a001, 0);
    record_expect(maker, 0x00081090, "Scanner 1");
    record_expect(maker, 0x00081010, "SECRETstation");
    assert_null(hg_dicom_item_get(root, 0x00081140, 0)); /* a sequence of the source */
    char uid[200];
    assert_string_not_equal(record_value(root, 0x00080018, uid), "1.2.826.0.1.887766.1");
    assert_string_not_equal(record_value(root, 0x0020000e, uid), "1.2.826.0.1.887766.3");
    hg_dicom_close(dicom);
    /* The picture is the same but for the box of the mark. */
    hg_image_init(&back);
    assert_int_equal(hg_image_read_memory(&back, file.data, file.size, NULL, &err), HG_STATUS_OK);
    assert_int_equal(hg_image_bytes(&back), hg_image_bytes(&image));
    assert_memory_equal(back.samples, image.samples, 31 * hg_image_row_bytes(&image));
    assert_memory_not_equal((uint8_t *)back.samples + 31 * hg_image_row_bytes(&image),
                            (uint8_t *)image.samples + 31 * hg_image_row_bytes(&image),
                            9 * hg_image_row_bytes(&image));
    hg_image_deinit(&back);
    hg_image_deinit(&image);
    hg_buffer_deinit(&file);
    hg_record_close(record);
}

/* Without sources: nobody's. No mark is in the pixels of what is no synthetic picture, or when not wanted. */
static void test_anonymous(void **state)
{
    (void)state;
    static const struct {
        int channels, bits, channels_back;
        bool synthetic;
    } cases[] = {{1, 8, 1, false}, {1, 16, 1, false}, {3, 8, 3, true},
                 {4, 8, 3, false}, {2, 16, 1, false}, {3, 16, 3, false}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hg_image image;
        hg_buffer file;
        double bits = 0, channels = 0;
        const uint8_t *pixels;
        size_t n;
        const hg_record_options options = {.no_burn_in = true};
        record_picture(&image, 21, 13, cases[i].channels, cases[i].bits);
        image.synthetic = cases[i].synthetic;
        hg_dicom *dicom = capture_make(&file, &image, cases[i].synthetic ? &options : NULL);
        const hg_dicom_item *root = hg_dicom_root(dicom);
        record_expect(root, tag_name, "");
        record_expect(root, 0x00100020, "");
        record_expect(root, tag_conversion, cases[i].synthetic ? "SYN" : "WSD");
        record_expect(root, tag_comments, cases[i].synthetic ? HG_IMAGE_SYNTHETIC_COMMENT : "(absent)");
        assert_true(hg_dicom_get_number(root, 0x00280100, 0, &bits));
        assert_true(hg_dicom_get_number(root, 0x00280002, 0, &channels));
        assert_int_equal((int)channels, cases[i].channels_back);
        assert_true(hg_dicom_view_native(dicom, &pixels, &n));
        if (cases[i].channels == cases[i].channels_back && (int)bits == cases[i].bits)
            assert_memory_equal(pixels, image.samples, hg_image_bytes(&image));
        hg_dicom_close(dicom);
        hg_buffer_deinit(&file);
        hg_image_deinit(&image);
    }
}

/* Loss, text in the pixels and frames are inherited. */
static void test_inherited(void **state)
{
    (void)state;
    static const struct {
        const char *file, *lossy, *ratio, *burned, *name, *terms;
    } cases[] = {
        {"ultrasound.dcm", "01", "12.5", "(absent)", "Sonar^A", "(absent)"},
        {"frames.dcm", "00", "(absent)", "YES", "Frames^A", "(absent)"},
        {"bare.dcm", "00", "(absent)", "(absent)", "", "(absent)"},
        {"latin1.dcm", "00", "(absent)", "(absent)", "M\xfcller^J\xf6rg", "ISO_IR 100"},
        {"unnamed.dcm", "00", "(absent)", "(absent)", "M?ller^J?rg", "(absent)"},
        {"hostile.dcm", "00", "(absent)", "(absent)", "", "(absent)"},
    };
    hg_image image;
    record_picture(&image, 21, 13, 1, 8);
    image.source = (hg_image_source){.scan = true, .spacing = {0.25, 1.0 / 3, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        hg_buffer file;
        hg_record *record = record_open(cases[i].file);
        const hg_record_source source = {record, 1};
        const hg_record_options options = {.sources = &source, .n_sources = 1};
        hg_dicom *dicom = capture_make(&file, &image, &options);
        const hg_dicom_item *root = hg_dicom_root(dicom);
        record_expect(root, tag_lossy, cases[i].lossy);
        record_expect(root, 0x00282112, cases[i].ratio);
        record_expect(root, tag_burned, cases[i].burned);
        record_expect(root, tag_name, cases[i].name);
        record_expect(root, 0x00080005, cases[i].terms);
        record_expect(root, 0x00280030, "0.33333333\\0.25");
        hg_dicom_close(dicom);
        hg_buffer_deinit(&file);
        hg_record_close(record);
    }
    hg_image_deinit(&image);
}

static void test_refused(void **state)
{
    (void)state;
    hg_image image;
    hg_buffer file;
    hg_error err = {0};
    hg_record *a = record_open("named.dcm"), *b = record_open("latin1.dcm");
    const hg_record_source sources[2] = {{a, 0}, {b, 0}};
    const hg_record_options options = {.sources = sources, .n_sources = 2};
    hg_buffer_init(&file, RECORD_MAX_FILE);
    record_picture(&image, 40, 8, 1, 8);
    assert_int_equal(hg_record_encode_image(&file, &image, &options, &err), HG_STATUS_USAGE);
    assert_non_null(strstr(err.text, "several patients"));
    image.synthetic = true;
    assert_int_equal(hg_record_encode_image(&file, &image, NULL, &err), HG_STATUS_USAGE);
    assert_int_equal(hg_record_save_image(&image, "/nowhere/x.dcm", NULL, &err), HG_STATUS_USAGE);
    image.synthetic = false;
    assert_int_equal(hg_record_save_image(&image, "/nowhere/x.dcm", NULL, &err), HG_STATUS_FAILED);
    hg_buffer_init(&file, 1000);
    assert_int_equal(hg_record_encode_image(&file, &image, NULL, &err), HG_STATUS_FAILED);
    hg_buffer_deinit(&file);
    hg_image_deinit(&image);
    hg_record_close(a);
    hg_record_close(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_synthetic), cmocka_unit_test(test_anonymous),
                                       cmocka_unit_test(test_inherited), cmocka_unit_test(test_refused)};
    return cmocka_run_group_tests_name("capture_writer", tests, NULL, NULL);
}
