/* SPDX-License-Identifier: Apache-2.0
 *
 * test_train_run.c: a run that is killed and continued is the run that was not; bad samples are told, counted
 * and passed over; new plug-ins begin without effect; settings that do not fit are refused.
 */
#include "small_model.h"

#include "base/file.h"
#include "formats/tensor_file.h"
#include "formats/tensor_writer.h"

#include <healthgpt/image.h>

#include <math.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define STEPS 12

static const char *const run_settings[] = {"steps",        "12",   "batch",   "3",   "lr",   "5e-3",
                                           "projector-lr", "5e-3", "dropout", "0.1", "seed", "7",
                                           "save-every",   "3",    "threads", "1",   NULL};

static void run(const hg_train_settings *s, const hg_train_listener *listener, hg_train_result *result)
{
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_train_run(s, listener, result, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
}

static bool kill_at_step_8(void *user, const hg_train_step *step)
{
    (void)user;
    if (step->step == 8)
        kill(getpid(), SIGKILL);
    return true;
}

static void expect_same_file(const small_model *m, const char *a, const char *b)
{
    char path[256];
    hg_buffer first, second;
    hg_error err = {HG_STATUS_OK, ""};
    hg_buffer_init(&first, (size_t)1 << 30);
    hg_buffer_init(&second, (size_t)1 << 30);
    assert_int_equal(hg_file_read(small_model_path(m, a, path), &first, &err), HG_STATUS_OK);
    assert_int_equal(hg_file_read(small_model_path(m, b, path), &second, &err), HG_STATUS_OK);
    assert_int_equal(first.size, second.size);
    assert_memory_equal(first.data, second.data, first.size);
    hg_buffer_deinit(&first);
    hg_buffer_deinit(&second);
}

typedef struct notes {
    char text[32][512];
    int n;
} notes;

static void take_note(void *user, const char *text)
{
    notes *all = user;
    if (all->n < 32)
        snprintf(all->text[all->n++], sizeof all->text[0], "%s", text);
}

static void expect_note(const notes *all, const char *first, const char *second)
{
    for (int i = 0; i < all->n; i++) {
        if (strstr(all->text[i], first) != NULL && strstr(all->text[i], second) != NULL)
            return;
    }
    fail_msg("no note says '%s' and '%s'", first, second);
}

/* Seven questions about each of three pictures. */
static void write_many_questions(const small_model *m)
{
    static const char *const words[] = {"What", "Which", "Where", "How", "Is it", "When", "Who"};
    char text[8192] = "";
    for (int i = 0; i < 21; i++) {
        size_t used = strlen(text);
        snprintf(text + used, sizeof text - used,
                 "{\"image\": \"c%d.png\", \"conversations\": [{\"from\": \"human\", \"value\": "
                 "\"<image>\\n%s?\"}, {\"from\": \"gpt\", \"value\": \"%s %d\"}]}\n",
                 i % 3, words[i / 3], small_model_colour(i % 3), i);
    }
    small_model_write(m, "many.json", text);
}

/* A process is ended by SIGKILL right after step 8, the last checkpoint is of step 6: continued, the losses
 * of all steps and the written plug-in are those of a run in one go, bit for bit. */
static void check_resume(const char *data, const char *const *settings)
{
    small_model m;
    hg_train_result result;
    double whole[STEPS], resumed[STEPS];
    small_model_make(&m);
    small_model_write_questions(&m, "com.json", SMALL_MODEL_COLOURS);
    write_many_questions(&m);
    hg_train_settings *s = small_model_settings(&m, HG_TRAIN_STAGE_3_COM, data, "whole", settings);
    run(s, NULL, &result);
    assert_int_equal(small_model_losses(&m, "whole", whole, STEPS), STEPS);
    hg_train_settings_destroy(s);

    s = small_model_settings(&m, HG_TRAIN_STAGE_3_COM, data, "killed", settings);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        hg_train_listener listener = {.on_step = kill_at_step_8};
        hg_error err;
        _exit(hg_train_run(s, &listener, &result, &err) == HG_STATUS_OK ? 0 : 1);
    }
    int ended = 0;
    assert_int_equal(waitpid(child, &ended, 0), child);
    assert_true(WIFSIGNALED(ended) && WTERMSIG(ended) == SIGKILL);
    assert_int_equal(small_model_losses(&m, "killed", resumed, STEPS), 8);

    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_train_run(s, NULL, &result, &err),
                     HG_STATUS_USAGE); /* without being told to resume */
    assert_non_null(strstr(err.text, "is there already"));
    assert_int_equal(hg_train_settings_set(s, "resume", "yes", &err), HG_STATUS_OK);
    run(s, NULL, &result);
    assert_int_equal(result.n_steps, 6);
    assert_int_equal(small_model_losses(&m, "killed", resumed, STEPS), STEPS);
    assert_memory_equal(whole, resumed, sizeof whole);
    assert_true(whole[0] != whole[STEPS - 1]);
    expect_same_file(&m, "whole/com_hlora_weights.bin", "killed/com_hlora_weights.bin");
    expect_same_file(&m, "whole/checkpoint.safetensors", "killed/checkpoint.safetensors");
    hg_train_settings_destroy(s);
    small_model_remove(&m);
}

