/*
 * Who holds how much of what everybody shares: a table without I/O and without a clock. A customer
 * is an address, the /64 of an IPv6 one, or a named token. Each has a share of everything that is
 * scarce; who has used up his is refused (429) before anything is begun, and the others never
 * notice.
 *
 * How to charge: a connection knows its customer's number, which goes down with whatever it asks
 * for (http_target, stream_request, replay_request, search_request). Who is about to begin
 * something takes from the share first and gives the same amount back at the end; a number stays
 * good as long as anything is held for it, also when all its connections are gone. What flows
 * (replayed bytes) is charged when it has been read, and the one who is charged waits; that is
 * also right when he has gone meanwhile.
 *
 * CUSTOMER_NOBODY is who has no share but the total: loopback, Unix sockets, and proxies that
 * forward no address.
 */
#ifndef STREAMER_EDGE_CUSTOMERS_H
#define STREAMER_EDGE_CUSTOMERS_H

#include "shared/base/bytes.h"

struct customers;

#define CUSTOMER_NOBODY UINT64_C(0)

enum {
    CUSTOMER_NAME_SIZE = 64, /* with its NUL */
};

/* What is held, from the take to the giving back. */
enum customer_share {
    CUSTOMER_CONNECTIONS, /* each */
    CUSTOMER_FILTERS,     /* different filters of streams */
    CUSTOMER_FILTER_COST, /* in the unit of filter/ */
    CUSTOMER_SEARCHES,    /* that run */
    CUSTOMER_SHARES
};

struct customer_limits {
    uint64_t held[CUSTOMER_SHARES];   /* 0: no matter how much */
    uint64_t replay_bytes_per_second; /* 0: no matter how fast */
    uint64_t reading_ms_per_second;   /* of processor time; 0: no matter how long */
};

struct customer {
    /* What people read: "192.0.2.1", "2001:db8::/64", "token alice". */
    char name[CUSTOMER_NAME_SIZE];
    struct customer_limits limits;
    uint64_t held[CUSTOMER_SHARES];
    uint64_t refused[CUSTOMER_SHARES]; /* times */
    uint64_t unread;                   /* filters, because reading took too long before */
    uint64_t connected;                /* connections, since the start */
    uint64_t sent_bytes;               /* messages of streams */
    uint64_t replayed_bytes;
    bool is_kept; /* a named token: its counters stay when he is gone */
};

/* `connections`: how many there are at most in all, which bounds the table. The seed is one that
 * nobody outside knows: whoever owns many addresses cannot choose some that collide. */
struct customers *customers_create(const struct customer_limits *limits, size_t connections,
                                   uint64_t seed);
/* NULL is fine. */
void customers_destroy(struct customers *customers);

/* A named token, which is known from now on, connected or not. `limits`: its own. */
void customers_keep(struct customers *customers, const char *name,
                    const struct customer_limits *limits);
/* The tokens were read again: who had a name is a customer like others, until customers_keep says
 * otherwise. */
void customers_begin_keeping(struct customers *customers);
/* Those who have no name any more, and hold nothing, are forgotten. */
void customers_end_keeping(struct customers *customers);

/* One connection of the customer with this name. Its number to `number`; false, and nothing has
 * changed, if he has all that he may have. */
bool customers_connect(struct customers *customers, const char *name, uint64_t *number);
/* The end of it. CUSTOMER_NOBODY is fine, here and in the following: nothing is counted, nothing
 * is refused. */
void customers_disconnect(struct customers *customers, uint64_t number);

/* False, and nothing is taken, if it would be more than his share. */
bool customers_take(struct customers *customers, uint64_t number, enum customer_share share,
                    uint64_t amount);
/* The end of what was taken. */
void customers_give_back(struct customers *customers, uint64_t number, enum customer_share share,
                         uint64_t amount);

/* `bytes` of the past were read for him. `now_ms` is monotonic. */
void customers_charge_replay(struct customers *customers, uint64_t number, uint64_t bytes,
                             uint64_t now_ms);
/* How long he has to wait for what comes next: 0 if he may go on. */
uint64_t customers_replay_wait_ms(const struct customers *customers, uint64_t number,
                                  uint64_t now_ms);

/* To read filters of his took so long, whether they were good or not. */
void customers_charge_reading(struct customers *customers, uint64_t number, uint64_t taken_us,
                              uint64_t now_ms);
/* False, which is counted, if reading his filters took more than his share of late: he is to come
 * again within a minute. */
bool customers_may_read(struct customers *customers, uint64_t number, uint64_t now_ms);
/* How often that was so, of all customers. */
uint64_t customers_unread(const struct customers *customers);

/* Messages went out to him. */
void customers_count_sent(struct customers *customers, uint64_t number, uint64_t bytes);

/* What is refused, for people: a constant, without quotes and backslashes. */
const char *customers_refusal(enum customer_share share);

/* NULL for CUSTOMER_NOBODY and for who was forgotten. Until the next call that changes anything. */
const struct customer *customers_find(const struct customers *customers, uint64_t number);
/* Each that is known, in no order: from 0 on, until NULL. `at` is to be passed back as it is. */
const struct customer *customers_next(const struct customers *customers, size_t *at);

#endif
