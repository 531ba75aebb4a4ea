/* SPDX-License-Identifier: Apache-2.0
 *
 * healthgpt.h: opening a model, asking about images, drawing images.
 *
 * A model is opened once and does not change; a session holds the working memory of one conversation or one
 * drawing at a time. One thread at a time may use a session; sessions of one model are independent, and end
 * before their model does. After a failure, a stop included, a session takes the next request as if nothing
 * had happened, and the result is empty: there is nothing to free. Pointers of a request are only read during
 * the call. Text is UTF-8. Nothing identifying is stored or logged. Not a medical device: answers and
 * pictures are for research.
 */
#ifndef HEALTHGPT_HEALTHGPT_H
#define HEALTHGPT_HEALTHGPT_H

#include <healthgpt/image.h>
#include <healthgpt/progress.h>
#include <healthgpt/status.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct hg_model hg_model;
typedef struct hg_session hg_session;

/* ---- opening ---- */

/* Whether weights lie in pages of 2 MiB, which decoding reads faster than those of 4 KiB. */
typedef enum hg_huge_pages {
    HG_HUGE_PAGES_AUTO, /* the system is asked to, which costs nothing: it does so for files that it reads
                           from now on, on file systems that can (Linux 6.16 and ext4, or XFS) */
    HG_HUGE_PAGES_YES,  /* weights are copied when the model is opened: that takes the time of reading all
                           files  once and as much memory as they are long, shared with no other process. See
                           hg_model_get_huge_note */
    HG_HUGE_PAGES_NO
} hg_huge_pages;

/* Whether what decoding reads for every token is copied when the model is opened, to memory of the process's
 * own in pages of 2 MiB and in the order that this processor multiplies it fastest. Of models in q8_0, q4_0
 * and q4_k, on x86-64 from AVX2 on; of others nothing is gained and nothing is copied. Files
 * stay mapped for the rest. */
typedef enum hg_repack_choice {
    HG_REPACK_AUTO, /* where twice the memory that it takes is free, and `lock` is not wanted */
    HG_REPACK_YES,  /* see hg_model_get_repack_note */
    HG_REPACK_NO    /* all weights are used where the files are mapped: shared by all processes that do so */
} hg_repack_choice;

typedef struct hg_model_options {
    int n_threads;        /* 0: every processor this process may use; at most 1024 */
    const char *cpu_tier; /* "reference", "avx2", "avx2_vnni", "avx512", "avx512_vnni", "avx512_bf16", "amx",
                             "neon", "neon_dotprod", "neon_i8mm"; NULL: the best that this machine has */
    const char *kv_cache; /* type of cached keys and values: "f32", "f16", "bf16", "q8_0"; NULL: f16 when the
                             language model is block-quantised, else f32. 16 bits halve it and round, q8_0
                             takes a quarter and rounds more */
    const char *vision;  /* type of products in the image encoder and the picture decoder: "f32", or "bf16" on
                            processors that have AVX512-BF16; NULL: bf16 on those when the language model is
                            block-quantised */
    const char *prefill; /* type of a prompt's products with weights of the language model and its plug-ins
                            that are not quantised: "f32", or "bf16" on processors that have AVX512-BF16,
                            several times as fast; NULL: as of `vision`. Answers and pictures are made from
                            the prompt on in float32 either way */
    hg_huge_pages huge_pages; /* of what is not repacked */
    hg_repack_choice repack;
    bool lock; /* the files of weights are read when the model is opened, and stay in memory (mlock): no
                  answer waits for the disk, and other programs have less. See hg_model_get_lock_note */
} hg_model_options;

/* Opens a folder of released files: `base/`, `clip/`, `com_hlora_weights*.bin`, `gen_hlora_weights*.bin`,
 * `fusion_layer_weights*.bin`, `vqgan/`, and `healthgpt.json` if there is one. What is needed for one of the
 * two tasks must be complete; the other may be absent. `options` may be NULL. Weights are mapped, not read,
 * unless `lock`, `huge_pages` or `repack` asks for more.
 */
HG_API hg_status hg_model_open(hg_model **out, const char *path, const hg_model_options *options,
                               hg_error *err) HG_MUST_CHECK;
HG_API void hg_model_close(hg_model *model);

/* ---- what a model can do ---- */

typedef enum hg_draw_task {
    HG_DRAW_TASK_RECONSTRUCT,
    HG_DRAW_TASK_SUPER_RESOLUTION,
    HG_DRAW_TASK_CT_TO_MRI,
    HG_DRAW_TASK_MRI_TO_CT,
    HG_DRAW_TASK_REPORT_TO_CXR
} hg_draw_task;