static void test_resume(void **state)
{
    (void)state;
    check_resume("com.json", run_settings);
}

/* One thread: a child of a process that has had more cannot start its own. */
static const char *const shared_settings[] = {
    "steps", "12", "batch",      "5", "lr",          "5e-3", "projector-lr", "5e-3", "dropout", "0.1",
    "seed",  "7",  "save-every", "3", "per-picture", "4",    "threads",      "1",    NULL};

/* The same with questions that share the positions of their picture. */
static void test_resume_shared(void **state)
{
    (void)state;
    check_resume("many.json", shared_settings);
}

/* ---- stopped by the user ---- */

typedef struct stopper {
    int asked, stop_at; /* samples; the question before that one is answered with yes */
    int64_t steps;
} stopper;

static bool count_step(void *user, const hg_train_step *step)
{
    ((stopper *)user)->steps = step->step;
    return true;
}

static bool stop_at_sample(void *user)
{
    stopper *s = user;
    return ++s->asked >= s->stop_at;
}

/* Stopped before the second sample of step 5: the four steps are in the checkpoint, and continued the run is
 * the one that was not stopped. */
static void test_stop_within_step(void **state)
{
    (void)state;
    small_model m;
    hg_train_result result;
    double whole[STEPS], resumed[STEPS];
    hg_error err = {HG_STATUS_OK, ""};
    stopper who = {.stop_at = 4 * 3 + 2};
    hg_train_listener listener = {.on_step = count_step, .wants_stop = stop_at_sample, .user = &who};
    small_model_make(&m);
    small_model_write_questions(&m, "com.json", SMALL_MODEL_COLOURS);
    hg_train_settings *s = small_model_settings(&m, HG_TRAIN_STAGE_3_COM, "com.json", "whole", run_settings);
    run(s, NULL, &result);
    assert_int_equal(small_model_losses(&m, "whole", whole, STEPS), STEPS);
    hg_train_settings_destroy(s);
    s = small_model_settings(&m, HG_TRAIN_STAGE_3_COM, "com.json", "stopped", run_settings);
    assert_int_equal(hg_train_run(s, &listener, &result, &err), HG_STATUS_FAILED);
    assert_non_null(strstr(err.text, "stopped after step 4 of 12"));
    assert_int_equal(who.steps, 4);
    assert_int_equal(who.asked, who.stop_at);
    assert_int_equal(hg_train_settings_set(s, "resume", "yes", &err), HG_STATUS_OK);
    run(s, NULL, &result);
    assert_int_equal(result.n_steps, STEPS - 4);
    assert_int_equal(small_model_losses(&m, "stopped", resumed, STEPS), STEPS);
    assert_memory_equal(whole, resumed, sizeof whole);
    expect_same_file(&m, "whole/com_hlora_weights.bin", "stopped/com_hlora_weights.bin");
    expect_same_file(&m, "whole/checkpoint.safetensors", "stopped/checkpoint.safetensors");
    hg_train_settings_destroy(s);
    small_model_remove(&m);
}

/* With a rate that does not depend on how many steps there are, a run of six that is stopped after two and
 * finished is a run of two; it is validated where it ends, though no checkpoint was due there. */
static void test_finish(void **state)
{
    (void)state;
    small_model m;
    notes all = {0};
    hg_train_result result;
    hg_error err = {HG_STATUS_OK, ""};
    stopper who = {.stop_at = 2 * 2 + 1};
    char path[256];
    hg_buffer text;
    const char *more[] = {"steps",        "2",    "batch",      "2",        "lr",     "5e-3",
                          "projector-lr", "5e-3", "schedule",   "constant", "warmup", "0",
                          "threads",      "1",    "validation", NULL,       NULL};
    small_model_make(&m);
    small_model_write_questions(&m, "com.json", 4);
    more[15] = small_model_path(&m, "com.json", path);
    hg_train_settings *s = small_model_settings(&m, HG_TRAIN_STAGE_3_COM, "com.json", "two", more);
    run(s, NULL, &result);
    hg_train_settings_destroy(s);

    more[1] = "6";
    s = small_model_settings(&m, HG_TRAIN_STAGE_3_COM, "com.json", "six", more);
    assert_int_equal(hg_train_settings_set(s, "finish", "yes", &err), HG_STATUS_OK);
    assert_int_equal(hg_train_run(s, NULL, &result, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "nothing to finish with"));
    assert_int_equal(hg_train_settings_set(s, "finish", "no", &err), HG_STATUS_OK);
    hg_train_listener listener = {.wants_stop = stop_at_sample, .user = &who};
    assert_int_equal(hg_train_run(s, &listener, &result, &err), HG_STATUS_FAILED);
    assert_false(hg_file_exists(small_model_path(&m, "six/com_hlora_weights.bin", path)));
    assert_int_equal(hg_train_settings_set(s, "resume", "yes", &err), HG_STATUS_OK);
    assert_int_equal(hg_train_settings_set(s, "finish", "yes", &err), HG_STATUS_OK);
    listener = (hg_train_listener){.on_note = take_note, .user = &all};
    run(s, &listener, &result);
    hg_train_settings_destroy(s);
    assert_int_equal(result.n_steps, 0);
    expect_note(&all, "the run ends after step 2 of 6", "finish");
    expect_note(&all, "step 2: validation loss", "the best so far");
    expect_same_file(&m, "two/com_hlora_weights.bin", "six/com_hlora_weights.bin");
    expect_same_file(&m, "two/com_hlora_weights.bin", "six/best/com_hlora_weights.bin");
    hg_buffer_init(&text, 1 << 16);
    assert_int_equal(hg_file_read(small_model_path(&m, "six/finished.json", path), &text, &err),
                     HG_STATUS_OK);
    assert_non_null(strstr(hg_buffer_text(&text), "\"steps\": 2"));
    assert_non_null(strstr(hg_buffer_text(&text), "\"planned_steps\": 6"));
    hg_buffer_deinit(&text);
    small_model_remove(&m);
}

