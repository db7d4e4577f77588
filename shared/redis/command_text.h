/*
 * Commands in Redis' protocol, an array of bulk strings each
 * (redis.io/docs/latest/develop/reference/protocol-spec), written into a buffer. Pure.
 *
 * A word may be written before its size is known: room for the size is left in front of it, as
 * wide as was guessed, and only where the guess was wrong the word is moved.
 */
#ifndef SHARED_REDIS_COMMAND_TEXT_H
#define SHARED_REDIS_COMMAND_TEXT_H

#include "shared/base/buffer.h"

void command_begin(struct buffer *out, size_t word_count);
void command_add(struct buffer *out, struct bytes word);
void command_add_string(struct buffer *out, const char *word);

/* A word that is being written; offsets in the buffer. */
struct command_word {
    size_t size_at;
    size_t start; /* of the word itself; final once it is closed */
};

/* What is appended from here on is the word, of about `guess` bytes. */
struct command_word command_open_word(struct buffer *out, size_t guess);
/* Ends it, and returns its size. The buffer must not have failed. */
size_t command_close_word(struct buffer *out, struct command_word *word);

#endif
