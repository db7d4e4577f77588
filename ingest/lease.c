#include "ingest/lease.h"

#include <stdio.h>

static const char take_script[] = "local owner = redis.call('GET', KEYS[1]) "
                                  "if owner and owner ~= ARGV[1] then return 0 end "
                                  "redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) "
                                  "return 1";

static const char release_script[] = "if redis.call('GET', KEYS[1]) == ARGV[1] then "
                                     "return redis.call('DEL', KEYS[1]) end "
                                     "return 0";

bool lease_take(struct redis_link *link, const char *key, const char *instance,
                redis_link_on_reply on_reply, void *context)
{
    char duration[16];
    (void)snprintf(duration, sizeof duration, "%d", LEASE_MS);
    return redis_link_send_strings(link, on_reply, context, "EVAL", take_script, "1", key, instance,
                                   duration, (char *)NULL);
}

bool lease_release(struct redis_link *link, const char *key, const char *instance)
{
    return redis_link_send_strings(link, NULL, NULL, "EVAL", release_script, "1", key, instance,
                                   (char *)NULL);
}
