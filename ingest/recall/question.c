#include "ingest/recall/question.h"

#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "shared/base/context.h"
#include "shared/base/memory.h"
#include "shared/process/clock.h"
#include "shared/redis/contract.h"
#include "shared/redis/redis_link.h"

enum {
    REDIS_TIMEOUT_MS = 10 * 1000,
    WAIT_MS = 30 * 1000,
    POLL_MS = 100,
    WORDS_MAX = 16,
};

#define QUESTIONS_MARK CONTEXT_MARK('Q', 'U', 'E', 'S')

struct questions {
    uint32_t mark; /* QUESTIONS_MARK */
    struct redis_link *link;
    question_on_answer on_answer;
    void *context;
    bool is_asked, is_answered;
};

struct questions *questions_create(const struct redis_address *address,
                                   const struct contract *contract)
{
    struct questions *questions = memory_allocate_zeroed(1, sizeof *questions);
    const struct redis_link_options options = {
        .address = address,
        .client_name = "certstream-history",
        .timeout_ms = REDIS_TIMEOUT_MS,
        .key = contract->stream,
        .events = { .context = questions },
    };
    questions->mark = QUESTIONS_MARK;
    questions->link = redis_link_create(&options);
    return questions;
}

void questions_destroy(struct questions *questions)
{
    redis_link_destroy(questions->link);
    free(questions);
}

static void on_reply(struct redis_link *link, redisReply *reply, void *context)
{
    struct questions *questions = context_of(context, QUESTIONS_MARK);
    (void)link;
    /* Of a connection that went away: asked again. */
    questions->is_asked = false;
    if (!reply)
        return;
    questions->is_answered = true;
    if (questions->on_answer)
        questions->on_answer(questions->context, reply);
}

bool questions_ask(struct questions *questions, question_on_answer on_answer, void *context,
                   size_t count, const char *const *words)
{
    size_t sizes[WORDS_MAX];
    for (size_t i = 0; i < count && i < WORDS_MAX; i++)
        sizes[i] = strlen(words[i]);
    questions->on_answer = on_answer;
    questions->context = context;
    questions->is_asked = questions->is_answered = false;
    uint64_t now_ms = clock_monotonic_ms(), end_ms = now_ms + WAIT_MS;
    while (!questions->is_answered && now_ms < end_ms) {
        struct redis_link *link = questions->link;
        if (!questions->is_asked && redis_link_is_up(link))
            questions->is_asked = redis_link_send(link, on_reply, questions, count, words, sizes);
        now_ms = redis_link_turn(link, POLL_MS);
    }
    return questions->is_answered;
}

const char *questions_reason(const struct questions *questions)
{
    return redis_link_reason(questions->link);
}
