/* SPDX-License-Identifier: Apache-2.0
 *
 * test_vqgan.c: the tiny VQGAN against PyTorch (reference/vqgan_goldens.py): codes to a picture, a picture to
 * codes.
 */
#include "golden.h"

#include "base/memory.h"
#include "base/parallel.h"
#include "model/vqgan_maps.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>
#include <png.h>

#define M3 HG_TEST_DATA "/tiny/m3/"

/* What tests/data/tiny/m3/vqgan/model.yaml says; its reader has a test of its own. */
static const hg_vqgan_config tiny_config = {.embed_dim = 32,
                                            .n_embed = 512,
                                            .z_channels = 32,
                                            .resolution = 256,
                                            .in_channels = 3,
                                            .out_ch = 3,
                                            .ch = 32,
                                            .ch_mult = {2, 1, 1, 1},
                                            .n_levels = 4,
                                            .n_res_blocks = 1,
                                            .attn_resolutions = {32},
                                            .n_attn_resolutions = 1,
                                            .n_groups = 32};

typedef struct fixture {
    hg_arena weights, arena;
    hg_ctx ctx;
    hg_vqgan vq;
    hg_tensor_set *set;
    hg_tensor_file *golden;
} fixture;

static void fixture_open(fixture *f, hg_cpu_tier tier, int n_threads)
{
    hg_error err = {0};
    memset(f, 0, sizeof *f);
    hg_arena_init(&f->weights, 1 << 20, 1 << 28);
    hg_arena_init(&f->arena, 1 << 20, 1 << 28);
    hg_ctx_init(&f->ctx, &f->arena, hg_kernels_get(tier), n_threads);
    if (hg_tensor_set_open_file(&f->set, M3 "vqgan/last.ckpt", &err) != HG_STATUS_OK ||
        hg_vqgan_load(&f->vq, &tiny_config, f->set, &f->weights, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    f->golden = golden_open(M3 "golden.safetensors");
}

static void fixture_close(fixture *f)
{
    hg_tensor_file_close(f->golden);
    hg_tensor_set_close(f->set);
    hg_arena_deinit(&f->arena);
    hg_arena_deinit(&f->weights);
}

static void golden_codes(const fixture *f, const char *name, int32_t codes[1024])
{
    const hg_tensor *t = golden_get(f->golden, name);
    assert_int_equal(hg_tensor_count(t), 1024);
    for (int i = 0; i < 1024; i++)
        codes[i] = (int32_t)((const float *)t->data)[i];
}

/* picture.png as bytes (256, 256, 3), read by libpng alone. */
static uint8_t *read_picture(void)
{
    png_image png = {.version = PNG_IMAGE_VERSION};
    assert_true(png_image_begin_read_from_file(&png, M3 "picture.png"));
    png.format = PNG_FORMAT_RGB;
    assert_true(png.width == 256 && png.height == 256);
    uint8_t *bytes = hg_mem_alloc(PNG_IMAGE_SIZE(png));
    assert_non_null(bytes);
    assert_true(png_image_finish_read(&png, NULL, bytes, 0, NULL));
    return bytes;
}

/* The byte that the reference would store: clamped to -1..1, scaled, cut. */
static int to_byte(float x)
{
    float clamped = x < -1 ? -1 : x > 1 ? 1 : x;
    return (int)((clamped + 1) / 2 * 255);
}

/* The plain way, or the fast way in float32. */
static void check_decode(hg_cpu_tier tier, bool fast)
{
    static const int rows[4] = {0, 1, 128, 255};
    fixture f;
    int32_t codes[1024];
    fixture_open(&f, tier, hg_parallel_processors());
    golden_codes(&f, "gen.codes", codes);
    hg_vqgan_maps *maps = hg_vqgan_maps_create(&f.vq, HG_VQGAN_DECODE, HG_DTYPE_F32);
    assert_non_null(maps);
    const hg_tensor *picture =
        fast ? hg_vqgan_maps_decode(&f.ctx, maps, codes) : hg_vqgan_decode(&f.ctx, &f.vq, codes);
    if (picture == NULL)
        fail_msg("%s", f.ctx.error.text);
    const float *got = picture->data, *want = golden_get(f.golden, "vq.output_rows")->data; /* (3, 4, 256) */
    for (int c = 0; c < 3; c++) {
        for (int r = 0; r < 4; r++) {
            for (int x = 0; x < 256; x++) {
                double difference =
                    fabs((double)got[(c * 256 + rows[r]) * 256 + x] - (double)want[(c * 4 + r) * 256 + x]);
                if (!(difference < 1e-4))
                    fail_msg("channel %d row %d column %d differs by %g", c, rows[r], x, difference);
            }
        }
    }
    uint8_t *bytes = read_picture();
    int differ = 0;
    for (int i = 0; i < 256 * 256; i++) {
        for (int c = 0; c < 3; c++) {
            int distance = abs(to_byte(got[c * 65536 + i]) - bytes[i * 3 + c]);
            assert_true(distance <= 1);
            differ += distance;
        }
    }
    assert_true(differ < 200); /* of 196,608: values on the border between two bytes */
    hg_mem_free(bytes);
    hg_vqgan_maps_destroy(maps);
    fixture_close(&f);
}

static void test_decode(void **state)
{
    (void)state;
    check_decode(hg_cpu_detect(), false);
    check_decode(hg_cpu_detect(), true);
}

static hg_tensor *picture_tensor(fixture *f)
{
    uint8_t *bytes = read_picture();
    hg_tensor *picture = hg_ctx_tensor(&f->ctx, 3, (int64_t[]){3, 256, 256}, false);
    assert_non_null(picture);
    for (int i = 0; i < 65536; i++) {
        for (int c = 0; c < 3; c++)
            hg_tensor_real(picture)[c * 65536 + i] = 2 * ((float)bytes[i * 3 + c] / 255) - 1;
    }
    hg_mem_free(bytes);
    return picture;
}

static void check_encode(bool fast)
{
    static const int rows[2] = {0, 17};
    fixture f;
    int32_t want[1024], codes[1024];
    fixture_open(&f, hg_cpu_detect(), hg_parallel_processors());
    hg_tensor *picture = picture_tensor(&f);
    hg_vqgan_maps *maps = hg_vqgan_maps_create(&f.vq, HG_VQGAN_ENCODE, HG_DTYPE_F32);
    assert_non_null(maps);
    hg_tensor *latent = fast ? hg_vqgan_maps_latent(&f.ctx, maps, picture)
                             : hg_vqgan_latent(&f.ctx, &f.vq, picture); /* (1024, 32) */
    assert_non_null(latent);
    const float *expected = golden_get(f.golden, "vq.picture_latent_rows")->data; /* (32, 2, 32) */
    for (int c = 0; c < 32; c++) {
        for (int r = 0; r < 2; r++) {
            for (int x = 0; x < 32; x++) {
                double got = (double)hg_tensor_real(latent)[(rows[r] * 32 + x) * 32 + c];
                assert_true(fabs(got - (double)expected[(c * 2 + r) * 32 + x]) < 1e-4);
            }
        }
    }
    golden_codes(&f, "vq.picture_codes", want);
    assert_true(fast ? hg_vqgan_choose(&f.ctx, &f.vq, latent, codes)
                     : hg_vqgan_encode(&f.ctx, &f.vq, picture, codes));
    assert_memory_equal(codes, want, sizeof codes);
    hg_vqgan_maps_destroy(maps);
    fixture_close(&f);
}

static void test_encode(void **state)
{
    (void)state;
    check_encode(false);
    check_encode(true);
}

/* Bytes of a picture of the fast way in `type` that differ from the plain way's: the largest and the mean
 * distance. */
static void test_bf16_picture(void **state)
{
    (void)state;
    if (!hg_kernels_get(hg_cpu_detect())->fast_bf16) {
        print_message("skipped: this processor has no AVX512-BF16\n");
        skip();
    }
    fixture f;
    int32_t codes[1024];
    fixture_open(&f, hg_cpu_detect(), 2);
    golden_codes(&f, "gen.codes", codes);
    hg_vqgan_maps *maps = hg_vqgan_maps_create(&f.vq, HG_VQGAN_DECODE, HG_DTYPE_BF16);
    assert_non_null(maps);
    const hg_tensor *want = hg_vqgan_decode(&f.ctx, &f.vq, codes);
    const hg_tensor *got = hg_vqgan_maps_decode(&f.ctx, maps, codes);
    assert_false(hg_ctx_failed(&f.ctx));
    int largest = 0;
    double mean = 0;
    for (int i = 0; i < 3 * 65536; i++) {
        int distance = abs(to_byte(hg_tensor_real(got)[i]) - to_byte(hg_tensor_real(want)[i]));
        largest = distance > largest ? distance : largest;
        mean += distance / (3.0 * 65536);
    }
    printf("bf16 picture: largest difference %d of 255, mean %.3f\n", largest, mean);
    assert_true(largest > 0 && largest <= 4); /* 0: it would not be bf16 */
    assert_true(mean < 0.5);
    hg_vqgan_maps_destroy(maps);
    fixture_close(&f);
}

/* The fast way: the same bits for any number of threads and again, and bounded memory. */
static void check_maps_threads(hg_dtype type)
{
    fixture one, many;
    int32_t codes[1024];
    fixture_open(&one, hg_cpu_detect(), 1);
    fixture_open(&many, hg_cpu_detect(), 5);
    golden_codes(&one, "gen.codes", codes);
    hg_vqgan_maps *a = hg_vqgan_maps_create(&one.vq, HG_VQGAN_DECODE, type),
                  *b = hg_vqgan_maps_create(&many.vq, HG_VQGAN_DECODE, type);
    assert_true(a != NULL && b != NULL);
    const hg_tensor *x = hg_vqgan_maps_decode(&one.ctx, a, codes);
    size_t peak = one.arena.total_bytes;
    hg_arena_reset(&one.arena, (hg_arena_mark){0});
    x = hg_vqgan_maps_decode(&one.ctx, a, codes);
    const hg_tensor *y = hg_vqgan_maps_decode(&many.ctx, b, codes);
    assert_true(x != NULL && y != NULL);
    assert_memory_equal(x->data, y->data, hg_tensor_bytes(x));
    assert_int_equal(one.arena.total_bytes, peak);
    assert_true(peak <
                (size_t)6 * 64 * 65536 * sizeof(float)); /* four of the largest map, and small things */
    hg_vqgan_maps_destroy(a);
    hg_vqgan_maps_destroy(b);
    fixture_close(&one);
    fixture_close(&many);
}

static void test_maps_threads_and_memory(void **state)
{
    (void)state;
    check_maps_threads(HG_DTYPE_F32);
    if (hg_kernels_get(hg_cpu_detect())->fast_bf16)
        check_maps_threads(HG_DTYPE_BF16);
}

/* The same picture for any number of threads, in a second run in the same arena, and with only the picture
 * left behind. */
static void test_threads_and_memory(void **state)
{
    (void)state;
    fixture one, four;
    int32_t codes[1024];
    fixture_open(&one, hg_cpu_detect(), 1);
    fixture_open(&four, hg_cpu_detect(), 4);
    golden_codes(&one, "gen.codes", codes);
    const hg_tensor *a = hg_vqgan_decode(&one.ctx, &one.vq, codes);
    size_t peak = one.arena.total_bytes;
    hg_arena_reset(&one.arena, (hg_arena_mark){0});
    a = hg_vqgan_decode(&one.ctx, &one.vq, codes);
    const hg_tensor *b = hg_vqgan_decode(&four.ctx, &four.vq, codes);
    assert_non_null(a);
    assert_non_null(b);
    assert_memory_equal(a->data, b->data, 3 * 65536 * sizeof(float));
    assert_int_equal(one.arena.total_bytes, peak);
    assert_true(peak <
                (size_t)10 * 64 * 65536 * sizeof(float)); /* a few of the largest map, (64, 256, 256) */
    fixture_close(&one);
    fixture_close(&four);
}

static void test_bad_input(void **state)
{
    (void)state;
    fixture f;
    int32_t codes[1024] = {0};
    fixture_open(&f, hg_cpu_detect(), 1);
    codes[1000] = 512;
    assert_null(hg_vqgan_decode(&f.ctx, &f.vq, codes));
    assert_int_equal(f.ctx.error.code, HG_STATUS_INPUT);
    assert_null(hg_vqgan_decode(&f.ctx, &f.vq, codes)); /* the failure sticks */
    f.ctx.error.code = HG_STATUS_OK;
    hg_vqgan_maps *decode = hg_vqgan_maps_create(&f.vq, HG_VQGAN_DECODE, HG_DTYPE_F32),
                  *encode = hg_vqgan_maps_create(&f.vq, HG_VQGAN_ENCODE, HG_DTYPE_F32);
    assert_true(decode != NULL && encode != NULL);
    assert_null(hg_vqgan_maps_decode(&f.ctx, decode, codes));
    assert_int_equal(f.ctx.error.code, HG_STATUS_INPUT);
    f.ctx.error.code = HG_STATUS_OK;
    assert_null(
        hg_vqgan_maps_latent(&f.ctx, encode, hg_ctx_tensor(&f.ctx, 3, (int64_t[]){3, 64, 64}, false)));
    assert_int_equal(f.ctx.error.code, HG_STATUS_INPUT);
    f.ctx.error.code = HG_STATUS_OK;
    hg_vqgan_maps_destroy(decode);
    hg_vqgan_maps_destroy(encode);
    hg_tensor *small = hg_ctx_tensor(&f.ctx, 3, (int64_t[]){3, 128, 128}, false);
    assert_false(hg_vqgan_encode(&f.ctx, &f.vq, small, codes));
    assert_string_equal(f.ctx.error.text,
                        "a picture of shape [3, 128, 128] cannot be encoded, [3, 256, 256] can");
    hg_vqgan_config other = tiny_config;
    hg_error err = {0};
    other.ch_mult[0] = 1;
    assert_int_equal(hg_vqgan_load(&f.vq, &other, f.set, &f.weights, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "last.ckpt: tensor 'encoder."));
    other = tiny_config;
    other.n_res_blocks = 2;
    assert_int_equal(hg_vqgan_load(&f.vq, &other, f.set, &f.weights, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "encoder.down.0.block.1.norm1.weight"));
    other = tiny_config;
    other.n_levels = 10;
    assert_int_equal(hg_vqgan_load(&f.vq, &other, f.set, &f.weights, &err), HG_STATUS_INPUT);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decode),
        cmocka_unit_test(test_encode),
        cmocka_unit_test(test_threads_and_memory),
        cmocka_unit_test(test_bf16_picture),
        cmocka_unit_test(test_maps_threads_and_memory),
        cmocka_unit_test(test_bad_input),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
