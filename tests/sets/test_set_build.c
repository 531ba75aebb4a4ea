/* SPDX-License-Identifier: Apache-2.0
 *
 * test_set_build.c: every source's layout from small files written here; splits, look-alikes, rows left out;
 * and the real VQA-RAD, SLAKE and PathVQA files when the shared data lie beside the checkout.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"
#include "data/image_hash.h"
#include "data/llava_json.h"
#include "data/set_source.h"
#include "data/set_volumes.h"

#include <healthgpt/data.h>

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

static char in[64], out[64];

static int setup(void **state)
{
    (void)state;
    snprintf(in, sizeof in, "/tmp/hg_in_XXXXXX");
    snprintf(out, sizeof out, "/tmp/hg_out_XXXXXX");
    return mkdtemp(in) == NULL || mkdtemp(out) == NULL;
}

static int teardown(void **state)
{
    char command[200];
    (void)state;
    snprintf(command, sizeof command, "rm -rf '%s' '%s'", in, out);
    return system(command);
}

static void write_text(const char *name, const char *text)
{
    char path[200];
    snprintf(path, sizeof path, "%s/%s", in, name);
    assert_int_equal(hg_file_write(path, text, strlen(text), NULL), HG_STATUS_OK);
}

/* A picture of a pattern; `shift` moves its values a little, as other brightness does. */
static void write_image(const char *name, int pattern, int shift)
{
    static uint8_t samples[64 * 48];
    char path[200], folder[200];
    hg_image *image;
    hg_error err;
    for (int i = 0; i < 64 * 48; i++)
        samples[i] =
            (uint8_t)(100 + shift +
                      60 * sin((i % 64) / (3.0 + pattern) + pattern) * cos(i / 64 / (2.0 + pattern)));
    snprintf(path, sizeof path, "%s/%s", in, name);
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    assert_int_equal(hg_folder_create(folder, &err), HG_STATUS_OK);
    assert_int_equal(hg_image_create(&image, samples, 64, 48, 1, &err), HG_STATUS_OK);
    assert_int_equal(hg_image_save(image, path, NULL, &err), HG_STATUS_OK);
    hg_image_close(image);
}

static hg_build_request request_of(const char *from)
{
    return (hg_build_request){
        .from = from, .in = in, .out = out, .val = 0.1, .test = 0.1, .near = 2, .n_slices = 3};
}

