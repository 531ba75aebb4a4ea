/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_image.c: `healthgpt image info|convert|prepare FILE`: what an image is, the same image in another file
 * format, and what the model's image encoder sees of it.
 */
#include "cli_image_info.h"
#include "cli_record.h"
#include "cli_view.h"

#include <healthgpt/image.h>

#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define IMAGE_MAX_SIDE 65535

/* argv[0] is "image"; returns the exit code of the program. */
int cmd_image(int argc, char **argv);

typedef struct image_options {
    const char *verb;
    const char *file;
    const char *output;
    int quality;
    int longer; /* --size; 0: as it is */
    bool json;
    bool normalized;
    bool quiet;
    bool help;
    cli_view view;
    cli_record_options record;
} image_options;

typedef struct image_verb {
    const char *name;
    bool needs_output;
    hg_status (*run)(const image_options *options, const hg_image *image, hg_error *err);
} image_verb;

static const char image_usage[] =
    "usage: healthgpt image info FILE [VIEW] [--json]\n"
    "       healthgpt image convert FILE -o OUT [VIEW] [DEID] [--size N] [--quality 1..100] [--json]\n"
    "       healthgpt image prepare FILE -o OUT.npy [VIEW] [--normalized] [--json]\n"
    "FILE is PNG, JPEG, TIFF, DICOM, NIfTI (.nii, .nii.gz, .hdr with .img) or a NumPy array, known by its\n"
    "content, or a DICOMDIR, or a folder with DICOM files; it is turned upright as its EXIF orientation "
    "says.\n"
    "convert writes what the ending says: .png, .jpg, .tif, .nii, .nii.gz or .dcm; with --size the longer "
    "side\n"
    "gets N pixels (bicubic, antialiased; not for .dcm and .nii, whose pixels have a size in mm).\n"
    "prepare writes the input of the image encoder: uint8 [336, 336, 3], or with --normalized\n"
    "float32 [3, 336, 336].\n"
    "VIEW, for files with many pictures or with measured values:\n" CLI_VIEW_HELP
    "DEID, for convert to .dcm:\n" CLI_DEID_HELP
    "A picture that was drawn stays marked as synthetic; --no-burn-in leaves the mark out of the pixels.\n";

static hg_status image_usage_error(hg_error *err, const char *text, const char *what)
{
    err->code = HG_STATUS_USAGE;
    snprintf(err->text, sizeof err->text, "image: %s%s; see 'healthgpt image --help'", text, what);
    return HG_STATUS_USAGE;
}

/* Prints the object as one line and lets go of it. */
static hg_status image_print_json(json_t *object, hg_error *err)
{
    char *text = object != NULL ? json_dumps(object, JSON_PRESERVE_ORDER) : NULL;
    bool ok = text != NULL && puts(text) >= 0;
    free(text);
    json_decref(object);
    if (ok)
        return HG_STATUS_OK;
    err->code = HG_STATUS_FAILED;
    snprintf(err->text, sizeof err->text, "image: cannot print the result");
    return HG_STATUS_FAILED;
}

static hg_status image_info(const image_options *options, const hg_image *image, hg_error *err)
{
    int n_series = hg_image_get_source(image)->n_series;
    if (!options->json) {
        cli_image_info_print(image);
        if (n_series > 1)
            cli_image_series_print(options->file);
        return HG_STATUS_OK;
    }
    json_t *info = cli_image_info_json(image);
    if (info != NULL && n_series > 0)
        json_object_set_new(info, "series", cli_image_series_json(options->file));
    return image_print_json(info, err);
}

/* A result of convert or prepare; for scans with what was shown. */
static hg_status image_print_result(json_t *object, const hg_image *image, hg_error *err)
{
    json_t *shown = cli_image_shown_json(image);
    if (object != NULL && shown != NULL)
        json_object_set_new(object, "shown", shown);
    return image_print_json(object, err);
}