/* A checkpoint of other settings or data is not continued. */
static void test_resume_of_another_run(void **state)
{
    (void)state;
    small_model m;
    hg_train_result result;
    hg_error err = {HG_STATUS_OK, ""};
    small_model_make(&m);
    small_model_write_questions(&m, "com.json", 3);
    const char *more[] = {"steps", "1", "batch", "1", "seed", "1", "resume", "yes", NULL};
    hg_train_settings *s = small_model_settings(&m, HG_TRAIN_STAGE_1_COM, "com.json", "out", more);
    run(s, NULL, &result);
    assert_int_equal(hg_train_settings_set(s, "seed", "2", &err), HG_STATUS_OK);
    assert_int_equal(hg_train_run(s, NULL, &result, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "of another run"));
    assert_int_equal(hg_train_settings_set(s, "seed", "1", &err), HG_STATUS_OK);
    assert_int_equal(hg_train_settings_set(s, "per-picture", "2", &err), HG_STATUS_OK);
    assert_int_equal(hg_train_run(s, NULL, &result, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "of another run"));
    hg_train_settings_destroy(s);
    small_model_remove(&m);
}

static void check_threads(const char *data, const char *batch, const char *per_picture)
{
    small_model m;
    double losses[2][4];
    small_model_make(&m);
    small_model_write_questions(&m, "com.json", 4);
    write_many_questions(&m);
    for (int i = 0; i < 2; i++) {
        const char *more[] = {"steps",       "4",
                              "batch",       batch,
                              "lr",          "5e-3",
                              "threads",     i == 0 ? "1" : "3",
                              "memory",      i == 0 ? "0" : "64",
                              "per-picture", per_picture,
                              NULL};
        hg_train_result result;
        hg_train_settings *s =
            small_model_settings(&m, HG_TRAIN_STAGE_3_COM, data, i == 0 ? "one" : "three", more);
        run(s, NULL, &result);
        assert_int_equal(small_model_losses(&m, i == 0 ? "one" : "three", losses[i], 4), 4);
        hg_train_settings_destroy(s);
    }
    assert_memory_equal(losses[0], losses[1], sizeof losses[0]);
    expect_same_file(&m, "one/com_hlora_weights.bin", "three/com_hlora_weights.bin");
    small_model_remove(&m);
}

/* The number of threads does not show in any bit, nor do kept activations. */
static void test_threads(void **state)
{
    (void)state;
    check_threads("com.json", "2", "1");
    check_threads("many.json", "6", "4");
}

/* Twenty-one samples a step are all there are: dealt out by picture, where questions share positions, the
 * losses are those of another order within rounding. */
static void test_shared_positions(void **state)
{
    (void)state;
    small_model m;
    double losses[2][3];
    small_model_make(&m);
    write_many_questions(&m);
    for (int i = 0; i < 2; i++) {
        const char *more[] = {
            "steps",  "3", "batch", "21", "dropout", "0",   "lr",          "5e-3",
            "warmup", "0", "seed",  "3",  "compute", "f32", "per-picture", i == 0 ? "1" : "7",
            NULL};
        hg_train_result result;
        hg_train_settings *s =
            small_model_settings(&m, HG_TRAIN_STAGE_3_COM, "many.json", i == 0 ? "apart" : "shared", more);
        run(s, NULL, &result);
        assert_int_equal(small_model_losses(&m, i == 0 ? "apart" : "shared", losses[i], 3), 3);
        hg_train_settings_destroy(s);
    }
    assert_true(losses[0][2] < 0.99 * losses[0][0]);
    for (int i = 0; i < 3; i++) {
        if (!(fabs(losses[0][i] - losses[1][i]) <= 1e-5 * losses[0][i]))
            fail_msg("step %d: %.9g apart, %.9g shared", i + 1, losses[0][i], losses[1][i]);
    }
    small_model_remove(&m);
}

