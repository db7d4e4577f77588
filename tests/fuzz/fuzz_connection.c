/* What comes in on a connection, in pieces of any size: heads of requests, then frames. */
#include <stdlib.h>

#include "shared/base/memory.h"
#include "streamer/request/request_head.h"
#include "streamer/request/request_path.h"
#include "streamer/ws/client_frames.h"
#include "tests/fuzz/fuzz.h"

static void check(bool holds)
{
    if (!holds)
        abort();
}

static void try_query(struct bytes query)
{
    uint8_t room[REQUEST_HEAD_MAX];
    struct bytes fragment;
    while (request_query_take(&query, room, &fragment))
        check(fragment.size <= sizeof room);
}

/* A path is in its one form: it is its own. */
static void try_path(struct bytes path)
{
    check(path.size == 0 || (path.data[0] == '/' && path.data[path.size - 1] != '/'));
    check(path.size == 0 || !memmem(path.data, path.size, "//", 2));
}

static void try_head(struct bytes text)
{
    struct request_head head;
    struct refusal refusal = request_head_read(&head, text);
    check(refusal.status == 0 || (refusal.status >= 400 && refusal.text));
    if (!refusal.status) {
        try_path(head.path);
        try_query(head.query);
        check(!head.fields[FIELD_TRANSFER_ENCODING].data);
        for (size_t i = 0; i < head.fields[FIELD_HOST].size; i++)
            check(head.fields[FIELD_HOST].data[i] > ' ');
    }
    request_head_clear(&head);
}

/* However the bytes come, the head ends at the same place. */
static void try_heads(struct bytes text, size_t step)
{
    if (text.size > REQUEST_HEAD_MAX)
        text.size = REQUEST_HEAD_MAX;
    size_t size = request_head_size(text, 0);
    size_t found = 0;
    for (size_t have = 0; have < text.size && !found; have += step) {
        size_t now = have + step < text.size ? have + step : text.size;
        found = request_head_size(bytes_of(text.data, now), have);
    }
    check(found == size);
    if (size)
        try_head(bytes_of(text.data, size));
}

static struct client_word play(struct bytes text, bool has_deflate, size_t step, size_t *words)
{
    struct client_frames frames;
    struct client_word last = { .says = CLIENT_SAYS_NOTHING };
    client_frames_init(&frames, has_deflate);
    for (size_t at = 0; at < text.size; at += step) {
        struct bytes piece =
            bytes_of(text.data + at, step < text.size - at ? step : text.size - at);
        while (piece.size) {
            struct client_word word = client_frames_take(&frames, &piece);
            check(word.payload.size <= CLIENT_CONTROL_MAX);
            if (word.says == CLIENT_SAYS_NOTHING)
                continue;
            last = word;
            ++*words;
        }
    }
    return last;
}

static void try_frames(struct bytes text, bool has_deflate, size_t step)
{
    size_t words = 0;
    size_t words_at_once = 0;
    struct client_word word = play(text, has_deflate, step, &words);
    struct client_word at_once = play(text, has_deflate, SIZE_MAX, &words_at_once);
    check(word.says == at_once.says && word.code == at_once.code && words == words_at_once);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    size_t step = 1 + (data[0] >> 1) % 64;
    /* A copy of its own size, so that a byte too far is seen. */
    uint8_t *copy = memory_allocate(size);
    memcpy(copy, data + 1, size - 1);
    struct bytes text = bytes_of(copy, size - 1);
    try_heads(text, step);
    try_frames(text, data[0] & 1, step);
    free(copy);
    return 0;
}
