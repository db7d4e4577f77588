#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "shared/redis/redis_cluster.h"
#include "shared/redis/shard_id.h"
#include "shared/redis/shard_tags.h"

static void expect_prefix(const char *prefix, const char *word, const char *wanted)
{
    char text[32];
    bool good = shard_tags_prefix(text, sizeof text, prefix, word);
    assert_int_equal(good, wanted != NULL);
    if (wanted)
        assert_string_equal(text, wanted);
}

static void the_word_stands_in_the_hash_tag(void **state)
{
    (void)state;
    expect_prefix("{certstream}", "", "{certstream}");
    expect_prefix("{certstream}", "2f", "{certstream:2f}");
    expect_prefix("my{ct}here", "2f", "my{ct:2f}here");
    expect_prefix("certstream", "2f", NULL);
    expect_prefix("{}certstream", "", NULL);
    expect_prefix("{a-prefix-of-thirty-characters}", "2f", NULL);
}

static void choose(char (*words)[SHARD_WORD_SIZE], unsigned *slots, size_t shards)
{
    for (size_t i = 0; i < shards; i++) {
        char prefix[64];
        if (i)
            assert_true(shard_tags_choose(words[i], "{certstream}",
                                          (const char(*)[SHARD_WORD_SIZE])words, i));
        assert_true(shard_tags_prefix(prefix, sizeof prefix, "{certstream}", words[i]));
        slots[i] = redis_cluster_slot(prefix);
    }
}

/* With three nodes that have a third of the slots each, and six shards, two lie with each. */
static void slots_lie_evenly(void **state)
{
    (void)state;
    static const unsigned wanted[] = { 2646, 10838, 14934, 6742, 598, 12886, 8790, 4694 };
    char words[SHARDS_MAX][SHARD_WORD_SIZE] = { "" };
    unsigned slots[SHARDS_MAX];
    choose(words, slots, SHARDS_MAX);
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
        assert_int_equal(slots[i], wanted[i]);
    /* As many as there may be: no two nearer than all others. */
    for (size_t i = 0; i < SHARDS_MAX; i++)
        for (size_t j = 0; j < i; j++) {
            unsigned between = (slots[i] + REDIS_SLOTS - slots[j]) % REDIS_SLOTS;
            assert_true(between >= REDIS_SLOTS / SHARDS_MAX &&
                        between <= REDIS_SLOTS - REDIS_SLOTS / SHARDS_MAX);
        }
}

static void a_prefix_without_a_tag_has_no_shards(void **state)
{
    (void)state;
    char words[2][SHARD_WORD_SIZE] = { "" };
    assert_false(
        shard_tags_choose(words[1], "certstream", (const char(*)[SHARD_WORD_SIZE])words, 1));
    assert_false(shard_tags_choose(
        words[1], "{a-prefix-of-sixty-three-characters-which-has-no-room-for-words}",
        (const char(*)[SHARD_WORD_SIZE])words, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_word_stands_in_the_hash_tag),
        cmocka_unit_test(slots_lie_evenly),
        cmocka_unit_test(a_prefix_without_a_tag_has_no_shards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
