#include "ingest/lease.h"

#include <stdio.h>

#include <hiredis/hiredis.h>

#include "shared/decimal.h"

static const char take_script[] = "local owner = redis.call('GET', KEYS[1]) "
                                  "if owner and owner ~= ARGV[1] then return {0, '0'} end "
                                  "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) "
                                  "return {1, redis.call('HGET', KEYS[2], 'epoch') or '0'}";

static const char release_script[] = "if redis.call('GET', KEYS[1]) == ARGV[1] then "
                                     "return redis.call('DEL', KEYS[1]) end "
                                     "return 0";

bool lease_take(struct redis_link *link, const char *key, const char *log_key, const char *instance,
                redis_link_on_reply on_reply, void *context)
{
    char duration[16];
    (void)snprintf(duration, sizeof duration, "%d", LEASE_MS);
    return redis_link_send_strings(link, on_reply, context, "EVAL", take_script, "2", key, log_key,
                                   instance, duration, (char *)NULL);
}

bool lease_read(struct lease *lease, const struct redisReply *reply)
{
    *lease = (struct lease){ 0 };
    if (reply->type != REDIS_REPLY_ARRAY || reply->elements != 2 ||
        reply->element[0]->type != REDIS_REPLY_INTEGER ||
        reply->element[1]->type != REDIS_REPLY_STRING)
        return false;
    lease->is_owned = reply->element[0]->integer == 1;
    return decimal_parse(&lease->epoch, bytes_of(reply->element[1]->str, reply->element[1]->len));
}

bool lease_release(struct redis_link *link, const char *key, const char *instance)
{
    return redis_link_send_strings(link, NULL, NULL, "EVAL", release_script, "1", key, instance,
                                   (char *)NULL);
}
