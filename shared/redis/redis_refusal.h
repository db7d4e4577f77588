/*
 * Error replies that are not about the command: they say that here is not the place to write, or
 * that now is not the time. What is to be done depends on which it is. Pure.
 */
#ifndef SHARED_REDIS_REDIS_REFUSAL_H
#define SHARED_REDIS_REDIS_REFUSAL_H

enum redis_refusal {
    REDIS_REFUSAL_NONE,
    /* LOADING, READONLY, MASTERDOWN, …: this connection leads nowhere; another one, later, may. */
    REDIS_REFUSAL_PLACE,
    /* ASK, TRYAGAIN: the keys are on their way to another node of a cluster, some here and some
     * there. Soon it is said which of the two has them. */
    REDIS_REFUSAL_MOVING,
    /* NOAUTH, WRONGPASS: until somebody changes a password. */
    REDIS_REFUSAL_CREDENTIALS,
    /* OOM, MISCONF, NOREPLICAS, NOPERM: the right server, which does not write now; the connection
     * is fine. */
    REDIS_REFUSAL_CONDITION,
};

enum redis_refusal redis_refusal_of(const char *error);

#endif