/* The layers that a note says are kept. */
static void take_kept(void *user, const char *text)
{
    int *n_kept = user;
    const char *at = strstr(text, "activations of ");
    if (at != NULL)
        *n_kept = (int)strtol(at + strlen("activations of "), NULL, 10);
}

/* Activations that were kept give the bits that computing a layer again gives. */
static void test_kept_layers(void **state)
{
    (void)state;
    static const char *const memory[] = {"0", "64"};
    small_model m;
    double losses[2][4];
    small_model_make(&m);
    small_model_write_questions(&m, "com.json", 4);
    for (int i = 0; i < 2; i++) {
        const char *more[] = {"steps",   "4",   "batch",  "2",       "lr", "5e-3",
                              "dropout", "0.1", "memory", memory[i], NULL};
        hg_train_result result;
        int n_kept = -1;
        hg_train_listener listener = {.on_note = take_kept, .user = &n_kept};
        hg_train_settings *s =
            small_model_settings(&m, HG_TRAIN_STAGE_3_COM, "com.json", i == 0 ? "again" : "kept", more);
        run(s, &listener, &result);
        assert_int_equal(n_kept, i == 0 ? -1 : SMALL_MODEL_LAYERS);
        assert_int_equal(small_model_losses(&m, i == 0 ? "again" : "kept", losses[i], 4), 4);
        hg_train_settings_destroy(s);
    }
    assert_memory_equal(losses[0], losses[1], sizeof losses[0]);
    expect_same_file(&m, "again/com_hlora_weights.bin", "kept/com_hlora_weights.bin");
    small_model_remove(&m);
}

/* ---- bad samples ---- */

#define GOOD                                                                                                 \
    "{\"image\": \"c0.png\", \"conversations\": [{\"from\": \"human\", \"value\": \"Q\"}, {\"from\": "       \
    "\"gpt\", \"value\": \"A\"}]}"
#define ITEM(image, answer)                                                                                  \
    "{\"image\": \"" image "\", \"conversations\": [{\"from\": \"human\", \"value\": \"Q\"}, "               \
    "{\"from\": \"gpt\", \"value\": \"" answer "\"}]}"

/* Each kind of bad sample once, in a stage for answers. */
static void test_bad_samples(void **state)
{
    (void)state;
    small_model m;
    notes all = {0};
    hg_train_result result;
    hg_error err = {HG_STATUS_OK, ""};
    small_model_make(&m);
    small_model_write(&m, "not.png", "this is no picture");
    small_model_write(
        &m, "bad.json",
        "[\n" GOOD ",\n" ITEM("nowhere.png", "A") ",\n" ITEM("not.png", "A") ",\n" ITEM(
            "c1.png", "  ") ",\n" ITEM("c1.png", "<audio>") ",\n" ITEM("c1.png", "<idx_1>") "\n]\n");
    const char *more[] = {"steps", "4", "batch", "1", "shuffle", "no", "memory", "0", NULL};
    hg_train_settings *s = small_model_settings(&m, HG_TRAIN_STAGE_3_COM, "bad.json", "out", more);
    hg_train_listener listener = {.on_note = take_note, .user = &all};
    run(s, &listener, &result);
    assert_int_equal(result.n_steps, 4);
    assert_int_equal(result.n_bad_samples, 15); /* 5 between each two steps, none behind the last */
    assert_int_equal(all.n, 15);
    expect_note(&all, "bad.json:3: item 2", "nowhere.png");
    expect_note(&all, "bad.json:4: item 3", "not.png");
    expect_note(&all, "bad.json:5: item 4", "an empty answer");
    expect_note(&all, "bad.json:6: item 5", "'<audio>'");
    expect_note(&all, "bad.json:7: item 6", "the stage is for answers");
    hg_train_settings_destroy(s);

    const char *strict[] = {"steps", "4", "batch", "2", "shuffle", "no", "strict", "yes", NULL};
    s = small_model_settings(&m, HG_TRAIN_STAGE_3_COM, "bad.json", "strict", strict);
    assert_int_equal(hg_train_run(s, NULL, &result, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "bad.json:3: item 2"));
    hg_train_settings_destroy(s);

    small_model_write(&m, "none.json", ITEM("nowhere.png", "A"));
    s = small_model_settings(&m, HG_TRAIN_STAGE_3_COM, "none.json", "none", NULL);
    assert_int_equal(hg_train_run(s, NULL, &result, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "no item can be used"));
    hg_train_settings_destroy(s);
    small_model_remove(&m);
}