/* In the study of the file that it comes from, with what was done to its values. */
static hg_status image_convert_dicom(const image_options *options, const hg_image *image, hg_error *err)
{
    cli_records records = {.n = 0};
    cli_record_options record = options->record;
    hg_record_options save = {0};
    char description[200];
    hg_status status = cli_records_add(&records, options->file, image, &record, options->quiet, err);
    if (status == HG_STATUS_OK)
        status = cli_records_options(&save, &records, &record, err);
    if (status == HG_STATUS_OK) {
        cli_image_describe(description, sizeof description, image);
        save.description = description;
        if (save.no_burn_in && hg_image_get_info(image).synthetic)
            fprintf(stderr, "warning: nothing in the pixels of %s says that the picture is synthetic\n",
                    options->output);
        status = hg_record_save_image(image, options->output, &save, err);
    }
    cli_records_close(&records);
    return status;
}

/* Of a side of the resized picture: its part of the longer side, rounded, at least 1. */
static int image_side(int side, int longer, int wanted)
{
    int scaled = (int)(((int64_t)side * wanted + longer / 2) / longer);
    return scaled > 0 ? scaled : 1;
}

static hg_status image_convert_resized(const image_options *options, const hg_image *image, hg_error *err)
{
    const hg_image_save_options save = {.quality = options->quality};
    hg_image_info info = hg_image_get_info(image);
    if (cli_record_wanted(options->output) || strstr(options->output, ".nii") != NULL)
        return image_usage_error(err, "--size is not for ", options->output);
    int longer = info.width > info.height ? info.width : info.height;
    hg_image *resized;
    hg_status status = hg_image_resize(&resized, image, image_side(info.width, longer, options->longer),
                                       image_side(info.height, longer, options->longer), err);
    if (status == HG_STATUS_OK)
        status = hg_image_save(resized, options->output, &save, err);
    hg_image_close(resized);
    return status;
}

static hg_status image_convert(const image_options *options, const hg_image *image, hg_error *err)
{
    const hg_image_save_options save = {.quality = options->quality};
    hg_image_info info = hg_image_get_info(image);
    hg_status status = options->longer > 0 ? image_convert_resized(options, image, err)
                       : cli_record_wanted(options->output)
                           ? image_convert_dicom(options, image, err)
                           : hg_image_save(image, options->output, &save, err);
    if (status != HG_STATUS_OK || !options->json)
        return status;
    int longer = info.width > info.height ? info.width : info.height;
    int wanted = options->longer > 0 ? options->longer : longer;
    return image_print_result(json_pack("{s:s, s:i, s:i}", "output", options->output, "width",
                                        image_side(info.width, longer, wanted), "height",
                                        image_side(info.height, longer, wanted)),
                              image, err);
}

static hg_status image_prepare_normalized(const char *path, const hg_image *image, hg_error *err)
{
    static const int64_t shape[3] = {3, HG_CLIP_SIDE, HG_CLIP_SIDE};
    static float values[HG_CLIP_VALUES];
    hg_status status = hg_image_prepare_f32(image, values, err);
    return status == HG_STATUS_OK ? hg_npy_write(path, HG_NPY_TYPE_F32, values, 3, shape, err) : status;
}

static hg_status image_prepare_bytes(const char *path, const hg_image *image, hg_error *err)
{
    static const int64_t shape[3] = {HG_CLIP_SIDE, HG_CLIP_SIDE, 3};
    static uint8_t values[HG_CLIP_VALUES];
    hg_status status = hg_image_prepare_u8(image, values, err);
    return status == HG_STATUS_OK ? hg_npy_write(path, HG_NPY_TYPE_U8, values, 3, shape, err) : status;
}

static hg_status image_prepare(const image_options *options, const hg_image *image, hg_error *err)
{
    hg_status status = options->normalized ? image_prepare_normalized(options->output, image, err)
                                           : image_prepare_bytes(options->output, image, err);
    if (status != HG_STATUS_OK || !options->json)
        return status;
    int side = HG_CLIP_SIDE;
    json_t *shape =
        options->normalized ? json_pack("[i, i, i]", 3, side, side) : json_pack("[i, i, i]", side, side, 3);
    return image_print_result(json_pack("{s:s, s:s, s:o}", "output", options->output, "type",
                                        options->normalized ? "float32" : "uint8", "shape", shape),
                              image, err);
}

static const image_verb image_verbs[] = {
    {"info", false, image_info}, {"convert", true, image_convert}, {"prepare", true, image_prepare}};

/* 1..max */
static bool image_parse_number(int *number, const char *text, long max)
{
    char *end;
    long value = strtol(text, &end, 10);
    *number = value >= 1 && value <= max ? (int)value : 0;
    return end != text && *end == 0 && *number != 0;
}

