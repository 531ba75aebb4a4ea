/* SPDX-License-Identifier: Apache-2.0
 *
 * cmd_ask.c: healthgpt ask [IMAGE...] QUESTION
 */
#include "cli.h"
#include "cli_json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char ask_help[] =
    "usage: healthgpt ask [OPTIONS] [IMAGE...] QUESTION\n"
    "Answers a question about images (PNG, JPEG, TIFF, DICOM, NIfTI, folders of a DICOM series), or about "
    "none.\n\n"
    "  --model MODEL             a .gguf package or a folder (default: $HEALTHGPT_MODEL, else the model\n"
    "                            shipped with the program)\n"
    "  --max-tokens N            longest answer (1024)\n"
    "  --temperature X           0: greedy, the default; above: sampling\n"
    "  --top-k N  --top-p X  --repetition-penalty X  --seed N\n"
    "  --system TEXT             another system prompt than the model was trained with\n"
    "  --sr OUT.dcm              also writes question and answer as a DICOM report (Basic Text SR, "
    "unverified)\n" CLI_DEID_HELP CLI_VIEW_HELP CLI_SLICES_HELP
    "  --threads N  --cpu TIER  --kv-cache f32|f16|bf16|q8_0\n"
    "  --vision f32|bf16  --prefill f32|bf16  --json  --quiet\n"
    "  --mlock                   keeps the model's files in memory\n"
    "  --repack auto|yes|no      weights copied in the order that decoding reads fastest (no)\n"
    "  --huge-pages auto|yes|no  the others in pages of 2 MiB; yes copies them at the start\n";

typedef struct ask_stream {
    cli_progress progress;
    bool silent; /* --json prints all at the end */
} ask_stream;

static bool ask_on_text(void *user, const char *text, size_t n)
{
    ask_stream *stream = user;
    cli_progress_end(&stream->progress);
    return (stream->silent || cli_write(text, n)) && !cli_interrupted();
}

static void ask_print_speed(const hg_ask_result *r)
{
    double prompt = r->timings.vision + r->timings.prefill;
    fprintf(stderr,
            "prompt %zu positions in %.2f s (image %.2f s); answer %zu tokens in %.2f s (%.1f tokens/s)\n",
            r->n_prompt_tokens, prompt, r->timings.vision, r->n_tokens, r->timings.decode,
            r->timings.decode > 0 ? (double)r->n_tokens / r->timings.decode : 0);
    if (r->stop == HG_STOP_LENGTH)
        fprintf(stderr, "note: the answer was cut at its longest length (--max-tokens)\n");
}

/* Question and answer as a DICOM report. What the answer says is not checked for names. */
static hg_status ask_report(cli_ask_options *o, const cli_records *records, const char *question,
                            const hg_ask_result *result, hg_error *err)
{
    const hg_record_answer answer = {
        .question = question, .answer = result->answer, .complete = result->stop == HG_STOP_END};
    hg_record_options options;
    hg_status status = cli_records_options(&options, records, &o->record, err);
    if (status == HG_STATUS_OK && o->record.deid)
        fprintf(stderr,
                "note: question and answer are written as they are; --deid does not look into them\n");
    return status == HG_STATUS_OK ? hg_record_save_answer(&answer, o->report, &options, err) : status;
}

static hg_status ask_answer(cli_ask_options *o, hg_model *model, hg_session *session,
                            const cli_images *images, cli_records *records, const char *question,
                            hg_error *err)
{
    ask_stream stream = {.silent = o->common.json};
    hg_ask_request request = {.images = (const hg_image *const *)images->items,
                              .n_images = images->n,
                              .question = question,
                              .system = o->system,
                              .sampling = o->sampling,
                              .max_tokens = o->max_tokens,
                              .on_text = ask_on_text,
                              .on_text_user = &stream};
    request.progress = cli_progress_init(&stream.progress, &o->common);
    hg_ask_result result;
    hg_status status = hg_session_ask(session, &request, &result, err);
    cli_progress_end(&stream.progress);
    if (status != HG_STATUS_OK)
        return status;
    if (o->common.json)
        status = cli_json_print_answer(&result, request.images, images->n, err);
    else
        cli_write("\n", 1);
    if (!o->common.quiet)
        ask_print_speed(&result);
    if (status == HG_STATUS_OK && result.stop == HG_STOP_CANCELLED && cli_interrupted())
        status = cli_cancelled(err);
    if (status == HG_STATUS_OK && o->report != NULL) {
        cli_records_name_model(records, hg_model_get_name(model), cli_model_path(&o->common),
                               hg_model_get_plugin_hash(model, false));
        status = ask_report(o, records, question, &result, err);
    }
    hg_ask_result_free(&result);
    return status;
}

