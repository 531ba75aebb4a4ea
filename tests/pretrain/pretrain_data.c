/* SPDX-License-Identifier: Apache-2.0
 *
 * pretrain_data.c: pictures of 32 x 32: a square, a bar or a cross of one of four colours on grey.
 */
#include "pretrain/pretrain_data.h"

#include "base/file.h"

#include <healthgpt/image.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define SIDE 32

static const char *const colours[4] = {"red", "green", "blue", "white"};
static const char *const shapes[3] = {"square", "bar", "cross"};

const char *pretrain_data_path(const pretrain_data *d, const char *name, char *path)
{
    snprintf(path, 256, "%s/%s", d->folder, name);
    return path;
}

static int in_shape(int shape, int x, int y)
{
    switch (shape) {
    case 0:
        return x >= 6 && x < 22 && y >= 8 && y < 24;
    case 1:
        return y >= 20 && y < 26;
    default:
        return (x >= 14 && x < 18) || (y >= 14 && y < 18);
    }
}

static void write_picture(const pretrain_data *d, int index)
{
    static const uint8_t values[4][3] = {{220, 30, 30}, {30, 200, 40}, {30, 50, 220}, {240, 240, 240}};
    uint8_t samples[SIDE * SIDE * 3];
    char name[32], path[256];
    hg_image *image = NULL;
    hg_error err = {HG_STATUS_OK, ""};
    for (int i = 0; i < SIDE * SIDE; i++) {
        int inside = in_shape(index % 3, i % SIDE, i / SIDE);
        for (int c = 0; c < 3; c++)
            samples[3 * i + c] = inside ? values[index / 3][c] : (uint8_t)(40 + i % SIDE);
    }
    snprintf(name, sizeof name, "p%d.png", index);
    assert_int_equal(hg_image_create(&image, samples, SIDE, SIDE, 3, &err), HG_STATUS_OK);
    assert_int_equal(hg_image_save(image, pretrain_data_path(d, name, path), NULL, &err), HG_STATUS_OK);
    hg_image_close(image);
}

void pretrain_data_make(pretrain_data *d)
{
    char path[256];
    snprintf(d->folder, sizeof d->folder, "/tmp/hg_pretrain_XXXXXX");
    assert_non_null(mkdtemp(d->folder));
    FILE *file = fopen(pretrain_data_path(d, "data.json", path), "w");
    assert_non_null(file);
    for (int i = 0; i < PRETRAIN_PICTURES; i++) {
        write_picture(d, i);
        fprintf(file,
                "{\"image\": \"p%d.png\", \"conversations\": ["
                "{\"from\": \"human\", \"value\": \"<image>\\nWhich colour is it?\"}, "
                "{\"from\": \"gpt\", \"value\": \"It is %s.\"}, "
                "{\"from\": \"human\", \"value\": \"Which shape does the picture show?\"}, "
                "{\"from\": \"gpt\", \"value\": \"a %s\"}]}\n",
                i, colours[i / 3], shapes[i % 3]);
    }
    assert_int_equal(fclose(file), 0);
}

void pretrain_data_remove(const pretrain_data *d)
{
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", d->folder);
    assert_int_equal(system(command), 0);
}

static void set(hg_pretrain_settings *s, const char *key, const char *value)
{
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_pretrain_settings_set(s, key, value, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
}

hg_pretrain_settings *pretrain_data_settings(const pretrain_data *d, hg_pretrain_stage stage, const char *out,
                                             const char *const *more)
{
    char path[256];
    hg_pretrain_settings *s = NULL;
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_pretrain_settings_create(&s, stage, &err), HG_STATUS_OK);
    set(s, "data", pretrain_data_path(d, "data.json", path));
    set(s, "out", pretrain_data_path(d, out, path));
    for (; more != NULL && *more != NULL; more += 2)
        set(s, more[0], more[1]);
    return s;
}

void pretrain_data_run(const hg_pretrain_settings *s, hg_pretrain_result *result)
{
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_pretrain_run(s, NULL, result, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
}

double pretrain_data_measure(const hg_pretrain_result *result, const char *name)
{
    for (int i = 0; i < result->n_measures; i++) {
        if (strcmp(result->measures[i].name, name) == 0)
            return result->measures[i].value;
    }
    fail_msg("no measure '%s'", name);
    return 0;
}

static bool kill_at_step(void *user, const hg_train_step *step)
{
    if (step->step == *(const int *)user)
        kill(getpid(), SIGKILL);
    return true;
}

static void expect_same_file(const pretrain_data *d, const char *a, const char *b, const char *file)
{
    char path[256], name[128];
    hg_buffer first, second;
    hg_error err = {HG_STATUS_OK, ""};
    hg_buffer_init(&first, (size_t)1 << 30);
    hg_buffer_init(&second, (size_t)1 << 30);
    snprintf(name, sizeof name, "%s/%s", a, file);
    assert_int_equal(hg_file_read(pretrain_data_path(d, name, path), &first, &err), HG_STATUS_OK);
    snprintf(name, sizeof name, "%s/%s", b, file);
    assert_int_equal(hg_file_read(pretrain_data_path(d, name, path), &second, &err), HG_STATUS_OK);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    hg_buffer_deinit(&first);
    hg_buffer_deinit(&second);
}

void pretrain_data_check_same(const pretrain_data *d, hg_pretrain_stage stage, const char *const *more,
                              int kill_at, const char *file)
{
    hg_pretrain_result result;
    hg_error err = {HG_STATUS_OK, ""};
    hg_pretrain_settings *s = pretrain_data_settings(d, stage, "whole", more);
    set(s, "threads", "1");
    pretrain_data_run(s, &result);
    hg_pretrain_settings_destroy(s);

    s = pretrain_data_settings(d, stage, "killed", more);
    set(s, "threads", "1"); /* a fork of a process with OpenMP's threads has only one */
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        hg_train_listener listener = {.on_step = kill_at_step, .user = &kill_at};
        _exit(hg_pretrain_run(s, &listener, &result, &err) == HG_STATUS_OK ? 0 : 1);
    }
    int ended = 0;
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL);
    assert_int_equal(hg_pretrain_run(s, NULL, &result, &err), HG_STATUS_USAGE); /* not told to resume */
    set(s, "resume", "yes");
    pretrain_data_run(s, &result);
    hg_pretrain_settings_destroy(s);
    expect_same_file(d, "whole", "killed", file);
    expect_same_file(d, "whole", "killed", "checkpoint.safetensors");

    s = pretrain_data_settings(d, stage, "threads", more);
    set(s, "threads", "3");
    pretrain_data_run(s, &result);
    hg_pretrain_settings_destroy(s);
    expect_same_file(d, "whole", "threads", file);
    expect_same_file(d, "whole", "threads", "checkpoint.safetensors");
}