/* The options and the two words, in any order. */
static hg_status image_parse(image_options *options, int argc, char **argv, hg_error *err)
{
    static const struct option known[] = {{"output", required_argument, NULL, 'o'},
                                          {"quality", required_argument, NULL, 'Q'},
                                          {"size", required_argument, NULL, 'Z'},
                                          {"json", no_argument, NULL, 'j'},
                                          {"normalized", no_argument, NULL, 'n'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          CLI_VIEW_OPTIONS,
                                          CLI_RECORD_OPTIONS,
                                          {"help", no_argument, NULL, 'h'},
                                          /* options of every command, which this one has no use for */
                                          {"threads", required_argument, NULL, 'I'},
                                          {"cpu", required_argument, NULL, 'I'},
                                          {"seed", required_argument, NULL, 'I'},
                                          {"model", required_argument, NULL, 'I'},
                                          {NULL, 0, NULL, 0}};
    optind = 0; /* begin anew, also on a second call */
    opterr = 0; /* the texts are ours */
    for (int c = getopt_long(argc, argv, ":o:qh", known, NULL); c != -1;
         c = getopt_long(argc, argv, ":o:qh", known, NULL)) {
        if (c == ':')
            return image_usage_error(err, "a value is missing after ", argv[optind - 1]);
        if (c == '?')
            return image_usage_error(err, "unknown option ", argv[optind - 1]);
        if (c == 'Q' && !image_parse_number(&options->quality, optarg, 100))
            return image_usage_error(err, "--quality must be 1..100, not ", optarg);
        if (c == 'Z' && !image_parse_number(&options->longer, optarg, IMAGE_MAX_SIDE))
            return image_usage_error(err, "--size must be 1..65535, not ", optarg);
        hg_status status = HG_STATUS_OK;
        if (cli_view_take(&options->view, c, optarg, &status, err) && status != HG_STATUS_OK)
            return status;
        cli_record_take(&options->record, c, optarg);
        options->output = c == 'o' ? optarg : options->output;
        options->json = options->json || c == 'j';
        options->normalized = options->normalized || c == 'n';
        options->quiet = options->quiet || c == 'q';
        options->help = options->help || c == 'h';
    }
    if (options->help)
        return HG_STATUS_OK;
    if (argc - optind < 2)
        return image_usage_error(err, "a verb (info, convert, prepare) and a file are needed", "");
    if (argc - optind > 2)
        return image_usage_error(err, "one file at a time, not also ", argv[optind + 2]);
    options->verb = argv[optind];
    options->file = argv[optind + 1];
    return HG_STATUS_OK;
}

static const image_verb *image_find_verb(const char *name)
{
    for (size_t i = 0; i < sizeof image_verbs / sizeof image_verbs[0]; i++) {
        if (strcmp(image_verbs[i].name, name) == 0)
            return &image_verbs[i];
    }
    return NULL;
}

static hg_status image_run(int argc, char **argv, hg_error *err)
{
    image_options options = {.view = cli_view_default()};
    hg_status status = image_parse(&options, argc, argv, err);
    if (status != HG_STATUS_OK)
        return status;
    if (options.help) {
        fputs(image_usage, stdout);
        return HG_STATUS_OK;
    }
    const image_verb *verb = image_find_verb(options.verb);
    if (verb == NULL)
        return image_usage_error(err, "unknown verb ", options.verb);
    if (verb->needs_output && options.output == NULL)
        return image_usage_error(err, "-o OUT is needed for ", verb->name);
    hg_image *image;
    status = cli_view_open(&options.view, options.file, &image, err);
    if (status == HG_STATUS_OK && !options.quiet && verb->needs_output)
        cli_image_note(image);
    if (status == HG_STATUS_OK)
        status = verb->run(&options, image, err);
    hg_image_close(image);
    return status;
}

int cmd_image(int argc, char **argv)
{
    hg_error err = {0};
    hg_status status = image_run(argc, argv, &err);
    if (status == HG_STATUS_OK && fflush(stdout) != 0) {
        status = HG_STATUS_FAILED;
        snprintf(err.text, sizeof err.text, "image: cannot print the result");
    }
    if (status != HG_STATUS_OK)
        fprintf(stderr, "healthgpt: %s\n", err.text);
    return (int)status;
}