/* In a stage for drawings: too few codes, a code that does not exist, an answer in words. */
static void test_bad_drawings(void **state)
{
    (void)state;
    small_model m;
    notes all = {0};
    hg_train_result result;
    small_model_make(&m);
    char text[4096] =
        "[{\"image\": \"c0.png\", \"conversations\": [{\"from\": \"human\", \"value\": \"Q\"}, {\"from\": "
        "\"gpt\", \"value\": \"<start_index>";
    for (int i = 0; i < SMALL_MODEL_CODES; i++)
        strcat(text, i % 2 == 0 ? "<idx_3>" : "<idx_63>");
    strcat(text, "<end_index>\"}]},\n" ITEM("c0.png", "<idx_1><idx_2>") ",\n" ITEM("c0.png", "words") ",\n");
    strcat(text, "{\"image\": \"c0.png\", \"conversations\": [{\"from\": \"human\", \"value\": \"Q\"}, "
                 "{\"from\": \"gpt\", "
                 "\"value\": \"");
    for (int i = 0; i < SMALL_MODEL_CODES; i++)
        strcat(text, "<idx_64>");
    strcat(text, "\"}]}]");
    small_model_write(&m, "bad.json", text);
    const char *more[] = {"steps", "2", "batch", "1", "shuffle", "no", NULL};
    hg_train_settings *s = small_model_settings(&m, HG_TRAIN_STAGE_3_GEN, "bad.json", "out", more);
    hg_train_listener listener = {.on_note = take_note, .user = &all};
    run(s, &listener, &result);
    assert_int_equal(result.n_bad_samples, 3);
    expect_note(&all, "bad.json:2: item 2", "2 picture codes, a picture has 64");
    expect_note(&all, "bad.json:3: item 3", "no picture to draw");
    expect_note(&all, "bad.json:4: item 4", "picture code 64, they run from 0 to 63");
    hg_train_settings_destroy(s);
    small_model_remove(&m);
}

/* A long answer loses its end; a question that fills the length alone is bad; so is either without cutting.
 */
static void test_long_samples(void **state)
{
    (void)state;
    small_model m;
    hg_train_result result;
    hg_error err = {HG_STATUS_OK, ""};
    char text[4096], many[1024] = "";
    small_model_make(&m);
    for (int i = 0; i < 200; i++)
        strcat(many, "word ");
    snprintf(text, sizeof text,
             "[{\"image\": \"c0.png\", \"conversations\": [{\"from\": \"human\", \"value\": \"Q\"}, "
             "{\"from\": \"gpt\", "
             "\"value\": \"%s\"}]},\n{\"image\": \"c0.png\", \"conversations\": [{\"from\": \"human\", "
             "\"value\": \"%s\"}, "
             "{\"from\": \"gpt\", \"value\": \"A\"}]}]",
             many, many);
    small_model_write(&m, "long.json", text);
    notes all = {0};
    hg_train_listener listener = {.on_note = take_note, .user = &all};
    const char *cut[] = {"steps", "2", "batch", "1", "shuffle", "no", "max-length", "160", NULL};
    hg_train_settings *s = small_model_settings(&m, HG_TRAIN_STAGE_3_COM, "long.json", "cut", cut);
    run(s, &listener, &result);
    assert_int_equal(result.n_cut_samples, 2);
    assert_int_equal(result.n_bad_samples, 1);
    expect_note(&all, "long.json:2: item 2", "too long");
    hg_train_settings_destroy(s);
    const char *whole[] = {"steps", "2", "batch", "1", "max-length", "160", "cut", "no", NULL};
    s = small_model_settings(&m, HG_TRAIN_STAGE_3_COM, "long.json", "whole", whole);
    assert_int_equal(hg_train_run(s, NULL, &result, &err), HG_STATUS_INPUT);
    assert_non_null(strstr(err.text, "too long"));
    hg_train_settings_destroy(s);
    small_model_remove(&m);
}

/* ---- from nothing ---- */

static void remove_part(const small_model *m, const char *name)
{
    char path[256];
    assert_int_equal(unlink(small_model_path(m, name, path)), 0);
}

static double mean_of_file_tensor(const small_model *m, const char *file, const char *name, double *largest)
{
    char path[256];
    hg_tensor_file *f;
    hg_error err = {HG_STATUS_OK, ""};
    assert_int_equal(hg_tensor_file_open(&f, small_model_path(m, file, path), &err), HG_STATUS_OK);
    const hg_tensor *t = hg_tensor_file_find(f, name);
    assert_non_null(t);
    double sum = 0;
    *largest = 0;
    int64_t n = hg_tensor_count(t);
    for (int64_t i = 0; i < n; i++) {
        double value = (double)((const float *)t->data)[i];
        sum += value * value;
        *largest = value > *largest ? value : -value > *largest ? -value : *largest;
    }
    hg_tensor_file_close(f);
    return sum / (double)n;
}

/* Without a plug-in, stage 1 begins one: A and router uniform within 1 / sqrt(64), whose variance is a third
 * of the bound's square; B zero and left so, because only the projector learns. The model can then be asked.
 */
