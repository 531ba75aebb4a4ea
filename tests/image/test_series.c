/* SPDX-License-Identifier: Apache-2.0
 *
 * test_series.c: folders and DICOMDIRs as volumes: order by position whatever names and instance numbers say,
 * cuts along every axis, rescale of each slice, what is set apart, several series, times, paths that lead
 * out. Pixels of made files say where they are, so every expectation is arithmetic.
 */
#include "dicom_builder.h"
#include "image_golden.h"

#include "base/memory.h"

#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define SIDE_X 6
#define SIDE_Y 5
#define PLACES 7

static char series_root[] = "/tmp/hg-series-XXXXXX";

/* Value of voxel (x, y, z): below 256, and all different. */
static uint16_t series_value(int x, int y, int z)
{
    return (uint16_t)(1 + x + SIDE_X * (y + SIDE_Y * z));
}

static void series_path(char path[HG_PATH_BYTES], const char *folder, const char *name)
{
    hg_error err = {0};
    if (hg_path_join(path, folder, name, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
}

static void series_folder(char path[HG_PATH_BYTES], const char *name)
{
    hg_error err = {0};
    series_path(path, series_root, name);
    if (hg_folder_create(path, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
}

static void series_write(const char *folder, const char *name, const builder_slice *s, const uint16_t *pixels)
{
    char path[HG_PATH_BYTES];
    hg_buffer file;
    hg_error err = {0};
    series_path(path, folder, name);
    builder_make(&file, s, pixels);
    if (hg_file_write(path, file.data, file.size, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    hg_buffer_deinit(&file);
}

/* Writes the slice of place z; `order` scrambles names and instance numbers. */
static void series_write_place(const char *folder, builder_slice s, int z, int order, double slope)
{
    uint16_t pixels[SIDE_X * SIDE_Y];
    char name[40];
    for (int i = 0; i < SIDE_X * SIDE_Y; i++)
        pixels[i] = (uint16_t)(series_value(i % SIDE_X, i / SIDE_X, z) * slope);
    s.width = SIDE_X;
    s.height = SIDE_Y;
    s.instance = 100 - 3 * order;
    s.slope = 1 / slope;
    snprintf(name, sizeof name, "IM%03d", (37 * (order + 1)) % 101);
    series_write(folder, name, &s, pixels);
}

/* A series of PLACES slices in the folder, written in a scrambled order. */
static void series_make(const char *folder, const char *uid, const char *orientation, const double step[3])
{
    static const int scrambled[PLACES] = {4, 0, 6, 2, 5, 1, 3};
    for (int i = 0; i < PLACES; i++) {
        int z = scrambled[i];
        builder_slice s = {.series = uid, .orientation = orientation, .window = "128\\256"};
        for (int a = 0; a < 3; a++)
            s.position[a] = 10 + z * step[a];
        series_write_place(folder, s, z, i, z % 2 == 0 ? 4 : 8);
    }
}

static void series_open(hg_image *image, const char *path, const hg_image_view *view)
{
    hg_error err = {0};
    hg_image_init(image);
    if (hg_image_read_view(image, path, view, NULL, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
}

/* The window maps values 0..255 to themselves. */
static void series_expect(const hg_image *image, int width, int height, int (*want)(int x, int y, int slice),
                          int slice)
{
    assert_int_equal(image->width, width);
    assert_int_equal(image->height, height);
    for (int y = 0; y < height; y++) {
        for (int x = 0; x < width; x++)
            assert_int_equal(((const uint8_t *)image->samples)[y * width + x], want(x, y, slice));
    }
}

static int want_axial(int x, int y, int slice)
{
    return series_value(x, y, slice);
}

/* Head on top; columns from the patient's right to the left. */
static int want_coronal(int x, int y, int slice)
{
    return series_value(x, SIDE_Y - 1 - slice, PLACES - 1 - y);
}

/* Head on top, front on the left; slices from the patient's left to the right. */
static int want_sagittal(int x, int y, int slice)
{
    return series_value(SIDE_X - 1 - slice, x, PLACES - 1 - y);
}

static void test_order_and_axes(void **state)
{
    (void)state;
    static const double up[3] = {0, 0, 2.5};
    char folder[HG_PATH_BYTES];
    series_folder(folder, "axes");
    series_make(folder, "1.2.3.1", NULL, up);
    static const struct {
        hg_image_axis axis;
        int n, width, height;
        int (*want)(int x, int y, int slice);
    } axes[] = {{HG_IMAGE_AXIS_AXIAL, PLACES, SIDE_X, SIDE_Y, want_axial},
                {HG_IMAGE_AXIS_CORONAL, SIDE_Y, SIDE_X, PLACES, want_coronal},
                {HG_IMAGE_AXIS_SAGITTAL, SIDE_X, SIDE_Y, PLACES, want_sagittal}};
    for (size_t a = 0; a < sizeof axes / sizeof axes[0]; a++) {
        for (int k = 0; k < axes[a].n; k++) {
            hg_image image;
            hg_image_view view = hg_image_view_default();
            view.axis = axes[a].axis;
            view.slice = k;
            series_open(&image, folder, &view);
            series_expect(&image, axes[a].width, axes[a].height, axes[a].want, k);
            assert_int_equal(image.source.n_slices, axes[a].n);
            assert_int_equal(image.source.origin, HG_WINDOW_ORIGIN_FILE);
            hg_image_deinit(&image);
        }
    }
    hg_image middle;
    series_open(&middle, folder, NULL);
    assert_int_equal(middle.source.axis, HG_IMAGE_AXIS_AXIAL);
    assert_int_equal(middle.source.slice, PLACES / 2);
    assert_true(middle.source.spacing[0] == 0.5 && middle.source.spacing[2] == 2.5);
    assert_string_equal(middle.source.note, "");
    assert_string_equal(middle.source.series_uid, "1.2.3.1");
    hg_image_deinit(&middle);
}

/* The same volume, taken from head to foot, face down: slices and pixels come out as radiologists look. */
static void test_turned(void **state)
{
    (void)state;
    static const double down[3] = {0, 0, -2};
    char folder[HG_PATH_BYTES];
    hg_image image;
    series_folder(folder, "turned");
    series_make(folder, "1.2.3.2", "-1\\0\\0\\0\\-1\\0", down);
    hg_image_view view = hg_image_view_default();
    view.slice = 1;
    series_open(&image, folder, &view);
    for (int i = 0; i < SIDE_X * SIDE_Y; i++) {
        int x = SIDE_X - 1 - i % SIDE_X, y = SIDE_Y - 1 - i / SIDE_X;
        assert_int_equal(((const uint8_t *)image.samples)[i], series_value(x, y, PLACES - 2));
    }
    hg_image_deinit(&image);
}

/* Sagittal slices are shown as they were taken. */
static void test_taken_axis(void **state)
{
    (void)state;
    static const double left[3] = {3, 0, 0};
    char folder[HG_PATH_BYTES];
    hg_image image;
    series_folder(folder, "sagittal");
    series_make(folder, "1.2.3.3", "0\\1\\0\\0\\0\\-1", left);
    hg_image_view view = hg_image_view_default();
    view.slice = 0; /* the patient's left: the highest place */
    series_open(&image, folder, &view);
    assert_int_equal(image.source.axis, HG_IMAGE_AXIS_SAGITTAL);
    series_expect(&image, SIDE_X, SIDE_Y, want_axial, PLACES - 1);
    hg_image_deinit(&image);
}

static void series_expect_note(const char *folder, const hg_image_view *view, const char *note)
{
    hg_image image;
    series_open(&image, folder, view);
    if (strstr(image.source.note, note) == NULL)
        fail_msg("'%s' lacks '%s'", image.source.note, note);
    hg_image_deinit(&image);
}

/* A folder as it comes from a scanner: a localiser, another orientation, a report, a damaged file, a text, a
 * second series in a folder below. */
static void test_mixed(void **state)
{
    (void)state;
    static const double up[3] = {0, 0, 1};
    char folder[HG_PATH_BYTES], below[HG_PATH_BYTES], path[HG_PATH_BYTES];
    hg_error err = {0};
    series_folder(folder, "mixed");
    series_folder(below, "mixed/second");
    series_make(folder, "1.2.3.4", NULL, up);
    builder_slice s = {.series = "1.2.3.4", .image_type = "ORIGINAL\\PRIMARY\\LOCALIZER"};
    series_write_place(folder, s, 2, 20, 4);
    s = (builder_slice){.series = "1.2.3.4", .orientation = "0\\1\\0\\0\\0\\-1"};
    series_write_place(folder, s, 2, 21, 4);
    s = (builder_slice){.series = "1.2.3.4", .damaged = true};
    series_write_place(folder, s, 2, 22, 4);
    for (int z = 0; z < 3; z++) {
        s = (builder_slice){.series = "1.2.3.5", .window = "128\\256", .position = {0, 0, z}};
        series_write_place(below, s, z, z, 4);
    }
    series_path(path, folder, "readme.txt");
    assert_int_equal(hg_file_write(path, "no picture", 10, &err), HG_STATUS_OK);

    hg_image_view view = hg_image_view_default();
    series_expect_note(folder, NULL, "series 0 of 2, the one with most pictures");
    series_expect_note(folder, NULL, "1 localiser set apart");
    series_expect_note(folder, NULL, "1 of another orientation or size set apart");
    series_expect_note(folder, NULL, "1 damaged file left out");
    hg_image image;
    series_open(&image, folder, NULL);
    assert_int_equal(image.source.n_slices, PLACES);
    assert_int_equal(image.source.n_files, PLACES + 6);
    hg_image_deinit(&image);
    static const char *const choices[] = {"1", "1.2.3.5"};
    for (int i = 0; i < 2; i++) {
        view.series = choices[i];
        series_open(&image, folder, &view);
        assert_int_equal(image.source.n_slices, 3);
        series_expect(&image, SIDE_X, SIDE_Y, want_axial, 1);
        hg_image_deinit(&image);
    }
    view.series = "2";
    hg_image_init(&image);
    assert_int_equal(hg_image_read_view(&image, folder, &view, NULL, &err), HG_STATUS_USAGE);
    assert_non_null(strstr(err.text, "there is no series '2'; there are 0..1"));

    hg_image_series list[4];
    size_t n;
    assert_int_equal(hg_image_list_series(folder, list, 4, &n, &err), HG_STATUS_OK);
    assert_int_equal(n, 2);
    assert_string_equal(list[0].uid, "1.2.3.4");
    assert_int_equal(list[0].n_pictures, PLACES);
    assert_string_equal(list[1].modality, "CT");
    assert_int_equal(list[1].n_pictures, 3);
}

/* Two slices at every place are two times; one place twice is left out. A gap is noted. */
static void test_times_and_gaps(void **state)
{
    (void)state;
    char folder[HG_PATH_BYTES];
    hg_image image;
    series_folder(folder, "times");
    for (int i = 0; i < 8; i++) {
        builder_slice s = {.series = "1.2.3.6", .window = "128\\256", .position = {0, 0, i % 4 * 2}};
        series_write_place(folder, s, i % 4 + (i >= 4 ? 0 : 3), i, 4); /* later ones have lower numbers */
    }
    hg_image_view view = {.frame = 1, .slice = 2};
    series_open(&image, folder, &view);
    assert_int_equal(image.source.n_frames, 2);
    assert_int_equal(image.source.n_slices, 4);
    series_expect(&image, SIDE_X, SIDE_Y, want_axial, 2 + 3);
    hg_image_deinit(&image);

    series_folder(folder, "gap");
    for (int i = 0; i < 5; i++) {
        builder_slice s = {.series = "1.2.3.7", .position = {0, 0, i == 4 ? 12 : i < 3 ? i * 2 : 4}};
        series_write_place(folder, s, i, i, 4);
    }
    series_expect_note(folder, NULL, "slices are not evenly spaced: 2 to 8 mm");
    series_expect_note(folder, NULL, "1 left out because their place was taken");
}

/* Pictures without a place, as X-rays are: frames in the order of their numbers. */
static void test_no_place(void **state)
{
    (void)state;
    char folder[HG_PATH_BYTES];
    hg_image image;
    series_folder(folder, "views");
    for (int i = 0; i < 3; i++) {
        builder_slice s = {.series = "1.2.3.8", .no_place = true, .window = "128\\256"};
        series_write_place(folder, s, i, 10 - i, 4);
    }
    hg_image_view view = hg_image_view_default();
    view.frame = 2;
    series_open(&image, folder, &view);
    assert_int_equal(image.source.n_frames, 3);
    assert_int_equal(image.source.n_slices, 1);
    series_expect(&image, SIDE_X, SIDE_Y, want_axial, 2);
    hg_image_deinit(&image);
}

static void test_several(void **state)
{
    (void)state;
    char folder[HG_PATH_BYTES];
    hg_image *images[9];
    size_t n;
    hg_error err = {0};
    series_path(folder, series_root, "axes");
    /* (k + 1) * 6 / 4, rounded */
    static const int places[3] = {2, 3, 5};
    assert_int_equal(hg_image_open_slices(images, 3, &n, folder, NULL, &err), HG_STATUS_OK);
    assert_int_equal(n, 3);
    for (size_t i = 0; i < n; i++)
        series_expect(images[i], SIDE_X, SIDE_Y, want_axial, places[i]);
    hg_image *montage;
    assert_int_equal(hg_image_montage(&montage, images, n, &err), HG_STATUS_OK);
    assert_int_equal(montage->width, 2 * SIDE_X);
    assert_int_equal(montage->height, 2 * SIDE_Y);
    for (int i = 0; i < 4 * SIDE_X * SIDE_Y; i++) {
        int x = i % (2 * SIDE_X), y = i / (2 * SIDE_X), tile = x / SIDE_X + 2 * (y / SIDE_Y);
        int want = tile == 3 ? 0 : want_axial(x % SIDE_X, y % SIDE_Y, places[tile]);
        assert_int_equal(((const uint8_t *)montage->samples)[i], want);
    }
    assert_string_equal(montage->source.note, "montage of 3 pictures, slices 2 to 5");
    hg_image_close(montage);
    for (size_t i = 0; i < n; i++)
        hg_image_close(images[i]);
    /* More than there are: all. */
    assert_int_equal(hg_image_open_slices(images, 9, &n, folder, NULL, &err), HG_STATUS_OK);
    assert_int_equal(n, PLACES);
    for (size_t i = 0; i < n; i++) {
        series_expect(images[i], SIDE_X, SIDE_Y, want_axial, (int)i);
        hg_image_close(images[i]);
    }
    hg_image_source source;
    assert_int_equal(hg_image_describe(folder, NULL, 5, &n, &source, &err), HG_STATUS_OK);
    assert_int_equal(n, 5);
    assert_int_equal(source.n_slices, PLACES);
}

/* Pictures that no window is given for share one: the range of all their values. */
static void test_shared_window(void **state)
{
    (void)state;
    char folder[HG_PATH_BYTES];
    hg_image *images[2];
    size_t n;
    hg_error err = {0};
    series_folder(folder, "pool");
    for (int z = 0; z < 2; z++) {
        builder_slice s = {.series = "1.2.3.9", .position = {0, 0, z}};
        series_write_place(folder, s, z, z, 4);
    }
    assert_int_equal(hg_image_open_slices(images, 2, &n, folder, NULL, &err), HG_STATUS_OK);
    int top = series_value(SIDE_X - 1, SIDE_Y - 1, 1);
    for (int z = 0; z < 2; z++) {
        assert_int_equal(images[z]->source.origin, HG_WINDOW_ORIGIN_RANGE);
        assert_true(images[z]->source.window.width == top - 1);
        for (int i = 0; i < SIDE_X * SIDE_Y; i++) {
            double want = 255.0 * (series_value(i % SIDE_X, i / SIDE_X, z) - 1) / (top - 1);
            int got = ((const uint8_t *)images[z]->samples)[i];
            assert_true(got - want <= 0.51 && want - got <= 0.51);
        }
        hg_image_close(images[z]);
    }
}

static void series_write_dicomdir(const char *folder, const char *const *names, size_t n)
{
    char path[HG_PATH_BYTES];
    hg_buffer file;
    hg_error err = {0};
    series_path(path, folder, "DICOMDIR");
    builder_dicomdir(&file, names, n);
    assert_int_equal(hg_file_write(path, file.data, file.size, &err), HG_STATUS_OK);
    hg_buffer_deinit(&file);
}

/* The files that it names and no others; by the folder or by its own path; small letters on the disk. */
static void test_dicomdir(void **state)
{
    (void)state;
    static const char *const names[] = {"PICS\\IM037", "PICS\\IM074", "PICS\\IM010", "PICS\\GONE"};
    char folder[HG_PATH_BYTES], pics[HG_PATH_BYTES], path[HG_PATH_BYTES];
    hg_image image;
    series_folder(folder, "medium");
    series_folder(pics, "medium/pics");
    static const double up[3] = {0, 0, 1};
    series_make(pics, "1.2.3.10", NULL, up);
    static const char *const on_disk[] = {"im037", "im074", "im010"};
    for (int i = 0; i < 3; i++) {
        char from[HG_PATH_BYTES], to[HG_PATH_BYTES];
        series_path(from, pics, names[i] + 5);
        series_path(to, pics, on_disk[i]);
        assert_int_equal(rename(from, to), 0);
    }
    series_write_dicomdir(folder, names, 4);
    series_path(path, folder, "DICOMDIR");
    for (int i = 0; i < 2; i++) {
        series_open(&image, i == 0 ? folder : path, NULL);
        assert_int_equal(image.source.n_slices, 3);
        assert_non_null(strstr(image.source.note, "1 files that the DICOMDIR names are missing"));
        hg_image_deinit(&image);
    }
}

/* One file whose frames lie at places: a volume, alone and in a folder. */
static void test_enhanced(void **state)
{
    (void)state;
    static const int scrambled[PLACES] = {4, 0, 6, 2, 5, 1, 3};
    static uint16_t pixels[PLACES * SIDE_X * SIDE_Y];
    double heights[PLACES];
    char folder[HG_PATH_BYTES], file[HG_PATH_BYTES];
    for (int f = 0; f < PLACES; f++) {
        heights[f] = 2 * scrambled[f];
        for (int i = 0; i < SIDE_X * SIDE_Y; i++)
            pixels[f * SIDE_X * SIDE_Y + i] = series_value(i % SIDE_X, i / SIDE_X, scrambled[f]);
    }
    builder_slice s = {.series = "1.2.3.14", .no_place = true, .window = "128\\256"};
    s.width = SIDE_X;
    s.height = SIDE_Y;
    s.heights = heights;
    s.n_heights = PLACES;
    series_folder(folder, "enhanced");
    series_write(folder, "file", &s, pixels);
    series_path(file, folder, "file");
    for (int i = 0; i < 2; i++) {
        for (int k = 0; k < SIDE_Y; k++) {
            hg_image image;
            hg_image_view view = hg_image_view_default();
            view.slice = k;
            series_open(&image, i == 0 ? file : folder, &view);
            series_expect(&image, SIDE_X, SIDE_Y, want_axial, k);
            assert_int_equal(image.source.n_series, i);
            assert_int_equal(scrambled[image.source.instance_frame], k);
            assert_true(image.source.spacing[0] == 0.5 && image.source.spacing[2] == 2);
            hg_image_deinit(&image);
            view.axis = HG_IMAGE_AXIS_CORONAL;
            series_open(&image, i == 0 ? file : folder, &view);
            series_expect(&image, SIDE_X, PLACES, want_coronal, k);
            hg_image_deinit(&image);
        }
    }
    /* Two frames at one place and the others alone: no volume, so that every frame can be reached. */
    heights[3] = heights[0];
    series_write(folder, "file", &s, pixels);
    hg_image image;
    hg_image_view view = hg_image_view_default();
    view.frame = 3;
    series_open(&image, file, &view);
    assert_int_equal(image.source.n_frames, PLACES);
    series_expect(&image, SIDE_X, SIDE_Y, want_axial, scrambled[3]);
    hg_image_deinit(&image);
}

/* One that dcmtk's tool makes, where that is installed. */
static void test_dicomdir_by_dcmtk(void **state)
{
    (void)state;
    char folder[HG_PATH_BYTES], pics[HG_PATH_BYTES], command[HG_PATH_BYTES + 100];
    static const double up[3] = {0, 0, 1.5};
    hg_image image;
    if (system("command -v dcmmkdir >/dev/null") != 0) {
        print_message("skipped: dcmmkdir (Debian: dcmtk) is not installed\n");
        skip();
    }
    series_folder(folder, "disc");
    series_folder(pics, "disc/PICS");
    series_make(pics, "1.2.3.11", NULL, up);
    snprintf(command, sizeof command, "cd %s && dcmmkdir +r +id . +D DICOMDIR +I -W PICS 2>/dev/null",
             folder);
    assert_int_equal(system(command), 0);
    series_open(&image, folder, NULL);
    assert_int_equal(image.source.n_slices, PLACES);
    assert_string_equal(image.source.note, "");
    series_expect(&image, SIDE_X, SIDE_Y, want_axial, PLACES / 2);
    hg_image_deinit(&image);
}

/* A segmentation has more slices than what it was made of, and is not shown before it. */
static void test_segmentation(void **state)
{
    (void)state;
    char folder[HG_PATH_BYTES];
    hg_image image;
    series_folder(folder, "segmented");
    for (int i = 0; i < 9; i++) {
        builder_slice s = {.series = i < 3 ? "1.2.3.13" : "1.2.3.12", .position = {0, 0, i}};
        s.modality = i < 3 ? "MR" : "SEG";
        series_write_place(folder, s, i % 7, i, 4);
    }
    series_open(&image, folder, NULL);
    assert_string_equal(image.source.modality, "MR");
    assert_int_equal(image.source.n_slices, 3);
    hg_image_deinit(&image);
}

static void test_dicomdir_escapes(void **state)
{
    (void)state;
    static const char *const names[] = {"..\\axes\\IM037", "PICS\\..\\..\\axes\\IM037", "/etc/passwd", "."};
    char folder[HG_PATH_BYTES], path[HG_PATH_BYTES];
    hg_error err = {0};
    hg_image image;
    series_folder(folder, "hostile");
    for (size_t i = 0; i < 4; i++) {
        series_write_dicomdir(folder, names + i, 1);
        hg_image_init(&image);
        assert_int_equal(hg_image_read(&image, folder, NULL, &err), HG_STATUS_INPUT);
        if (strstr(err.text, "no place in its folder") == NULL ||
            strncmp(err.text, folder, strlen(folder)) != 0)
            fail_msg("%s", err.text);
    }
    /* A link that leads out is as if nothing were there. */
    static const char *const link_name = "OUT";
    series_path(path, folder, "OUT");
    assert_int_equal(symlink("../axes/IM037", path), 0);
    series_write_dicomdir(folder, &link_name, 1);
    assert_int_equal(hg_image_read(&image, folder, NULL, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "no DICOM file of the DICOMDIR is there"));
}

static void test_empty_folder(void **state)
{
    (void)state;
    char folder[HG_PATH_BYTES];
    hg_error err = {0};
    hg_image image;
    hg_image_init(&image);
    series_folder(folder, "empty");
    assert_int_equal(hg_image_read(&image, folder, NULL, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "no DICOM file in this folder"));
    builder_slice s = {.series = "1.2.3.4", .damaged = true, .width = 4, .height = 4};
    series_write(folder, "x", &s, NULL);
    assert_int_equal(hg_image_read(&image, folder, NULL, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "none of its 1 DICOM files is a picture (1 damaged)"));
}

/* A real series: its files under shuffled names, its pixels against those of the files one by one, placed by
 * the positions that its makers wrote: ct_00 is the highest. */
static void test_real_series(void **state)
{
    (void)state;
    char folder[HG_PATH_BYTES], path[HG_PATH_BYTES], link_path[HG_PATH_BYTES], name[60];
    if (!golden_have_shared()) {
        print_message("skipped: the shared data set is not there\n");
        skip();
    }
    series_folder(folder, "real");
    char *here = realpath(HG_SHARED_DATA, NULL);
    for (int i = 0; i < 16; i++) {
        snprintf(name, sizeof name, "dicom/ct_series_totalseg/ct_%02d.dcm", i);
        series_path(path, here, name);
        snprintf(name, sizeof name, "%d", (i * 7 + 3) % 16);
        series_path(link_path, folder, name);
        assert_int_equal(symlink(path, link_path), 0);
    }
    for (int k = 0; k < 16; k++) {
        hg_image slice, alone;
        hg_image_view view = hg_image_view_default();
        view.slice = k;
        series_open(&slice, folder, &view);
        snprintf(name, sizeof name, "dicom/ct_series_totalseg/ct_%02d.dcm", 15 - k);
        series_path(path, here, name);
        series_open(&alone, path, NULL);
        assert_int_equal(slice.source.n_slices, 16);
        assert_memory_equal(slice.samples, alone.samples, hg_image_bytes(&alone));
        hg_image_deinit(&slice);
        hg_image_deinit(&alone);
    }
    free(here);
}

static int series_begin(void **state)
{
    (void)state;
    return mkdtemp(series_root) == NULL;
}

static int series_end(void **state)
{
    (void)state;
    char command[100];
    snprintf(command, sizeof command, "rm -rf %s", series_root);
    return system(command);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order_and_axes),   cmocka_unit_test(test_turned),
        cmocka_unit_test(test_taken_axis),       cmocka_unit_test(test_mixed),
        cmocka_unit_test(test_times_and_gaps),   cmocka_unit_test(test_no_place),
        cmocka_unit_test(test_several),          cmocka_unit_test(test_shared_window),
        cmocka_unit_test(test_dicomdir),         cmocka_unit_test(test_dicomdir_by_dcmtk),
        cmocka_unit_test(test_segmentation),     cmocka_unit_test(test_enhanced),
        cmocka_unit_test(test_dicomdir_escapes), cmocka_unit_test(test_empty_folder),
        cmocka_unit_test(test_real_series)};
    return cmocka_run_group_tests_name("series", tests, series_begin, series_end);
}