#define HG_DRAW_TASK_COUNT 5

/* "reconstruct", "super-resolution", "ct-to-mri", "mri-to-ct", "report-to-cxr"; static text. */
HG_API const char *hg_draw_task_name(hg_draw_task task);
HG_API bool hg_draw_task_find(const char *name, hg_draw_task *out);

/* A description of a package or a folder of files, complete or not, as a JSON object in text form (the caller
 * frees it with hg_text_free): what the model says about itself, its settings, the parts found and missing
 * with their sizes, the memory needed, the tasks that they allow, and where they come from. Of a single file
 * of tensors: its kind, number of tensors and bytes of those that can be used. With `with_tensors` also every
 * tensor's name, type and shape. */
HG_API hg_status hg_model_inspect(const char *path, bool with_tensors, char **json,
                                  hg_error *err) HG_MUST_CHECK;
HG_API void hg_text_free(char *text);

/* Whether the weights are declared to be random numbers (a demonstration of the program, not of a model). */
HG_API bool hg_model_is_random(const hg_model *model);

/* Why not all weights are locked in memory as `lock` asked for (the model works all the same), and what to
 * raise; "" when they are, or need not be. Borrowed. */
HG_API const char *hg_model_get_lock_note(const hg_model *model);

/* The same of huge pages where HG_HUGE_PAGES_YES asked for them. */
HG_API const char *hg_model_get_huge_note(const hg_model *model);

/* Why nothing is repacked where HG_REPACK_YES asked for it; "" otherwise. Borrowed. */
HG_API const char *hg_model_get_repack_note(const hg_model *model);

/* The name that the model gives itself, and the SHA-256, as 64 hexadecimal digits, of the plug-in file of
 * drawing or asking; "" where the model does not say. Borrowed. */
HG_API const char *hg_model_get_name(const hg_model *model);
HG_API const char *hg_model_get_plugin_hash(const hg_model *model, bool drawing);

/* ---- asking ---- */

typedef struct hg_sampling {
    double temperature;        /* 0: greedy */
    int top_k;                 /* 0: all tokens */
    double top_p;              /* 1: all tokens */
    double repetition_penalty; /* 1: none; 0: the model's own default */
    uint64_t seed;
} hg_sampling;

typedef struct hg_turn {
    const char *question;
    const char *answer;
} hg_turn;

/* Gets answer text as it is made, whole characters only. Returning false stops the answer. */
typedef bool (*hg_text_fn)(void *user, const char *text, size_t n);

typedef struct hg_ask_request {
    const hg_image *const *images; /* in order; they belong to the first question; NULL when there are none */
    size_t n_images;
    const hg_turn *history; /* earlier turns of the conversation, oldest first; NULL when there are none */
    size_t n_history;
    const char *question;
    const char *system; /* NULL: the system prompt the model was trained with */
    hg_sampling sampling;
    int max_tokens; /* 0: 1024 */
    hg_text_fn on_text;
    void *on_text_user;
    hg_progress progress;
} hg_ask_request;

typedef enum hg_stop {
    HG_STOP_END,      /* the model ended its answer */
    HG_STOP_LENGTH,   /* max_tokens, or the model's context is full */
    HG_STOP_CANCELLED /* on_text or progress asked for it */
} hg_stop;

/* Seconds spent. */
typedef struct hg_timings {
    double vision;  /* image encoder and projector */
    double prefill; /* reading the prompt */
    double decode;  /* making tokens */
    double picture; /* picture decoder */
} hg_timings;

typedef struct hg_ask_result {
    char *answer;    /* without the stop token */
    int32_t *tokens; /* ids as made, the stop token included when there was one */
    size_t n_tokens;
    size_t n_prompt_tokens; /* positions of the prompt, image features included */
    size_t n_reused_tokens; /* of those, how many were still known from the last call */
    hg_stop stop;
    hg_timings timings;
} hg_ask_result;

HG_API hg_status hg_session_create(hg_session **out, hg_model *model, hg_error *err) HG_MUST_CHECK;
HG_API void hg_session_destroy(hg_session *session);

/* Answers a question. Asking again with the last turns as history re-reads only what is new. HG_STATUS_USAGE
 * for an empty question or values out of range; HG_STATUS_INPUT when the prompt does not fit the model;
 * HG_STATUS_TASK when the model has no comprehension part. */
HG_API hg_status hg_session_ask(hg_session *session, const hg_ask_request *request, hg_ask_result *result,
                                hg_error *err) HG_MUST_CHECK;
/* Whether the prompt of a request would fit, before its images exist: only their number counts (each takes as
 * many positions as the encoder has patches, 576), `images` may be NULL. HG_STATUS_INPUT, with the two
 * numbers, when it would not. */