static hg_build_result build(const hg_build_request *request)
{
    hg_build_result result;
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_data_build(request, &result, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return result;
}

static json_t *list_of(const char *name)
{
    char path[200];
    json_error_t why;
    snprintf(path, sizeof path, "%s/%s.json", out, name);
    json_t *list = json_load_file(path, 0, &why);
    assert_non_null(list);
    return list;
}

/* All items of the set, with the list that they are in under "list". */
static json_t *all_items(void)
{
    static const char *const names[] = {"train", "val", "test"};
    json_t *all = json_array();
    for (int i = 0; i < 3; i++) {
        json_t *list = list_of(names[i]), *item;
        size_t k;
        json_array_foreach(list, k, item)
        {
            assert_string_equal(json_string_value(json_object_get(item, "split")), names[i]);
            json_array_append(all, item);
        }
        json_decref(list);
    }
    return all;
}

static const char *turn(const json_t *item, size_t i)
{
    return json_string_value(
        json_object_get(json_array_get(json_object_get(item, "conversations"), i), "value"));
}

static const json_t *with_question(const json_t *all, const char *part)
{
    for (size_t i = 0; i < json_array_size(all); i++) {
        if (strstr(turn(json_array_get(all, i), 0), part) != NULL)
            return json_array_get(all, i);
    }
    return NULL;
}

static const char *text_in(const json_t *item, const char *key)
{
    const char *text = json_string_value(json_object_get(item, key));
    return text == NULL ? "" : text;
}

/* Training reads every list that is not empty, and finds the images. */
static void check_lists(const hg_build_result *result)
{
    static const char *const names[] = {"train", "val", "test"};
    for (int i = 0; i < 3; i++) {
        char path[200];
        hg_llava_set *set;
        hg_error err;
        snprintf(path, sizeof path, "%s/%s.json", out, names[i]);
        if (result->n_items[i] == 0)
            continue;
        assert_int_equal(hg_llava_open(&set, path, NULL, &err), HG_STATUS_OK);
        assert_int_equal(hg_llava_n_items(set), result->n_items[i]);
        for (size_t k = 0; k < hg_llava_n_items(set); k++) {
            hg_llava_item item;
            if (hg_llava_read(set, k, &item, &err) != HG_STATUS_OK)
                fail_msg("%s", err.text);
            for (size_t m = 0; m < item.n_images; m++)
                assert_true(hg_file_exists(item.images[m]));
            hg_llava_item_deinit(&item);
        }
        hg_llava_close(set);
    }
}

/* ---- splits ---- */

#define RAD(image, url, phrase, q, a)                                                                        \
    "{\"qid\": 1, \"phrase_type\": \"" phrase "\", \"image_case_url\": \"" url                               \
    "\", \"image_name\": \"" image "\", \"image_organ\": \"HEAD\", \"question\": \"" q "\", \"answer\": " a  \
    ", \"answer_type\": \"CLOSED\", \"question_type\": \"PRES\"}"

/* Case 1 has a test question; image d looks like image a, in another light; case 3 has nothing to do with it.
 */
static void write_rad(void)
{
    write_text(
        "VQA_RAD Dataset Public.json",
        "[" RAD("a.png", "u/1", "freeform", "Q1?", "\"Yes\"") ",\n" RAD(
            "b.png", "u/1", "test_freeform", "Q2?",
            "\"No\"") "," RAD("c.png", "u/3", "para", "Q3?",
                              "4") ",\n" RAD("d.png", "u/4", "freeform", "Q4?",
                                             "\"Yes\"") "," RAD("c.png", "u/3", "para", "Q3?",
                                                                "4") "," RAD("gone.png", "u/5", "para", "Q5?",
                                                                             "\"No\"") "," RAD("c.png", "u/3",
                                                                                               "para", "Q6?",
                                                                                               "\"\"") "]");
    write_image("images/a.png", 1, 0);
    write_image("images/b.png", 2, 0);
    write_image("images/c.png", 3, 0);
    write_image("images/d.png", 1, 20);
}

static void test_splits(void **state)
{
    (void)state;
    write_rad();
    hg_build_request request = request_of("vqa-rad");
    request.val = 0;
    hg_build_result r = build(&request);
    check_lists(&r);
    json_t *all = all_items();
    assert_string_equal(text_in(with_question(all, "Q2?"), "split"), "test");
    assert_string_equal(text_in(with_question(all, "Q1?"), "split"), "test"); /* its patient */
    assert_string_equal(text_in(with_question(all, "Q4?"), "split"), "test"); /* its look-alike */
    assert_string_equal(text_in(with_question(all, "Q3?"), "split"), "train");
    assert_string_equal(turn(with_question(all, "Q3?"), 1), "4"); /* a number in the file */
    assert_string_equal(turn(with_question(all, "Q1?"), 0), "<image>\nQ1?");
    assert_string_equal(text_in(with_question(all, "Q1?"), "license"), "CC0-1.0");
    assert_string_equal(text_in(with_question(all, "Q1?"), "patient"), "u/1");
    assert_int_equal(r.n_moved, 2);
    assert_int_equal(r.n_alike, 1);
    assert_int_equal(r.n_repeated, 1);
    assert_int_equal(r.n_missing, 1);
    assert_int_equal(r.n_bad, 1); /* no answer */
    assert_int_equal(r.n_images, 4);
    assert_null(with_question(all, "Q5?"));
    json_decref(all);
    request.official = true;
    request.keep_missing = true;
    r = build(&request);
    all = all_items();
    assert_string_equal(text_in(with_question(all, "Q1?"), "split"), "train");
    assert_string_equal(text_in(with_question(all, "Q5?"), "image"), "gone.png");
    assert_int_equal(r.n_moved, 0);
    json_decref(all);
}

static void test_hash(void **state)
{
    char path[200];
    uint64_t hash[3];
    (void)state;
    write_rad();
    static const char *const names[] = {"a", "d", "b"};
    for (int i = 0; i < 3; i++) {
        hg_image *image;
        snprintf(path, sizeof path, "%s/images/%s.png", in, names[i]);
        assert_int_equal(hg_image_open(&image, path, NULL), HG_STATUS_OK);
        assert_int_equal(hg_image_hash(&hash[i], image, NULL), HG_STATUS_OK);
        hg_image_close(image);
    }
    assert_true(hg_image_hash_distance(hash[0], hash[1]) <= 2);
    assert_true(hg_image_hash_distance(hash[0], hash[2]) > 10);
    assert_int_equal(hg_image_hash_distance(0, 0xff), 8);
}

/* ---- layouts ---- */

static void test_slake(void **state)
{
    (void)state;
    write_text(
        "train.json",
        "[{\"img_id\": 1, \"img_name\": \"xmlab1/source.jpg\", \"question\": \"Which?\", \"answer\": \"CT\", "
        "\"q_lang\": \"en\", \"answer_type\": \"OPEN\", \"modality\": \"CT\", \"qid\": 7},"
        "{\"img_id\": 1, \"img_name\": \"xmlab1/source.jpg\", \"question\": \"\\u54ea\", \"answer\": "
        "\"CT\", \"q_lang\": \"zh\"}]");
    write_text("validate.json",
               "[{\"img_name\": \"xmlab2/source.jpg\", \"question\": \"Where?\", \"answer\": \"Head\", "
               "\"q_lang\": \"en\"}]");
    write_image("imgs/xmlab1/source.jpg", 1, 0);
    write_image("imgs/xmlab2/source.jpg", 2, 0);
    hg_build_request request = request_of("slake");
    hg_build_result r = build(&request);
    check_lists(&r);
    json_t *all = all_items();
    assert_int_equal(json_array_size(all), 2);
    assert_int_equal(r.n_skipped, 1);
    assert_string_equal(text_in(with_question(all, "Where?"), "split"), "val");
    assert_string_equal(text_in(with_question(all, "Which?"), "modality"), "CT");
    assert_string_equal(text_in(with_question(all, "Which?"), "license"), "CC-BY-4.0");
    json_decref(all);
}

static void test_mimic(void **state)
{
    (void)state;
    write_text(
        "train.json",
        "[{\"split\": \"train\", \"subject_id\": \"10\", \"study_id\": \"5\", \"image_id\": \"x\", "
        "\"image_path\": \"p10/a.jpg\", \"question\": \"What?\", \"semantic_type\": \"query\", \"answer\": "
        "[\"edema\", \"atelectasis\"]},"
        "{\"subject_id\": \"11\", \"image_path\": \"p11/b.jpg\", \"question\": \"Any?\", \"semantic_type\": "
        "\"verify\", \"answer\": []}]");
    /* The same subject as in train: all of it goes to test. */
    write_text("test.json", "[{\"subject_id\": \"11\", \"image_path\": \"p11/c.jpg\", \"question\": \"Is "
                            "it?\", \"semantic_type\": "
                            "\"verify\", \"answer\": [\"yes\"]}]");
    write_image("files/p10/a.jpg", 1, 0);
    write_image("files/p11/b.jpg", 2, 0);
    write_image("files/p11/c.jpg", 3, 0);
    hg_build_request request = request_of("mimic-cxr-vqa");
    request.val = 0;
    hg_build_result r = build(&request);
    check_lists(&r);
    json_t *all = all_items();
    assert_string_equal(turn(with_question(all, "What?"), 1), "edema, atelectasis");
    assert_string_equal(text_in(with_question(all, "What?"), "answer_type"), "OPEN");
    assert_string_equal(text_in(with_question(all, "What?"), "split"), "train");
    assert_string_equal(turn(with_question(all, "Any?"), 1), "none");
    assert_string_equal(text_in(with_question(all, "Any?"), "answer_type"), "CLOSED");
    assert_string_equal(text_in(with_question(all, "Any?"), "split"), "test");
    assert_string_equal(text_in(with_question(all, "Any?"), "patient"), "11");
    json_decref(all);
}

static void test_pathvqa(void **state)
{
    (void)state;
    write_text(
        "test.json",
        "[{\"image_path\": \"images\\\\test\\\\p.jpg\", \"question\": \"where?\", \"answer\": \"abdomen\", "
        "\"answer_type\": \"OPEN\"}, {\"image_path\": \"..\\\\..\\\\secret\", \"question\": \"q\", "
        "\"answer\": \"a\"}]");
    write_text("QA_pairs_vb.json",
               "[{\"Image_ID\": \"Fig.1\", \"Questions\": \"Is it?\", \"Answers\": \"yes\"}]");
    write_image("images/test/p.jpg", 1, 0);
    write_image("images/Fig.1.jpg", 2, 0);
    hg_build_request request = request_of("pathvqa");
    hg_build_result r = build(&request);
    check_lists(&r);
    json_t *all = all_items();
    assert_int_equal(json_array_size(all), 2);
    assert_int_equal(r.n_bad, 1); /* the path that leaves the folder */
    assert_string_equal(text_in(with_question(all, "where?"), "split"), "test");
    assert_string_equal(text_in(with_question(all, "Is it?"), "answer_type"), "CLOSED");
    json_decref(all);
}

#define TURNS(q, a) "[{\"from\": \"human\", \"value\": \"" q "\"}, {\"from\": \"gpt\", \"value\": \"" a "\"}]"

static void test_llava(void **state)
{
    static const char records[] = "[{\"id\": \"1\", \"image\": \"x/1.jpg\", \"conversatons\": " TURNS(
        "Tell\\n<image>",
        "A scan.") "},"
                   "{\"id\": \"2\", \"image\": \"x/2.jpg\", \"conversations\": " TURNS(
                       "<image><image>\\nTwice?",
                       "No.") "},"
                              "{\"id\": \"3\", \"conversations\": " TURNS(
                                  "Only text?",
                                  "Yes.") "},"
                                          "{\"id\": \"4\", \"image\": \"x/1.jpg\", \"conversations\": []}]";
    (void)state;
    write_text("llava_med_instruct_10k.json", records);
    write_text("llava_v1_5_mix665k.json", records);
    write_text("blip_laion_cc_sbu_558k.json", records);
    write_image("images/x/1.jpg", 1, 0);
    write_image("images/x/2.jpg", 2, 0);
    static const char *const names[] = {"llava-med", "llava-665k", "llava-558k"};
    for (int i = 0; i < 3; i++) {
        hg_build_request request = request_of(names[i]);
        hg_build_result r = build(&request);
        check_lists(&r);
        json_t *all = all_items();
        assert_int_equal(json_array_size(all), 3);
        assert_int_equal(r.n_bad, 1);
        assert_string_equal(turn(with_question(all, "Tell"), 0), "Tell\n<image>"); /* one tag, as it stood */
        assert_string_equal(turn(with_question(all, "Twice?"), 0), "<image>\nTwice?");
        assert_string_equal(text_in(with_question(all, "Tell"), "source"), names[i]);
        assert_null(json_object_get(with_question(all, "Only text?"), "image"));
        json_decref(all);
    }
}

static void test_several_images(void **state)
{
    (void)state;
    write_text(
        "PubMedVision_Alignment_VQA.json",
        "[{\"id\": \"1\", \"image\": [\"1.jpg\", \"2.jpg\"], \"modality\": \"MRI\", "
        "\"conversations\": " TURNS(
            "Both?",
            "Yes.") "}, {\"id\": \"2\", \"image\": [\"3.jpg\"], \"conversations\": " TURNS("One?",
                                                                                           "Yes.") "}]");
    write_image("images/1.jpg", 1, 0);
    write_image("images/2.jpg", 2, 0);
    write_image("images/3.jpg", 3, 0);
    hg_build_request request = request_of("pubmedvision");
    hg_build_result r = build(&request);
    check_lists(&r);
    assert_int_equal(r.n_multi, 1);
    assert_int_equal(r.n_items[0] + r.n_items[1] + r.n_items[2], 1);
    request.multi_image = true;
    r = build(&request);
    check_lists(&r);
    json_t *all = all_items();
    const json_t *both = with_question(all, "Both?");
    assert_int_equal(json_array_size(json_object_get(both, "image")), 2);
    assert_string_equal(turn(both, 0), "<image>\n<image>\nBoth?");
    assert_string_equal(text_in(both, "modality"), "MRI");
    assert_true(json_is_string(json_object_get(with_question(all, "One?"), "image")));
    json_decref(all);
}

/* ---- volumes ---- */

/* A NIfTI-1 file of int16: n x n x depth voxels of 1 mm, placed at `offset` mm. */
static void write_volume(const char *name, int n, int depth, float offset, int scale)
{
    static uint8_t bytes[352 + 2 * 40 * 40 * 16];
    char path[200], folder[200];
    const int16_t dim[8] = {3, (int16_t)n, (int16_t)n, (int16_t)depth, 1, 1, 1, 1};
    const float pixdim[8] = {1, 1, 1, 1, 0, 0, 0, 0}, vox_offset = 352;
    const float rows[12] = {1, 0, 0, offset, 0, 1, 0, 0, 0, 0, 1, 0};
    const int16_t type = 4, bits = 16, code = 1;
    const int32_t size = 348;
    memset(bytes, 0, sizeof bytes);
    memcpy(bytes, &size, 4);
    memcpy(bytes + 40, dim, sizeof dim);
    memcpy(bytes + 70, &type, 2);
    memcpy(bytes + 72, &bits, 2);
    memcpy(bytes + 76, pixdim, sizeof pixdim);
    memcpy(bytes + 108, &vox_offset, 4);
    memcpy(bytes + 254, &code, 2);
    memcpy(bytes + 280, rows, sizeof rows);
    memcpy(bytes + 344, "n+1", 4);
    for (int i = 0; i < n * n * depth; i++) {
        int16_t v = (int16_t)(scale * ((i % n) + i / (n * n)) % 900);
        memcpy(bytes + 352 + 2 * i, &v, 2);
    }
    snprintf(path, sizeof path, "%s/%s", in, name);
    snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(path, '/') - path), path);
    assert_int_equal(hg_folder_create(folder, NULL), HG_STATUS_OK);
    assert_int_equal(hg_file_write(path, bytes, 352 + 2 * (size_t)(n * n * depth), NULL), HG_STATUS_OK);
}