static void test_new_plugin(void **state)
{
    (void)state;
    small_model m;
    notes all = {0};
    hg_train_result result;
    small_model_make(&m);
    remove_part(&m, "model/com_hlora_weights.bin");
    remove_part(&m, "model/gen_hlora_weights.bin");
    remove_part(&m, "model/fusion_layer_weights.bin");
    small_model_write_questions(&m, "com.json", 4);
    const char *more[] = {"steps", "2", "batch", "2", "rank", "8", "experts", "2", NULL};
    hg_train_settings *s = small_model_settings(&m, HG_TRAIN_STAGE_1_COM, "com.json", "out", more);
    hg_train_listener listener = {.on_note = take_note, .user = &all};
    run(s, &listener, &result);
    hg_train_settings_destroy(s);
    expect_note(&all, "no comprehension plug-in", "begun");
    double largest, bound = 1.0 / 8;
    double square =
        mean_of_file_tensor(&m, "out/com_hlora_weights.bin",
                            "base_model.model.model.layers.1.self_attn.qkv_proj.lora_A.weight", &largest);
    assert_true(largest <= bound && largest > 0.95 * bound);
    assert_true(square > 0.8 * bound * bound / 3 && square < 1.2 * bound * bound / 3);
    square =
        mean_of_file_tensor(&m, "out/com_hlora_weights.bin",
                            "base_model.model.model.layers.1.self_attn.qkv_proj.lora_B.weight", &largest);
    assert_true(square == 0 && largest == 0);
    small_model_install(&m, "out/com_hlora_weights.bin");
    char path[256];
    hg_model *model;
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_model_open(&model, small_model_path(&m, "model", path), NULL, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    hg_model_close(model);
    small_model_remove(&m);
}

/* LoRA and MoELoRA are begun, trained, recognised by their files, and used: the trained model answers with
 * what it learnt. A model's adapters are not taken for those of another kind. */
static void test_other_adapters(void **state)
{
    (void)state;
    static const char *const kinds[] = {"lora", "moelora"};
    for (int kind = 0; kind < 2; kind++) {
        small_model m;
        hg_train_result result;
        hg_error err = {HG_STATUS_OK, ""};
        char path[256];
        small_model_make(&m);
        remove_part(&m, "model/com_hlora_weights.bin");
        remove_part(&m, "model/gen_hlora_weights.bin");
        remove_part(&m, "model/fusion_layer_weights.bin");
        small_model_write_questions(&m, "com.json", 1);
        const char *more[] = {"steps",        "60",   "batch",   "1",         "rank", "8",
                              "experts",      "4",    "adapter", kinds[kind], "lr",   "5e-3",
                              "projector-lr", "5e-3", "dropout", "0",         NULL};
        hg_train_settings *s = small_model_settings(&m, HG_TRAIN_STAGE_3_COM, "com.json", "out", more);
        run(s, NULL, &result);
        hg_train_settings_destroy(s);
        small_model_install(&m, "out/com_hlora_weights.bin");
        hg_model *model = NULL;
        hg_session *session = NULL;
        hg_image *image = NULL;
        if (hg_model_open(&model, small_model_path(&m, "model", path), NULL, &err) != HG_STATUS_OK ||
            hg_session_create(&session, model, &err) != HG_STATUS_OK ||
            hg_image_open(&image, small_model_path(&m, "c0.png", path), &err) != HG_STATUS_OK)
            fail_msg("%s", err.text);
        hg_ask_request request = {.images = (const hg_image *const *)&image,
                                  .n_images = 1,
                                  .question = "Which colour?",
                                  .sampling = {.top_p = 1, .repetition_penalty = 1},
                                  .max_tokens = 24};
        hg_ask_result answer;
        if (hg_session_ask(session, &request, &answer, &err) != HG_STATUS_OK)
            fail_msg("%s", err.text);
        assert_string_equal(answer.answer, small_model_colour(0));
        hg_ask_result_free(&answer);
        hg_image_close(image);
        hg_session_destroy(session);
        hg_model_close(model);
        const char *other[] = {"steps", "1", "batch", "1", "adapter", kinds[1 - kind], NULL};
        s = small_model_settings(&m, HG_TRAIN_STAGE_3_COM, "com.json", "other", other);
        assert_int_equal(hg_train_run(s, NULL, &result, &err), HG_STATUS_USAGE);
        assert_non_null(strstr(err.text, kinds[kind]));
        hg_train_settings_destroy(s);
        small_model_remove(&m);
    }
}

/* Generation from nothing needs picture tokens of their own: with vocabulary = yes they learn too, and the
 * fusion layer is written beside the plug-in. */
static void test_new_generation(void **state)
{
    (void)state;
    small_model m;
    notes all = {0};
    hg_train_result result;
    small_model_make(&m);
    remove_part(&m, "model/com_hlora_weights.bin");
    remove_part(&m, "model/gen_hlora_weights.bin");
    remove_part(&m, "model/fusion_layer_weights.bin");
    small_model_write_questions(&m, "com.json", 4);
    const char *more[] = {"steps", "3", "batch", "2", "rank", "8", "vocabulary", "yes", NULL};
    hg_train_settings *s = small_model_settings(&m, HG_TRAIN_STAGE_1_GEN, "com.json", "out", more);
    hg_train_listener listener = {.on_note = take_note, .user = &all};
    run(s, &listener, &result);
    hg_train_settings_destroy(s);
    expect_note(&all, "no generation plug-in", "begun");
    small_model_install(&m, "out/gen_hlora_weights.bin");
    small_model_install(&m, "out/fusion_layer_weights.bin");
    char path[256];
    hg_model *model;
    hg_error err = {HG_STATUS_OK, ""};
    if (hg_model_open(&model, small_model_path(&m, "model", path), NULL, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    hg_model_close(model);
    small_model_remove(&m);
}

/* model/com_hlora_weights.bin again, with a projector's bias that is not a number. */
static void spoil_plugin(const small_model *m)
{
    char path[256];
    hg_error err = {HG_STATUS_OK, ""};
    hg_tensor_file *old;
    hg_tensor_writer *w;
    hg_tensor_spec specs[64];
    small_model_path(m, "model/com_hlora_weights.bin", path);
    assert_int_equal(hg_tensor_file_open(&old, path, &err), HG_STATUS_OK);
    size_t n = hg_tensor_file_n_tensors(old);
    assert_true(n < 64);
    for (size_t i = 0; i < n; i++) {
        const hg_named_tensor *t = hg_tensor_file_get(old, i);
        specs[i] = (hg_tensor_spec){.name = t->name, .dtype = HG_DTYPE_F32, .n_dims = t->tensor.n_dims};
        memcpy(specs[i].shape, t->tensor.shape, sizeof specs[i].shape);
    }
    assert_int_equal(hg_torch_writer_create(&w, path, "adapter_model", specs, n, &err), HG_STATUS_OK);
    for (size_t i = 0; i < n; i++) {
        const hg_tensor *t = &hg_tensor_file_get(old, i)->tensor;
        for (int64_t k = 0; k < hg_tensor_count(t); k++) {
            float value;
            hg_dtype_to_real(t->dtype, 1, hg_tensor_at(t, k), &value);
            if (k == 3 && strstr(specs[i].name, "mm_projector.0.bias") != NULL)
                value = (float)NAN;
            assert_int_equal(hg_tensor_writer_write(w, &value, sizeof value, &err), HG_STATUS_OK);
        }
    }
    assert_int_equal(hg_tensor_writer_finish(w, &err), HG_STATUS_OK);
    hg_tensor_writer_destroy(w);
    hg_tensor_file_close(old);
}

/* A loss that is not a number changes nothing, and is told. */
static void test_not_a_number(void **state)
{
    (void)state;
    small_model m;
    notes all = {0};
    hg_train_result result;
    small_model_make(&m);
    spoil_plugin(&m);
    small_model_write_questions(&m, "com.json", 4);
    const char *more[] = {"steps", "3", "batch", "1", "memory", "0", NULL};
    hg_train_settings *s = small_model_settings(&m, HG_TRAIN_STAGE_3_COM, "com.json", "out", more);
    hg_train_listener listener = {.on_note = take_note, .user = &all};
    run(s, &listener, &result);
    assert_int_equal(result.n_skipped_steps, 3);
    assert_int_equal(all.n, 3);
    expect_note(&all, "step 3 is passed over", "not a number");
    expect_same_file(&m, "model/com_hlora_weights.bin", "out/com_hlora_weights.bin");
    hg_train_settings_destroy(s);
    small_model_remove(&m);
}

/* With the limit far below the usual loss, every step is a spike once the usual loss is known, after 20. */
static void test_spike(void **state)
{
    (void)state;
    small_model m;
    notes all = {0};
    hg_train_result result;
    small_model_make(&m);
    small_model_write_questions(&m, "com.json", 4);
    const char *more[] = {"steps", "22", "batch", "1", "spike", "1e-6", NULL};
    hg_train_settings *s = small_model_settings(&m, HG_TRAIN_STAGE_3_COM, "com.json", "out", more);
    hg_train_listener listener = {.on_note = take_note, .user = &all};
    run(s, &listener, &result);
    assert_int_equal(result.n_skipped_steps, 2);
    expect_note(&all, "step 21 is passed over", "far above the usual");
    hg_train_settings_destroy(s);
    small_model_remove(&m);
}

/* The loss on the training data itself, measured after the last step, is that of the next step; a run on data
 * that teaches nothing of the other data keeps the best files, not the last. */
static void test_validation(void **state)
{
    (void)state;
    small_model m;
    notes all = {0};
    hg_train_result result;
    double first;
    small_model_make(&m);
    small_model_write_questions(&m, "com.json", 4);
    char path[256];
    const char *more[] = {"steps",
                          "1",
                          "batch",
                          "4",
                          "dropout",
                          "0",
                          "schedule",
                          "constant",
                          "warmup",
                          "0",
                          "lr",
                          "0",
                          "projector-lr",
                          "0",
                          "validation",
                          small_model_path(&m, "com.json", path),
                          NULL};
    hg_train_settings *s = small_model_settings(&m, HG_TRAIN_STAGE_3_COM, "com.json", "still", more);
    hg_train_listener listener = {.on_note = take_note, .user = &all};
    run(s, &listener, &result);
    char wanted[64];
    snprintf(wanted, sizeof wanted, "validation loss %.6g on 4 samples", result.first_loss);
    expect_note(&all, wanted, "the best so far");
    expect_same_file(&m, "still/com_hlora_weights.bin", "still/best/com_hlora_weights.bin");
    hg_train_settings_destroy(s);
    assert_int_equal(small_model_losses(&m, "still", &first, 1), 1);
    assert_true(first == result.first_loss);

    /* Dropout belongs to training alone, and a step that spoils everything is not the best. */
    all.n = 0;
    const char *spoil[] = {"steps",  "2",   "batch",      "4",  "dropout",      "0.5", "schedule",   "linear",
                           "warmup", "0.5", "lr",         "50", "projector-lr", "50",  "save-every", "1",
                           "clip",   "0",   "validation", path, "seed",         "4",   NULL};
    s = small_model_settings(&m, HG_TRAIN_STAGE_3_COM, "com.json", "spoilt", spoil);
    run(s, &listener, &result);
    hg_train_settings_destroy(s);
    expect_note(&all, "step 1: ", wanted); /* the rate of the first step is 0 */
    expect_note(&all, "step 2: ", "validation loss");
    expect_same_file(&m, "still/com_hlora_weights.bin", "spoilt/best/com_hlora_weights.bin");
    small_model_remove(&m);
}

/* With rates of zero no validation is better than the first: with a patience of two the run ends after the
 * third, and what it left is not continued. */
static void test_patience(void **state)
{
    (void)state;
    small_model m;
    notes all = {0};
    hg_train_result result;
    hg_error err = {HG_STATUS_OK, ""};
    char path[256];
    small_model_make(&m);
    small_model_write_questions(&m, "com.json", 4);
    const char *more[] = {"steps",
                          "20",
                          "batch",
                          "2",
                          "schedule",
                          "constant",
                          "warmup",
                          "0.05",
                          "lr",
                          "0",
                          "projector-lr",
                          "0",
                          "save-every",
                          "1",
                          "validation",
                          small_model_path(&m, "com.json", path),
                          "patience",
                          "2",
                          NULL};
    hg_train_settings *s = small_model_settings(&m, HG_TRAIN_STAGE_3_COM, "com.json", "out", more);
    hg_train_listener listener = {.on_note = take_note, .user = &all};
    run(s, &listener, &result);
    assert_int_equal(result.n_steps, 3);
    expect_note(&all, "step 1: ", "the best so far");
    expect_note(&all, "patience", "the run ends here");
    assert_int_equal(hg_train_settings_set(s, "resume", "yes", &err), HG_STATUS_OK);
    run(s, &listener, &result);
    assert_int_equal(result.n_steps, 0);
    hg_train_settings_destroy(s);
    small_model_remove(&m);
}

/* Steps that are passed over halve the rate, and too many in a row end the run. */
static void test_hopeless(void **state)
{
    (void)state;
    small_model m;
    notes all = {0};
    hg_train_result result;
    hg_error err = {HG_STATUS_OK, ""};
    small_model_make(&m);
    spoil_plugin(&m);
    small_model_write_questions(&m, "com.json", 4);
    const char *more[] = {"steps", "50", "batch", "1", NULL};
    hg_train_settings *s = small_model_settings(&m, HG_TRAIN_STAGE_3_COM, "com.json", "out", more);
    hg_train_listener listener = {.on_note = take_note, .user = &all};
    assert_int_equal(hg_train_run(s, &listener, &result, &err), HG_STATUS_FAILED);
    assert_non_null(strstr(err.text, "20 steps in a row"));
    expect_note(&all, "step 1 is passed over", "lowered to 0.5");
    expect_note(&all, "step 2 is passed over", "lowered to 0.25");
    expect_note(&all, "step 20 is passed over", "lowered to 0.015625");
    hg_train_settings_destroy(s);
    small_model_remove(&m);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume),         cmocka_unit_test(test_stop_within_step),
        cmocka_unit_test(test_finish),         cmocka_unit_test(test_resume_of_another_run),
        cmocka_unit_test(test_threads),        cmocka_unit_test(test_kept_layers),
        cmocka_unit_test(test_resume_shared),  cmocka_unit_test(test_shared_positions),
        cmocka_unit_test(test_bad_samples),    cmocka_unit_test(test_bad_drawings),
        cmocka_unit_test(test_long_samples),   cmocka_unit_test(test_new_plugin),
        cmocka_unit_test(test_new_generation), cmocka_unit_test(test_other_adapters),
        cmocka_unit_test(test_validation),     cmocka_unit_test(test_not_a_number),
        cmocka_unit_test(test_spike),          cmocka_unit_test(test_patience),
        cmocka_unit_test(test_hopeless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
