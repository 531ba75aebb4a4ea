/* SPDX-License-Identifier: Apache-2.0
 *
 * reduce_queue.c: one thread that takes posts in their order. A post that fails makes the rest of them do
 * nothing, and the wait says so. Where MPI does not allow another thread, the wait does the work itself.
 */
#include "train/reduce_queue.h"

#include "base/memory.h"

#include <assert.h>
#include <pthread.h>

typedef struct queue_post {
    hg_param *params;
    size_t n;
} queue_post;

struct hg_reduce_queue {
    hg_reduce *reduce;
    bool threaded;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    queue_post *posts;
    size_t capacity, n_posts, n_done; /* since the last wait */
    bool ends;
    hg_error error;
};

/* Outside the lock: the post's parameters belong to whoever sums them. */
static hg_status queue_sum(hg_reduce_queue *q, const queue_post *post, hg_error *err)
{
    return hg_reduce_sum_gradients(q->reduce, post->params, post->n, err);
}

static void *queue_work(void *arg)
{
    hg_reduce_queue *q = arg;
    pthread_mutex_lock(&q->lock);
    for (;;) {
        while (!q->ends && q->n_done == q->n_posts)
            pthread_cond_wait(&q->changed, &q->lock);
        if (q->n_done == q->n_posts)
            break;
        queue_post post = q->posts[q->n_done];
        hg_error error = q->error;
        pthread_mutex_unlock(&q->lock);
        if (error.code == HG_STATUS_OK)
            (void)!queue_sum(q, &post, &error);
        pthread_mutex_lock(&q->lock);
        q->error = error;
        q->n_done++;
        pthread_cond_broadcast(&q->changed);
    }
    pthread_mutex_unlock(&q->lock);
    return NULL;
}

hg_status hg_reduce_queue_create(hg_reduce_queue **out, hg_reduce *reduce, size_t capacity, hg_error *err)
{
    *out = NULL;
    hg_reduce_queue *q = hg_mem_array(1, sizeof *q);
    queue_post *posts = hg_mem_array(capacity, sizeof *posts);
    if (q == NULL || posts == NULL) {
        hg_mem_free(q);
        hg_mem_free(posts);
        return hg_error_memory(err, capacity * sizeof *posts, "sums over processes");
    }
    q->reduce = reduce;
    q->posts = posts;
    q->capacity = capacity;
    q->threaded = hg_reduce_get_size(reduce) > 1 && hg_reduce_is_threaded(reduce);
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->changed, NULL);
    if (q->threaded)
        q->threaded = pthread_create(&q->thread, NULL, queue_work, q) == 0;
    *out = q;
    return HG_STATUS_OK;
}

void hg_reduce_queue_destroy(hg_reduce_queue *q)
{
    if (q == NULL)
        return;
    if (q->threaded) {
        pthread_mutex_lock(&q->lock);
        q->ends = true;
        pthread_cond_broadcast(&q->changed);
        pthread_mutex_unlock(&q->lock);
        pthread_join(q->thread, NULL);
    }
    pthread_mutex_destroy(&q->lock);
    pthread_cond_destroy(&q->changed);
    hg_mem_free(q->posts);
    hg_mem_free(q);
}

void hg_reduce_queue_post(hg_reduce_queue *q, hg_param *params, size_t n_params)
{
    if (hg_reduce_get_size(q->reduce) == 1 || n_params == 0)
        return;
    pthread_mutex_lock(&q->lock);
    assert(q->n_posts < q->capacity);
    q->posts[q->n_posts++] = (queue_post){params, n_params};
    pthread_cond_broadcast(&q->changed);
    pthread_mutex_unlock(&q->lock);
}

hg_status hg_reduce_queue_wait(hg_reduce_queue *q, hg_error *err)
{
    pthread_mutex_lock(&q->lock);
    while (q->threaded && q->n_done < q->n_posts)
        pthread_cond_wait(&q->changed, &q->lock);
    hg_error error = q->error;
    for (; q->n_done < q->n_posts && error.code == HG_STATUS_OK; q->n_done++)
        (void)!queue_sum(q, &q->posts[q->n_done], &error);
    q->n_posts = q->n_done = 0;
    q->error = (hg_error){HG_STATUS_OK, ""};
    pthread_mutex_unlock(&q->lock);
    if (error.code != HG_STATUS_OK && err != NULL)
        *err = error;
    return error.code;
}