static void test_ixi(void **state)
{
    (void)state;
    write_volume("IXI-T1/IXI002-Guys-0828-T1.nii", 40, 16, 0, 11);
    write_volume("IXI-T2/IXI002-Guys-0828-T2.nii", 40, 16, 0, 7);
    write_volume("IXI-T2/IXI013-HH-1212-T2.nii", 40, 16, 0, 13);
    write_volume("IXI-MRA/IXI013-HH-1212-MRA.nii", 40, 16, 0, 13); /* not wanted */
    hg_build_request request = request_of("ixi");
    hg_build_result r = build(&request);
    check_lists(&r);
    json_t *all = all_items();
    assert_int_equal(r.n_patients, 2);
    assert_int_equal(json_array_size(all), 3 * 3 * 2); /* volumes, slices, tasks */
    assert_int_equal(r.n_images, 3 * 3 * 2);
    int n_low = 0;
    const char *split = NULL;
    for (size_t i = 0; i < json_array_size(all); i++) {
        const json_t *item = json_array_get(all, i);
        if (strcmp(text_in(item, "patient"), "IXI002") == 0) {
            assert_true(split == NULL || strcmp(split, text_in(item, "split")) == 0);
            split = text_in(item, "split");
        }
        if (strcmp(text_in(item, "task"), "super-resolution") != 0)
            continue;
        char path[300];
        hg_image *low, *full;
        n_low++;
        snprintf(path, sizeof path, "%s/%s", out, text_in(item, "image"));
        assert_int_equal(hg_image_open(&low, path, NULL), HG_STATUS_OK);
        snprintf(path, sizeof path, "%s/%s", out, text_in(item, "target_image"));
        assert_int_equal(hg_image_open(&full, path, NULL), HG_STATUS_OK);
        assert_int_equal(hg_image_get_info(low).width, 10);
        assert_int_equal(hg_image_get_info(full).width, 40);
        hg_image_close(low);
        hg_image_close(full);
    }
    assert_int_equal(n_low, 9);
    json_decref(all);
}

