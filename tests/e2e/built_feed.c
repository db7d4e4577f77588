#include "tests/e2e/built_feed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>

#include "shared/redis/contract.h"
#include "tests/support/redis_server.h"

/* In a real stream no index of a log comes twice; a streamer would take the second for what Redis
 * got again after it was set back. */
static unsigned long long next_index(void)
{
    static unsigned long long index;
    return index++;
}

void built_feed_add(struct redis_server *redis, const struct built_entry *built, char *id)
{
    const struct stream_entry *entry = &built->entry;
    redisReply *reply = redis_server_command(
        redis, "XADD %s * json %b domains %b der %b chain %b log %b index %llu",
        CONTRACT_PREFIX ":stream", entry->json.data, entry->json.size, entry->domains.data,
        entry->domains.size, entry->der.data, entry->der.size, entry->chain.data, entry->chain.size,
        entry->log.data, entry->log.size, next_index());
    assert_int_equal(reply->type, REDIS_REPLY_STRING);
    (void)snprintf(id, BUILT_ID_SIZE, "%s", reply->str);
    freeReplyObject(reply);
}

void built_feed_make(struct redis_server *redis, const struct entry_parts *parts, char *id)
{
    struct built_entry built;
    char unwanted[BUILT_ID_SIZE];
    build_entry(&built, parts);
    built_feed_add(redis, &built, id ? id : unwanted);
    built_entry_free(&built);
}
