/*
 * Asks Redis one thing after the other, and waits for each answer: for a command, which has nothing
 * else to do.
 */
#ifndef INGEST_RECALL_QUESTION_H
#define INGEST_RECALL_QUESTION_H

#include <stdbool.h>
#include <stddef.h>

struct questions;
struct redisReply;
struct contract;
struct redis_address;

/* What is done with an answer, which is gone afterwards. */
typedef void (*question_on_answer)(void *context, const struct redisReply *reply);

struct questions *questions_create(const struct redis_address *address,
                                   const struct contract *contract);
void questions_destroy(struct questions *questions);

/* Sends the command and waits for its reply, also while Redis is away, for up to 30 s. False if
 * none came: questions_reason says why. `on_answer` NULL: it is not looked at. */
bool questions_ask(struct questions *questions, question_on_answer on_answer, void *context,
                   size_t count, const char *const *words);
const char *questions_reason(const struct questions *questions);

#endif