static void test_synthrad(void **state)
{
    char a[200], b[200];
    hg_error err;
    (void)state;
    write_volume("Task1/brain/1BA001/mr.nii", 40, 16, 0, 11);
    write_volume("Task1/brain/1BA001/ct.nii", 40, 16, 0, 17);
    write_volume("Task1/brain/1BA002/mr.nii", 40, 16, 0, 11);
    write_volume("Task1/brain/1BA002/ct.nii", 40, 16, 0.5f, 17); /* half a millimetre off */
    write_volume("Task1/brain/1BA003/mr.nii", 40, 16, 0, 11);
    write_volume("Task1/brain/1BA003/ct.nii", 40, 12, 0, 17); /* another shape */
    hg_build_request request = request_of("synthrad2023");
    hg_build_result r = build(&request);
    check_lists(&r);
    json_t *all = all_items();
    assert_int_equal(json_array_size(all), 3 * 2);
    assert_int_equal(r.n_bad, 2);
    const json_t *item = with_question(all, "Convert the CT image to an MRI image.");
    assert_string_equal(text_in(item, "task"), "ct-to-mri");
    assert_string_equal(text_in(item, "patient"), "1BA001");
    assert_non_null(strstr(text_in(item, "image"), "_ct.png"));
    assert_non_null(strstr(text_in(item, "target_image"), "_mr.png"));
    json_decref(all);
    snprintf(a, sizeof a, "%s/Task1/brain/1BA002/mr.nii", in);
    snprintf(b, sizeof b, "%s/Task1/brain/1BA002/ct.nii", in);
    assert_int_equal(hg_volumes_check_pair(a, b, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "not registered"));
    assert_int_equal(hg_volumes_check_pair(a, a, &err), HG_STATUS_OK);
}

