/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_draw.c: healthgpt draw --task T [IMAGE] [TEXT] -o OUT
 */
#include "cli.h"
#include "cli_image_info.h"
#include "cli_json.h"
#include "cli_record.h"

#include <stdio.h>
#include <string.h>

static const char draw_help[] =
    "usage: healthgpt draw --task TASK [OPTIONS] [IMAGE] [TEXT] -o OUT\n"
    "Draws a picture. TASK: reconstruct, super-resolution, ct-to-mri, mri-to-ct (from an image; TEXT "
    "replaces the task's own\n"
    "instruction), report-to-cxr (from TEXT, the report). A model only does what it was trained for; "
    "healthgpt "
    "inspect\n"
    "lists its tasks.\n\n"
    "  -o FILE                   where the picture goes: .png, .jpg, .tif, .nii, .nii.gz or\n"
    "                            .dcm (DICOM, in the study of the image, with a visible mark)\n"
    "  --codes                   also print the picture codes\n"
    "  --force                   draw although the model was not trained for the task; the picture must not "
    "be used\n"
    "  --reference               decode without constraint, as the original program does\n"
    "  --temperature X           0: greedy, the default; above: sampling\n"
    "  --top-k N  --top-p X  --repetition-penalty X  --seed N  --system TEXT\n"
    "  --model MODEL  --threads N  --cpu TIER  --kv-cache f32|f16|bf16|q8_0\n"
    "  --vision f32|bf16  --prefill f32|bf16  --json  --quiet\n"
    "  --mlock                   keeps the model's files in memory\n"
    "  --repack auto|yes|no      weights copied in the order that decoding reads fastest\n"
    "  --huge-pages auto|yes|no  the others in pages of 2 MiB; yes copies them at the start\n" CLI_VIEW_HELP
        CLI_DEID_HELP "  --no-burn-in              DICOM output without the mark in the pixels\n";

typedef struct draw_options {
    cli_common common;
    hg_draw_request request;
    cli_view view;
    cli_record_options record;
    cli_records records;
    const char *task, *out;
    bool codes;
} draw_options;

enum { DRAW_TASK = CLI_COMMAND, DRAW_CODES, DRAW_FORCE, DRAW_REFERENCE };

static const struct option draw_long[] = {CLI_COMMON_OPTIONS,
                                          CLI_SAMPLING_OPTIONS,
                                          CLI_VIEW_OPTIONS,
                                          CLI_RECORD_OPTIONS,
                                          {"task", required_argument, NULL, DRAW_TASK},
                                          {"codes", no_argument, NULL, DRAW_CODES},
                                          {"force", no_argument, NULL, DRAW_FORCE},
                                          {"reference", no_argument, NULL, DRAW_REFERENCE},
                                          {"output", required_argument, NULL, 'o'},
                                          {NULL, 0, NULL, 0}};

static hg_status draw_take(draw_options *o, int code)
{
    hg_status status = HG_STATUS_OK;
    if (cli_common_take(&o->common, code, optarg, &status) ||
        cli_sampling_take(&o->request.sampling, &o->request.system, code, optarg, &status))
        return status;
    hg_error err = {HG_STATUS_OK, ""};
    if (cli_view_take(&o->view, code, optarg, &status, &err))
        return status == HG_STATUS_OK ? status : (hg_status)cli_fail_error(&err);
    if (cli_record_take(&o->record, code, optarg))
        return status;
    switch (code) {
    case DRAW_TASK:
        o->task = optarg;
        return HG_STATUS_OK;
    case DRAW_CODES:
        o->codes = true;
        return HG_STATUS_OK;
    case DRAW_FORCE:
        o->request.force = true;
        return HG_STATUS_OK;
    case DRAW_REFERENCE:
        o->request.reference = true;
        return HG_STATUS_OK;
    case 'o':
        o->out = optarg;
        return HG_STATUS_OK;
    default:
        return HG_STATUS_USAGE;
    }
}

/* Checks what can be checked before any work, and sorts the arguments into image and text. */
static hg_status draw_arguments(draw_options *o, int n, char **arguments, const char **image_path)
{
    if (o->task == NULL)
        return (hg_status)cli_fail(HG_STATUS_USAGE, "draw: --task is wanted (see healthgpt draw --help)");
    if (!hg_draw_task_find(o->task, &o->request.task))
        return (hg_status)cli_fail(HG_STATUS_USAGE, "draw: no task '%s' (see healthgpt draw --help)",
                                   o->task);
    if (o->out == NULL)
        return (hg_status)cli_fail(HG_STATUS_USAGE, "draw: -o FILE is wanted");
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_image_can_save(o->out, &err) != HG_STATUS_OK)
        return (hg_status)cli_fail(HG_STATUS_USAGE, "draw: %s", err.text);
    int reason = cli_check_folder(o->out);
    if (reason != 0)
        return (hg_status)cli_fail(HG_STATUS_FAILED, "draw: '%s' cannot be written: %s", o->out,
                                   strerror(reason));
    bool from_text = o->request.task == HG_DRAW_TASK_REPORT_TO_CXR;
    if (from_text && n > 1)
        return (hg_status)cli_fail(HG_STATUS_USAGE,
                                   "draw: report-to-cxr draws from a report alone; it takes no image");
    if (from_text && n < 1)
        return (hg_status)cli_fail(HG_STATUS_USAGE, "draw: report-to-cxr needs the report as text");
    if (!from_text && (n < 1 || n > 2))
        return (hg_status)cli_fail(HG_STATUS_USAGE,
                                   "draw: %s needs one image, and may have an instruction after it", o->task);
    *image_path = from_text ? NULL : arguments[0];
    if (from_text)
        o->request.text = arguments[0];
    else if (n == 2)
        o->request.text = arguments[1];
    return HG_STATUS_OK;
}