HG_API hg_status hg_session_check_prompt(hg_session *session, const hg_ask_request *request,
                                         hg_error *err) HG_MUST_CHECK;
HG_API void hg_ask_result_free(hg_ask_result *result);

/* ---- drawing ---- */

typedef struct hg_draw_request {
    hg_draw_task task;
    const hg_image *image; /* NULL for report-to-cxr */
    const char *text; /* the instruction; NULL: the task's default. For report-to-cxr: the report, required */
    const char *system;
    hg_sampling sampling;
    bool reference; /* decode without the constraint to picture codes, as the original does; fails when the
                       length is wrong */
    bool force; /* draw although the model was not trained for the task; parts must be there all the same */
    hg_progress progress;
} hg_draw_request;

typedef struct hg_draw_result {
    hg_image *picture; /* RGB, marked as synthetic; the caller closes it */
    int32_t *codes;    /* picture codes in raster order */
    size_t n_codes;
    size_t n_prompt_tokens;
    bool forced; /* the model was not trained for the task: the picture must not be used */
    hg_timings timings;
} hg_draw_result;

/* Draws. HG_STATUS_TASK, with a sentence that says why, when the model was not trained for the task or lacks
 * the parts. */
HG_API hg_status hg_session_draw(hg_session *session, const hg_draw_request *request, hg_draw_result *result,
                                 hg_error *err) HG_MUST_CHECK;
HG_API void hg_draw_result_free(hg_draw_result *result);

/* ---- several requests at once ---- */

/* A question or a drawing, with a session of its own, and what comes of it. */
typedef struct hg_request {
    hg_session *session;
    const hg_ask_request *ask;   /* NULL: a drawing */
    const hg_draw_request *draw; /* NULL: a question */
    hg_ask_result answer;        /* the caller frees it */
    hg_draw_result drawing;      /* the caller frees it */
    hg_status status;
    hg_error error; /* what went wrong unless status is HG_STATUS_OK */
} hg_request;

/* So many at most. */
#define HG_REQUESTS_MAX 4

/* Does requests to one model, both kinds as they come. Prompts are read one after the other, what several
 * begin with (an image, say) once. Then all get a token in turn, and weights are read once for it: where that
 * is what takes the time, four take little longer than one. Tokens are those that each gets alone, or as the
 * next in a session where another has read what it begins with. A request that fails leaves the others alone.
 * HG_STATUS_USAGE when they are too many, share a session or are to different models; results are then empty.
 */
HG_API hg_status hg_requests_run(hg_request *requests, size_t n, hg_error *err) HG_MUST_CHECK;

/* For how many at once there is memory: as half of what is free now holds keys and values of an image with a
 * long answer or a picture; 1 to HG_REQUESTS_MAX. */
HG_API size_t hg_requests_advised(const hg_model *model);

/* ---- parts of the path, for tests and tools ---- */

/* Picture codes of an image (resized to the picture decoder's resolution) and back. *codes is freed with
 * hg_codes_free. */
HG_API hg_status hg_vq_encode(hg_session *session, const hg_image *image, int32_t **codes, size_t *n_codes,
                              hg_error *err) HG_MUST_CHECK;
HG_API hg_status hg_vq_decode(hg_session *session, const int32_t *codes, size_t n_codes, hg_image **picture,
                              hg_error *err) HG_MUST_CHECK;
HG_API void hg_codes_free(int32_t *codes);

typedef struct hg_vocabulary hg_vocabulary;

/* Opens only the tokenizer: a model folder, a tokenizer folder, or a GGUF vocabulary. */
HG_API hg_status hg_vocabulary_open(hg_vocabulary **out, const char *path, hg_error *err) HG_MUST_CHECK;
HG_API void hg_vocabulary_close(hg_vocabulary *vocabulary);

/* Ids of `n` bytes of text, without BOS or EOS; control tokens in the text are plain text unless `special`.
 * *ids: hg_codes_free. */
HG_API hg_status hg_vocabulary_encode(const hg_vocabulary *vocabulary, const char *text, size_t n,
                                      bool special, int32_t **ids, size_t *n_ids,
                                      hg_error *err) HG_MUST_CHECK;

/* Text of ids; *text: hg_text_free, n bytes and a zero. Control tokens are left out unless `special`. */
HG_API hg_status hg_vocabulary_decode(const hg_vocabulary *vocabulary, const int32_t *ids, size_t n_ids,
                                      bool special, char **text, size_t *n, hg_error *err) HG_MUST_CHECK;

#ifdef __cplusplus
}
#endif

#endif
