/* SPDX-License-Identifier: Apache-2.0
 *
 * test_lock.c: weights locked in memory, as the system counts them; a model that may not lock them says
 * what to raise, and answers; a model copied to huge pages answers the same and locks that copy.
 */
#include <healthgpt/healthgpt.h>

#include <linux/capability.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#define MODEL HG_TEST_DATA "/tiny/m3"
#define MODEL_KB 1000 /* its weights take more */

/* Gives this thread CAP_IPC_LOCK, with which no limit holds, or takes it away; returns whether it was there.
 */
static bool set_may_lock(bool may)
{
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct sets[2];
    const __u32 bit = 1U << CAP_IPC_LOCK;
    assert_int_equal(syscall(SYS_capget, &header, sets), 0);
    bool had = (sets[0].effective & bit) != 0;
    sets[0].effective = may ? sets[0].effective | bit : sets[0].effective & ~bit;
    assert_int_equal(syscall(SYS_capset, &header, sets), 0);
    return had;
}

/* Kilobytes that this process has locked; -1 where the system does not tell. */
static long locked_kb(void)
{
    char line[256];
    long kb = -1;
    FILE *f = fopen("/proc/self/status", "r");
    if (f == NULL)
        return -1;
    while (fgets(line, sizeof line, f) != NULL) {
        if (strncmp(line, "VmLck:", 6) == 0)
            kb = strtol(line + 6, NULL, 10);
    }
    fclose(f);
    return kb;
}

static hg_model *open_model(bool lock)
{
    hg_model *model;
    hg_error err = {HG_STATUS_OK, ""};
    const hg_model_options options = {.n_threads = 2, .lock = lock};
    if (hg_model_open(&model, MODEL, &options, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    return model;
}

static void expect_answer(hg_model *model)
{
    hg_session *session;
    hg_ask_result result;
    const hg_ask_request request = {.question = "What?", .sampling = {.top_p = 1}, .max_tokens = 2};
    assert_int_equal(hg_session_create(&session, model, NULL), HG_STATUS_OK);
    assert_int_equal(hg_session_ask(session, &request, &result, NULL), HG_STATUS_OK);
    assert_in_range(result.n_tokens, 1, 2);
    hg_ask_result_free(&result);
    hg_session_destroy(session);
}

static void test_locks(void **state)
{
    (void)state;
    const long before = locked_kb();
    if (before < 0)
        skip();
    hg_model *model = open_model(false);
    assert_string_equal(hg_model_get_lock_note(model), "");
    assert_int_equal(locked_kb(), before);
    hg_model_close(model);
    model = open_model(true);
    if (hg_model_get_lock_note(model)[0] == 0)
        assert_true(locked_kb() >= before + MODEL_KB);
    else
        assert_non_null(strstr(hg_model_get_lock_note(model), "ulimit -l")); /* not allowed here */
    expect_answer(model);
    hg_model_close(model);
    assert_int_equal(locked_kb(), before);
}

static void test_limit(void **state)
{
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_MEMLOCK, &before), 0);
    const struct rlimit none = {0, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &none), 0);
    bool had = set_may_lock(false);
    hg_model *model = open_model(true);
    if (had)
        set_may_lock(true);
    assert_int_equal(setrlimit(RLIMIT_MEMLOCK, &before), 0);
    const char *note = hg_model_get_lock_note(model);
    if (strstr(note, "0.0 of the model's ") != note ||
        strstr(note, "limit on locked memory is 0.0 MB") == NULL || strstr(note, "ulimit -l") == NULL)
        fail_msg("'%s'", note);
    expect_answer(model);
    hg_model_close(model);
}

/* The ids of a few tokens; returns how many. */
static size_t answer_of(const hg_model_options *options, int32_t ids[8])
{
    hg_model *model;
    hg_session *session;
    hg_ask_result result;
    hg_error err = {HG_STATUS_OK, ""};
    const hg_ask_request request = {.question = "What?", .sampling = {.top_p = 1}, .max_tokens = 8};
    if (hg_model_open(&model, MODEL, options, &err) != HG_STATUS_OK)
        fail_msg("%s", err.text);
    const char *note = hg_model_get_huge_note(model);
    if (options->huge_pages != HG_HUGE_PAGES_YES)
        assert_string_equal(note, "");
    else if (note[0] != 0)
        assert_non_null(strstr(note, " MB are in huge pages: "));
    assert_int_equal(hg_session_create(&session, model, NULL), HG_STATUS_OK);
    assert_int_equal(hg_session_ask(session, &request, &result, NULL), HG_STATUS_OK);
    const size_t n = result.n_tokens;
    assert_in_range(n, 1, 8);
    memcpy(ids, result.tokens, n * sizeof *ids);
    hg_ask_result_free(&result);
    hg_session_destroy(session);
    hg_model_close(model);
    return n;
}

static void test_huge_pages(void **state)
{
    (void)state;
    int32_t want[8], got[8];
    const hg_model_options no = {.n_threads = 2, .huge_pages = HG_HUGE_PAGES_NO};
    const size_t n = answer_of(&no, want);
    for (int i = 0; i < 3; i++) {
        const hg_model_options options = {
            .n_threads = 2, .huge_pages = i == 0 ? HG_HUGE_PAGES_AUTO : HG_HUGE_PAGES_YES, .lock = i == 2};
        assert_int_equal(answer_of(&options, got), n);
        assert_memory_equal(got, want, n * sizeof *got);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_locks), cmocka_unit_test(test_limit),
                                       cmocka_unit_test(test_huge_pages)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
