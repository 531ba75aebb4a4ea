/* SPDX-License-Identifier: Apache-2.0
 *
 * test_code_cache.c: codes are PyTorch's, are made once, and made again when the file in the cache is
 * damaged.
 */
#include "train/code_cache.h"

#include "formats/tensor_file.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define M3 HG_TEST_DATA "/tiny/m3"
#define N_CODES 1024

static void expect_codes(const int32_t *codes)
{
    hg_error err = {HG_STATUS_OK, ""};
    hg_tensor_file *golden;
    assert_int_equal(hg_tensor_file_open(&golden, M3 "/golden.safetensors", &err), HG_STATUS_OK);
    const hg_tensor *want = hg_tensor_file_find(golden, "vq.image_codes");
    assert_non_null(want);
    for (int i = 0; i < N_CODES; i++)
        assert_int_equal(codes[i], (int32_t)((const float *)want->data)[i]);
    hg_tensor_file_close(golden);
}

/* The path of the only file in the folder. */
static void find_file(const char *folder, char path[512])
{
    DIR *d = opendir(folder);
    assert_non_null(d);
    int n = 0;
    for (const struct dirent *e = readdir(d); e != NULL; e = readdir(d)) {
        if (e->d_name[0] == '.')
            continue;
        snprintf(path, 512, "%s/%.200s", folder, e->d_name);
        n++;
    }
    closedir(d);
    assert_int_equal(n, 1);
}

static void test_cache(void **state)
{
    (void)state;
    static int32_t codes[N_CODES];
    char folder[] = "/tmp/hg_codes_XXXXXX", path[512], below[64];
    hg_error err = {HG_STATUS_OK, ""};
    hg_arena weights, arena;
    hg_ctx ctx;
    hg_vqgan vqgan;
    hg_vqgan_config config;
    hg_tensor_set *set;
    hg_code_cache cache;
    hg_arena_init(&weights, 1 << 20, (size_t)1 << 30);
    hg_arena_init(&arena, 1 << 20, (size_t)4 << 30);
    hg_ctx_init(&ctx, &arena, hg_kernels_get(hg_cpu_detect()), 2);
    assert_int_equal(hg_vqgan_config_read(&config, M3 "/vqgan", &err), HG_STATUS_OK);
    assert_int_equal(hg_tensor_set_open_file(&set, M3 "/vqgan/last.ckpt", &err), HG_STATUS_OK);
    assert_int_equal(hg_vqgan_load(&vqgan, &config, set, &weights, &err), HG_STATUS_OK);
    assert_non_null(mkdtemp(folder));
    snprintf(below, sizeof below, "%s/a", folder);
    assert_int_equal(hg_code_cache_init(&cache, below, &vqgan, &err), HG_STATUS_OK);
    const char *image = HG_TEST_DATA "/tiny/image.png";
    for (int i = 0; i < 2; i++) {
        memset(codes, 0, sizeof codes);
        assert_int_equal(hg_code_cache_get(&cache, &ctx, image, codes, &err), HG_STATUS_OK);
        expect_codes(codes);
    }
    assert_true(cache.n_made == 1 && cache.n_found == 1);
    find_file(below, path);
    assert_int_equal(hg_file_write(path, "hgcodes1", 8, &err), HG_STATUS_OK);
    memset(codes, 0, sizeof codes);
    assert_int_equal(hg_code_cache_get(&cache, &ctx, image, codes, &err), HG_STATUS_OK);
    expect_codes(codes);
    assert_true(cache.n_made == 2 && cache.n_found == 1);
    assert_int_equal(hg_code_cache_get(&cache, &ctx, "/nowhere.png", codes, &err), HG_STATUS_INPUT);
    assert_int_equal(hg_code_cache_get(&cache, &ctx, HG_TEST_DATA "/training/com.json", codes, &err),
                     HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "com.json"));
    remove(path);
    remove(below);
    remove(folder);
    hg_tensor_set_close(set);
    hg_arena_deinit(&weights);
    hg_arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cache),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