/* ---- a catalogue of labelled pictures ---- */

/* Options of a choice question, of which the answer is one. */
static void check_choice(const json_t *item, const char *right)
{
    char line[80];
    assert_non_null(item);
    assert_string_equal(text_in(item, "answer_type"), "CHOICE");
    snprintf(line, sizeof line, ". %s\n", right);
    assert_non_null(strstr(turn(item, 0), line));
    assert_int_equal(strcasecmp(turn(item, 1), right), 0);
    assert_null(strstr(strstr(turn(item, 0), line) + 1, line)); /* once */
}

static void test_catalogue(void **state)
{
    (void)state;
    write_text(
        "manifest.jsonl",
        "{\"path\": \"a.png\", \"modality\": \"MRI T1\", \"body_part\": \"brain\", \"labels\": [\"axial\", "
        "\"T1\", \"chronic stroke\"], \"licence\": \"MIT\", \"group\": \"one\"}\n"
        "{\"path\": \"v/b.png\", \"modality\": \"fundus photograph\", \"labels\": [\"normal retina\"], "
        "\"derived\": \"a slice\", \"licence\": \"CC-BY-4.0\"}\n"
        "{\"path\": \"v/c.png\", \"modality\": \"fundus photograph\", \"labels\": [\"RBC:7\"], \"derived\": "
        "\"a slice\"}\n"
        "{\"path\": \"d.png\", \"modality\": \"thermography\"}\n"
        "{\"path\": \"../e.png\", \"modality\": \"CT\"}\n");
    write_image("a.png", 1, 0);
    write_image("v/b.png", 2, 0);
    write_image("v/c.png", 3, 0);
    hg_build_request request = request_of("catalogue");
    hg_build_result r = build(&request);
    check_lists(&r);
    json_t *all = all_items();
    /* all nine of a.png; caption, three of the modality and one of the diagnosis of b; four of c. */
    assert_int_equal(json_array_size(all), 9 + 5 + 4);
    assert_true(r.n_bad > 0); /* the path that leaves the folder */
    const json_t *b = NULL, *item;
    size_t i, n_known = 0;
    json_array_foreach(all, i, item)
    {
        const char *answer = turn(item, 1), *topic = text_in(item, "question_type");
        if (strcmp(text_in(item, "patient"), "v") == 0) { /* one folder, one group, one list */
            b = b == NULL ? item : b;
            assert_string_equal(text_in(item, "split"), text_in(b, "split"));
            continue;
        }
        assert_string_equal(text_in(item, "license"), "MIT");
        assert_string_equal(text_in(item, "patient"), "one");
        if (strcmp(text_in(item, "answer_type"), "CHOICE") == 0)
            check_choice(item, strcmp(topic, "part") == 0 ? "head" : "MRI");
        else if (strcmp(text_in(item, "answer_type"), "OPEN") == 0)
            n_known += strcmp(answer, "MRI") == 0 || strcmp(answer, "Head") == 0 ||
                       strcmp(answer, "Axial") == 0 || strcmp(answer, "T1-weighted") == 0 ||
                       strcmp(answer, "Chronic stroke") == 0;
        else if (strcmp(text_in(item, "answer_type"), "CLOSED") == 0)
            assert_int_equal(strcmp(answer, "Yes") == 0, strstr(turn(item, 0), "MRI") != NULL);
        else
            assert_string_equal(answer, "This is an MRI image of the head: chronic stroke.");
    }
    assert_int_equal(n_known, 5);
    json_decref(all);
}

