/* SPDX-License-Identifier: Apache-2.0
 *
 * small_model.c: writing and removing.
 */
#define _XOPEN_SOURCE 700 /* nftw */

#include "small_model.h"

#include "base/file.h"
#include "package/random_files.h"

#include <healthgpt/image.h>

#include <ftw.h>
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
    const char *name;
    uint8_t rgb[3];
} colours[SMALL_MODEL_COLOURS] = {{"red", {220, 30, 30}},     {"green", {30, 220, 30}},
                                  {"blue", {30, 30, 220}},    {"yellow", {220, 220, 30}},
                                  {"cyan", {30, 220, 220}},   {"magenta", {220, 30, 220}},
                                  {"white", {240, 240, 240}}, {"black", {20, 20, 20}}};

static hg_random_shape small_shape(void)
{
    hg_random_shape s = {
        .decoder = {.family = HG_FAMILY_PHI3,
                    .n_layers = SMALL_MODEL_LAYERS,
                    .hidden = 64,
                    .n_heads = 4,
                    .n_kv_heads = 4,
                    .head_dim = 16,
                    .ffn = 128,
                    .vocab = 320,
                    .sliding_window = 2047,
                    .max_positions = 4096},
        .clip = {.hidden = 32, .n_layers = 3, .n_heads = 4, .mlp = 64, .image_size = 56, .patch = 14},
        .vqgan = {.embed_dim = 32,
                  .n_embed = 64,
                  .z_channels = 32,
                  .resolution = 64,
                  .in_channels = 3,
                  .out_ch = 3,
                  .ch = 32,
                  .ch_mult = {1, 1, 1, 1},
                  .n_levels = 4,
                  .n_res_blocks = 1,
                  .attn_resolutions = {8},
                  .n_attn_resolutions = 1},
        .n_tokens = 311,
        .com_rank = 16,
        .gen_rank = 32,
        .n_experts = 4,
    };
    return s;
}

const char *small_model_path(const small_model *m, const char *name, char *path)
{
    hg_error err = {HG_STATUS_OK, ""};
    char joined[HG_PATH_BYTES];
    if (hg_path_join(joined, m->folder, name, &err) != HG_STATUS_OK || strlen(joined) >= 256)
        fail_msg("%s: the path is too long", name);
    memcpy(path, joined, strlen(joined) + 1);
    return path;
}

const char *small_model_colour(int index)
{
    return colours[index].name;
}

static void write_pictures(const small_model *m)
{
    enum { SIDE = 16 };
    uint8_t samples[SIDE * SIDE * 3];
    for (int c = 0; c < SMALL_MODEL_COLOURS; c++) {
        char path[256], name[16];
        hg_image *image = NULL;
        hg_error err = {HG_STATUS_OK, ""};
        for (int i = 0; i < SIDE * SIDE; i++)
            memcpy(samples + 3 * i, colours[c].rgb, 3);
        snprintf(name, sizeof name, "c%d.png", c);
        if (hg_image_create(&image, samples, SIDE, SIDE, 3, &err) != HG_STATUS_OK ||
            hg_image_save(image, small_model_path(m, name, path), NULL, &err) != HG_STATUS_OK)
            fail_msg("%s", err.text);
        hg_image_close(image);
    }
}

void small_model_make(small_model *m)
{
    char path[256];
    hg_error err = {HG_STATUS_OK, ""};
    hg_random_shape shape = small_shape();
    snprintf(m->folder, sizeof m->folder, "/tmp/hg_train_XXXXXX");
    assert_non_null(mkdtemp(m->folder));
    if (hg_random_files_write(&shape, small_model_path(m, "model", path), 5, NULL, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    write_pictures(m);
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *ftw)
{
    (void)info;
    (void)kind;
    (void)ftw;
    return remove(path);
}

void small_model_remove(const small_model *m)
{
    nftw(m->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void small_model_write(const small_model *m, const char *name, const char *text)
{
    char path[256];
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_file_write(small_model_path(m, name, path), text, strlen(text), &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
}

static void write_items(const small_model *m, const char *name, int n, bool draw)
{
    char text[8192] = "[\n";
    for (int i = 0; i < n; i++) {
        size_t used = strlen(text);
        char target[64] = "";
        if (draw)
            snprintf(target, sizeof target, "\"target_image\": \"c%d.png\", ", (i + 1) % n);
        snprintf(text + used, sizeof text - used,
                 "{\"image\": \"c%d.png\", %s\"conversations\": [{\"from\": \"human\", \"value\": "
                 "\"<image>\\n%s\"}, {\"from\": \"gpt\", \"value\": \"%s\"}]}%s\n",
                 i, target, draw ? "Reconstruct the image." : "Which colour?", draw ? "" : colours[i].name,
                 i + 1 < n ? "," : "]");
    }
    small_model_write(m, name, text);
}

void small_model_write_questions(const small_model *m, const char *name, int n)
{
    write_items(m, name, n, false);
}

void small_model_write_drawings(const small_model *m, const char *name, int n)
{
    write_items(m, name, n, true);
}

hg_train_settings *small_model_settings(const small_model *m, hg_train_stage stage, const char *data,
                                        const char *out, const char *const *more)
{
    hg_train_settings *s = NULL;
    hg_error err = {HG_STATUS_OK, ""};
    char model_path[256], data_path[256], out_path[256];
    const char *const fixed[] = {
        "model", small_model_path(m, "model", model_path), "data", small_model_path(m, data, data_path),
        "out",   small_model_path(m, out, out_path),       "type", "f32",
        NULL};
    assert_int_equal(hg_train_settings_create(&s, stage, &err), HG_STATUS_OK);
    const char *const *const lists[] = {fixed, more};
    for (int l = 0; l < 2; l++) {
        for (const char *const *p = lists[l]; p != NULL && *p != NULL; p += 2) {
            if (hg_train_settings_set(s, p[0], p[1], &err) != HG_STATUS_OK)
                fail_msg("%s", err.text);
        }
    }
    return s;
}

void small_model_install(const small_model *m, const char *from)
{
    char path[256], to[256], name[HG_PATH_BYTES];
    hg_buffer bytes;
    hg_error err = {HG_STATUS_OK, ""};
    hg_buffer_init(&bytes, (size_t)1 << 30);
    snprintf(name, sizeof name, "model/%.100s", hg_path_name(from));
    if (hg_file_read(small_model_path(m, from, path), &bytes, &err) != HG_STATUS_OK ||
        hg_file_write(small_model_path(m, name, to), bytes.data, bytes.size, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    hg_buffer_deinit(&bytes);
}

int small_model_losses(const small_model *m, const char *out, double *losses, int max)
{
    char path[256], name[128], line[4096];
    int n = 0;
    snprintf(name, sizeof name, "%.100s/log.jsonl", out);
    FILE *file = fopen(small_model_path(m, name, path), "r");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        json_t *json = json_loads(line, 0, NULL);
        const json_t *loss = json_object_get(json, "loss");
        if (loss != NULL && n < max) {
            assert_int_equal(json_integer_value(json_object_get(json, "step")), n + 1);
            losses[n++] = json_real_value(loss);
        }
        json_decref(json);
    }
    fclose(file);
    return n;
}