/* The prompt's length is checked before pictures are decoded, and the report's sources before the work. */
static hg_status ask_about(cli_ask_options *o, hg_model *model, hg_session *session, int n, char **paths,
                           size_t n_pictures, const char *question, hg_error *err)
{
    cli_images images = {.n = 0};
    cli_records records = {.n = 0};
    const hg_ask_request request = {.n_images = n_pictures, .question = question, .system = o->system};
    hg_status status = hg_session_check_prompt(session, &request, err);
    if (status == HG_STATUS_OK)
        status = cli_images_open(&images, n, paths, &o->view, err);
    if (status == HG_STATUS_OK && !o->common.quiet)
        cli_images_note(&images);
    for (size_t i = 0; status == HG_STATUS_OK && o->report != NULL && i < images.n; i++)
        status = cli_records_add(&records, paths[images.paths[i]], images.items[i], &o->record,
                                 o->common.quiet || i > 0, err);
    if (status == HG_STATUS_OK && o->report != NULL)
        status = cli_records_check(&records, &o->record, err);
    if (status == HG_STATUS_OK)
        status = ask_answer(o, model, session, &images, &records, question, err);
    cli_records_close(&records);
    cli_images_close(&images);
    return status;
}

int cmd_ask(int argc, char **argv)
{
    cli_ask_options o;
    bool done;
    /* A short answer takes less time than copying gains. */
    hg_status status = cli_ask_parse(&o, HG_REPACK_NO, argc, argv, ask_help, &done);
    if (done || status != HG_STATUS_OK)
        return (int)status;
    int n_images = argc - optind - 1;
    if (n_images < 0)
        return cli_fail(HG_STATUS_USAGE, "ask: a question is wanted (see healthgpt ask --help)");
    if (n_images == 0 && access(argv[optind], F_OK) == 0)
        return cli_fail(HG_STATUS_USAGE, "ask: a question is wanted after '%s'", argv[optind]);
    if (o.report != NULL && !cli_record_wanted(o.report))
        return cli_fail(HG_STATUS_USAGE, "ask: '%s' must end in .dcm", o.report);
    int reason = o.report != NULL ? cli_check_folder(o.report) : 0;
    if (reason != 0)
        return cli_fail(HG_STATUS_FAILED, "ask: '%s' cannot be written: %s", o.report, strerror(reason));
    hg_error err = {HG_STATUS_OK, ""};
    hg_model *model;
    hg_session *session;
    size_t n_pictures;
    cli_catch_interrupt();
    status = cli_images_count(&n_pictures, n_images, argv + optind, &o.view, &err);
    if (status == HG_STATUS_OK)
        status = cli_open(&o.common, &model, &session, &err);
    if (status != HG_STATUS_OK)
        return cli_fail_error(&err);
    char *question = cli_roi_question(&o.view, argv[argc - 1]);
    if (question == NULL) {
        err = (hg_error){HG_STATUS_FAILED, "out of memory (the question)"};
        status = HG_STATUS_FAILED;
    } else
        status = ask_about(&o, model, session, n_images, argv + optind, n_pictures, question, &err);
    free(question);
    hg_session_destroy(session);
    hg_model_close(model);
    return status == HG_STATUS_OK ? HG_STATUS_OK : cli_fail_error(&err);
}