/* What a picture of a task that the model was not trained for is, on stderr and in the file. */
static void draw_warn(const draw_options *o, char *text, size_t bytes)
{
    snprintf(text, bytes, "this model was not trained for %s: the picture %s and must not be used", o->task,
             o->request.image != NULL ? "is probably a copy of the input" : "means nothing");
    fprintf(stderr, "warning: %s\n", text);
}

static hg_status draw_save_dicom(draw_options *o, const hg_image *picture, const char *warning, hg_error *err)
{
    char description[400];
    hg_record_options options;
    hg_status status = cli_records_options(&options, &o->records, &o->record, err);
    if (status != HG_STATUS_OK)
        return status;
    snprintf(description, sizeof description, "Task: %s%s%s", o->task, warning[0] != 0 ? ". Warning: " : "",
             warning);
    options.description = description;
    options.comment = warning;
    if (options.no_burn_in)
        fprintf(stderr, "warning: nothing in the pixels of %s says that the picture is synthetic\n", o->out);
    return hg_record_save_image(picture, o->out, &options, err);
}

static hg_status draw_save_picture(draw_options *o, const hg_draw_result *result, hg_error *err)
{
    char warning[200] = "";
    const hg_image_note note = {"Warning", warning};
    const hg_image_save_options options = {.notes = &note, .n_notes = 1};
    if (result->forced)
        draw_warn(o, warning, sizeof warning);
    if (cli_record_wanted(o->out))
        return draw_save_dicom(o, result->picture, warning, err);
    return hg_image_save(result->picture, o->out, result->forced ? &options : NULL, err);
}

static hg_status draw_save(draw_options *o, const hg_draw_result *result, hg_error *err)
{
    hg_status status = draw_save_picture(o, result, err);
    if (status != HG_STATUS_OK)
        return status;
    if (o->common.json)
        return cli_json_print_drawing(result, o->task, o->out, o->codes, o->request.image, err);
    for (size_t i = 0; o->codes && i < result->n_codes; i++)
        printf("%d%c", result->codes[i], i + 1 < result->n_codes ? ' ' : '\n');
    if (!o->common.quiet) {
        double decode = result->timings.decode;
        fprintf(stderr,
                "%s: synthetic picture; prompt %zu positions in %.2f s, %zu codes in %.2f s (%.1f/s), "
                "picture %.2f s\n",
                o->out, result->n_prompt_tokens, result->timings.vision + result->timings.prefill,
                result->n_codes, decode, decode > 0 ? (double)result->n_codes / decode : 0,
                result->timings.picture);
    }
    return HG_STATUS_OK;
}

static hg_status draw_run(draw_options *o, hg_error *err)
{
    hg_model *model;
    hg_session *session;
    hg_status status = cli_open(&o->common, &model, &session, err);
    if (status != HG_STATUS_OK)
        return status;
    cli_progress progress;
    hg_draw_result result;
    cli_records_name_model(&o->records, hg_model_get_name(model), cli_model_path(&o->common),
                           hg_model_get_plugin_hash(model, true));
    o->request.progress = cli_progress_init(&progress, &o->common);
    status = hg_session_draw(session, &o->request, &result, err);
    cli_progress_end(&progress);
    if (status == HG_STATUS_OK) {
        status = draw_save(o, &result, err);
        hg_draw_result_free(&result);
    }
    hg_session_destroy(session);
    hg_model_close(model);
    return status;
}

int cmd_draw(int argc, char **argv)
{
    draw_options o = {.view = cli_view_default(), .request = {.sampling = cli_sampling_default()}};
    int code;
    while ((code = getopt_long(argc, argv, "o:", draw_long, NULL)) != -1) {
        if (code == CLI_HELP) {
            fputs(draw_help, stdout);
            return HG_STATUS_OK;
        }
        if (draw_take(&o, code) != HG_STATUS_OK)
            return HG_STATUS_USAGE;
    }
    const char *image_path = NULL;
    o.request.sampling.seed = o.common.seed;
    hg_status status = draw_arguments(&o, argc - optind, argv + optind, &image_path);
    if (status != HG_STATUS_OK)
        return (int)status;
    if (o.view.n_rois > 0)
        return cli_fail(HG_STATUS_USAGE, "draw: --roi marks would be drawn, too; they are for questions");
    hg_image *image = NULL;
    hg_error err = {HG_STATUS_OK, ""};
    if (image_path != NULL)
        status = cli_view_open(&o.view, image_path, &image, &err);
    if (image != NULL && !o.common.quiet)
        cli_image_note(image);
    if (image != NULL && cli_record_wanted(o.out))
        status = cli_records_add(&o.records, image_path, image, &o.record, o.common.quiet, &err);
    if (status == HG_STATUS_OK && cli_record_wanted(o.out))
        status = cli_records_check(&o.records, &o.record, &err);
    o.request.image = image;
    cli_catch_interrupt();
    if (status == HG_STATUS_OK)
        status = draw_run(&o, &err);
    hg_image_close(image);
    cli_records_close(&o.records);
    return status == HG_STATUS_OK ? HG_STATUS_OK : cli_fail_error(&err);
}
