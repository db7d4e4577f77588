#include "streamer/filter/repeated_text.h"

#include <assert.h>
#include <stdlib.h>

#include "shared/base/memory.h"

enum {
    /* Those that are longer are not remembered but as the last one: they are no names. */
    TEXT_MAX = 1024,
    SLOTS = 2 * REPEATED_TEXTS_MAX,
    WORD_BITS = 64,
};

struct repeated_text {
    uint64_t hash;
    uint8_t *data;
    size_t size;
};

struct repeated_texts {
    struct repeated_text items[REPEATED_TEXTS_MAX];
    size_t count;
    uint16_t slots[SLOTS]; /* the number and one; 0: empty */
    uint64_t generation;
};

struct repeated_texts *repeated_texts_create(void)
{
    struct repeated_texts *texts = memory_allocate_zeroed(1, sizeof *texts);
    texts->generation = 1;
    return texts;
}

static void forget_texts(struct repeated_texts *texts)
{
    for (size_t i = 0; i < texts->count; i++)
        free(texts->items[i].data);
    memset(texts->slots, 0, sizeof texts->slots);
    texts->count = 0;
    texts->generation++;
}

void repeated_texts_destroy(struct repeated_texts *texts)
{
    if (!texts)
        return;
    forget_texts(texts);
    free(texts);
}

/* Eight bytes at a time. Whoever makes texts collide makes a table of 512 slots slow, no more. */
static uint64_t hash_text(struct bytes text)
{
    static const uint64_t factor = 0x9e3779b97f4a7c15;
    uint64_t hash = text.size;
    for (size_t at = 0; at < text.size; at += sizeof hash) {
        uint64_t word = 0;
        size_t left = text.size - at;
        memcpy(&word, text.data + at, left < sizeof word ? left : sizeof word);
        hash = (hash ^ word) * factor;
        hash ^= hash >> 29;
    }
    return hash;
}

static size_t add_text(struct repeated_texts *texts, struct bytes text, uint64_t hash)
{
    if (texts->count == REPEATED_TEXTS_MAX || text.size > TEXT_MAX)
        forget_texts(texts);
    struct repeated_text *item = &texts->items[texts->count];
    *item = (struct repeated_text){ hash, memory_allocate(text.size + 1), text.size };
    memcpy(item->data, text.data, text.size);
    size_t slot = hash % SLOTS;
    while (texts->slots[slot])
        slot = (slot + 1) % SLOTS;
    texts->slots[slot] = (uint16_t)(texts->count + 1);
    return texts->count++;
}

size_t repeated_texts_number(struct repeated_texts *texts, struct bytes text)
{
    uint64_t hash = hash_text(text);
    for (size_t slot = hash % SLOTS; texts->slots[slot]; slot = (slot + 1) % SLOTS) {
        size_t number = texts->slots[slot] - 1U;
        const struct repeated_text *item = &texts->items[number];
        if (item->hash == hash && bytes_equal(bytes_of(item->data, item->size), text))
            return number;
    }
    return add_text(texts, text, hash);
}

uint64_t repeated_texts_generation(const struct repeated_texts *texts)
{
    return texts->generation;
}

static bool has_bit(const uint64_t *set, size_t number)
{
    return set[number / WORD_BITS] >> number % WORD_BITS & 1;
}

bool text_verdicts_know(const struct text_verdicts *verdicts, const struct repeated_texts *texts,
                        size_t number, bool *holds)
{
    assert(number < REPEATED_TEXTS_MAX);
    *holds = has_bit(verdicts->holds, number);
    return verdicts->generation == texts->generation && has_bit(verdicts->known, number);
}

void text_verdicts_note(struct text_verdicts *verdicts, const struct repeated_texts *texts,
                        size_t number, bool holds)
{
    assert(number < REPEATED_TEXTS_MAX);
    if (verdicts->generation != texts->generation)
        *verdicts = (struct text_verdicts){ .generation = texts->generation };
    uint64_t bit = UINT64_C(1) << number % WORD_BITS;
    verdicts->known[number / WORD_BITS] |= bit;
    if (holds)
        verdicts->holds[number / WORD_BITS] |= bit;
}
