#include "shared/redis/redis_refusal.h"

#include <stddef.h>
#include <string.h>

/* The first word of an error reply is its code. */
static const struct {
    const char *code;
    enum redis_refusal refusal;
} refusals[] = {
    { "LOADING", REDIS_REFUSAL_PLACE },        { "READONLY", REDIS_REFUSAL_PLACE },
    { "MASTERDOWN", REDIS_REFUSAL_PLACE },     { "UNBLOCKED", REDIS_REFUSAL_PLACE },
    { "CLUSTERDOWN", REDIS_REFUSAL_PLACE },    { "MOVED", REDIS_REFUSAL_PLACE },
    { "ASK", REDIS_REFUSAL_MOVING },           { "TRYAGAIN", REDIS_REFUSAL_MOVING },
    { "NOAUTH", REDIS_REFUSAL_CREDENTIALS },   { "WRONGPASS", REDIS_REFUSAL_CREDENTIALS },
    { "OOM", REDIS_REFUSAL_CONDITION },        { "MISCONF", REDIS_REFUSAL_CONDITION },
    { "NOREPLICAS", REDIS_REFUSAL_CONDITION }, { "NOPERM", REDIS_REFUSAL_CONDITION },
};

enum redis_refusal redis_refusal_of(const char *error)
{
    size_t size = strcspn(error, " ");
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (strlen(refusals[i].code) == size && memcmp(refusals[i].code, error, size) == 0)
            return refusals[i].refusal;
    return REDIS_REFUSAL_NONE;
}