static void test_refusals(void **state)
{
    hg_build_result r;
    hg_error err;
    (void)state;
    hg_build_request request = request_of("imagenet");
    assert_int_equal(hg_data_build(&request, &r, &err), HG_STATUS_USAGE);
    assert_non_null(strstr(err.text, "vqa-rad"));
    request = request_of("slake");
    assert_int_equal(hg_data_build(&request, &r, &err), HG_STATUS_INPUT); /* nothing there */
    assert_non_null(strstr(err.text, "train.json"));
    request = request_of("ixi");
    assert_int_equal(hg_data_build(&request, &r, &err), HG_STATUS_INPUT);
    request.in = "/nowhere";
    assert_int_equal(hg_data_build(&request, &r, &err), HG_STATUS_INPUT);
    request = request_of("slake");
    request.val = 0.6;
    request.test = 0.6;
    assert_int_equal(hg_data_build(&request, &r, &err), HG_STATUS_USAGE);
}

/* ---- the real files ---- */

/* Counts are those that the data's own notes and a count with Python's json give. */
static void test_real(void **state)
{
    (void)state;
    if (!hg_folder_exists(HG_SHARED_DATA "/vqa/vqa_rad")) {
        print_message("skipped: no shared data\n");
        skip();
    }
    hg_build_request request = request_of("vqa-rad");
    request.in = HG_SHARED_DATA "/vqa/vqa_rad";
    hg_build_result r = build(&request);
    size_t n = r.n_items[0] + r.n_items[1] + r.n_items[2];
    assert_int_equal(n, 1655);         /* 1,658 records, three of them twice */
    assert_int_equal(r.n_images, 231); /* one of the 232 files is named by no record */
    assert_true(n > 1600 && r.n_items[2] > 300);
    check_lists(&r);
    request = request_of("slake");
    request.in = HG_SHARED_DATA "/vqa/slake";
    request.keep_missing = true;
    r = build(&request);
    n = r.n_items[0] + r.n_items[1] + r.n_items[2];
    assert_int_equal(n + r.n_skipped + r.n_repeated + r.n_bad, 11276);
    assert_int_equal(r.n_missing, n);
    request = request_of("pathvqa");
    request.in = HG_SHARED_DATA "/vqa/pathvqa";
    request.keep_missing = true;
    r = build(&request);
    n = r.n_items[0] + r.n_items[1] + r.n_items[2];
    assert_true(n > 5000 && r.n_bad < 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_splits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hash, setup, teardown),
        cmocka_unit_test_setup_teardown(test_slake, setup, teardown),
        cmocka_unit_test_setup_teardown(test_mimic, setup, teardown),
        cmocka_unit_test_setup_teardown(test_pathvqa, setup, teardown),
        cmocka_unit_test_setup_teardown(test_llava, setup, teardown),
        cmocka_unit_test_setup_teardown(test_several_images, setup, teardown),
        cmocka_unit_test_setup_teardown(test_ixi, setup, teardown),
        cmocka_unit_test_setup_teardown(test_synthrad, setup, teardown),
        cmocka_unit_test_setup_teardown(test_catalogue, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals, setup, teardown),
        cmocka_unit_test_setup_teardown(test_real, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
