#include "shared/redis/reply_arena.h"

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <hiredis/hiredis.h>

#include "shared/base/memory.h"

enum {
    /* A reply that is a word needs no chunk. */
    SMALL_REPLY = 256,
    /* A chunk is a part of a reply; below what malloc would map, so that its pages stay with the
     * process. */
    CHUNK_FIRST = 4 * 1024,
    CHUNK_MAX = 64 * 1024,
    /* Of these, the kept ones: a reply of some hundred entries of the stream. */
    POOL_CHUNKS_MAX = 32,
    /* Redis itself sends no more than 2^32 texts, and we ask for a few thousand. */
    ELEMENTS_MAX = 1 << 24,
    ALIGNMENT = sizeof(void *),
};

struct chunk {
    struct chunk *next;
    size_t size, used;
    uint8_t memory[];
};

/* Used by who made it, and by each arena. */
struct reply_pool {
    struct chunk *chunks; /* of CHUNK_MAX bytes */
    size_t count;
    size_t users;
};

struct reply_arena {
    struct reply_pool *pool; /* or NULL */
    struct chunk *chunks;    /* the first is the one that is filled */
    size_t users;
    size_t bytes;
    size_t used; /* of `memory`, which is filled before the chunks */
    uint8_t memory[SMALL_REPLY];
};

/* What hiredis takes for its own object. */
struct arena_reply {
    redisReply reply;
    struct reply_arena *arena;
};

_Static_assert(offsetof(struct arena_reply, reply) == 0, "hiredis casts it to a redisReply");

static struct chunk *take_from_pool(struct reply_pool *pool)
{
    struct chunk *chunk = pool->chunks;
    pool->chunks = chunk->next;
    pool->count--;
    return chunk;
}

static void free_chunk(struct reply_pool *pool, struct chunk *chunk)
{
    if (!pool || chunk->size != CHUNK_MAX || pool->count == POOL_CHUNKS_MAX) {
        free(chunk);
        return;
    }
    chunk->next = pool->chunks;
    pool->chunks = chunk;
    pool->count++;
}

struct reply_pool *reply_pool_create(void)
{
    struct reply_pool *pool = memory_allocate_zeroed(1, sizeof *pool);
    pool->users = 1;
    return pool;
}

void reply_pool_release(struct reply_pool *pool)
{
    if (!pool || --pool->users > 0)
        return;
    while (pool->chunks)
        free(take_from_pool(pool));
    free(pool);
}

static void add_chunk(struct reply_arena *arena, size_t wanted)
{
    size_t size = arena->chunks ? arena->chunks->size * 2 : CHUNK_FIRST;
    if (size > CHUNK_MAX)
        size = CHUNK_MAX;
    if (size < wanted)
        size = wanted;
    bool is_kept = size == CHUNK_MAX && arena->pool && arena->pool->count > 0;
    struct chunk *chunk =
        is_kept ? take_from_pool(arena->pool) : memory_allocate(sizeof *chunk + size);
    *chunk = (struct chunk){ .next = arena->chunks, .size = size };
    arena->chunks = chunk;
    arena->bytes += sizeof *chunk + size;
}

static void *take_memory(struct reply_arena *arena, size_t size)
{
    size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    if (!arena->chunks && SMALL_REPLY - arena->used >= size) {
        arena->used += size;
        return arena->memory + arena->used - size;
    }
    if (!arena->chunks || arena->chunks->size - arena->chunks->used < size)
        add_chunk(arena, size);
    void *memory = arena->chunks->memory + arena->chunks->used;
    arena->chunks->used += size;
    return memory;
}

static struct reply_arena *make_arena(struct reply_pool *pool)
{
    struct reply_arena *arena = memory_allocate(sizeof *arena);
    arena->chunks = NULL;
    arena->pool = pool;
    if (pool)
        pool->users++;
    arena->users = 1;
    arena->bytes = sizeof *arena;
    arena->used = 0;
    return arena;
}

/* The object is in its parent's arena, and entered there; or it is the root of a new one. */
static struct arena_reply *make_reply(const redisReadTask *task)
{
    struct arena_reply *parent = task->parent ? task->parent->obj : NULL;
    struct reply_arena *arena = parent ? parent->arena : make_arena(task->privdata);
    struct arena_reply *made = take_memory(arena, sizeof *made);
    *made = (struct arena_reply){ .reply = { .type = task->type }, .arena = arena };
    if (parent)
        parent->reply.element[task->idx] = &made->reply;
    return made;
}

/* Texts end with a NUL that is not counted, as hiredis' do. */
static void copy_text(struct arena_reply *made, const char *text, size_t size)
{
    made->reply.str = take_memory(made->arena, size + 1);
    memcpy(made->reply.str, text, size);
    made->reply.str[size] = '\0';
    made->reply.len = size;
}

static void *make_array(const redisReadTask *task, size_t count)
{
    /* hiredis takes it for a lack of memory and ends the connection. */
    if (count > ELEMENTS_MAX)
        return NULL;
    struct arena_reply *made = make_reply(task);
    size_t size = count * sizeof(redisReply *);
    made->reply.elements = count;
    if (count == 0)
        return made;
    made->reply.element = take_memory(made->arena, size);
    memset(made->reply.element, 0, size);
    return made;
}

static void *create_integer(const redisReadTask *task, long long value)
{
    struct arena_reply *made = make_reply(task);
    made->reply.integer = value;
    return made;
}

/* The task still says what it might have been. */
static void *create_nil(const redisReadTask *task)
{
    struct arena_reply *made = make_reply(task);
    made->reply.type = REDIS_REPLY_NIL;
    return made;
}

static void free_object(void *object)
{
    reply_arena_release(object);
}

#if HIREDIS_MAJOR >= 1

/* RESP3 names the form of a verbatim text in its first four bytes. */
static void *create_string(const redisReadTask *task, char *text, size_t size)
{
    struct arena_reply *made = make_reply(task);
    bool is_verbatim = task->type == REDIS_REPLY_VERB && size >= 4;
    if (is_verbatim)
        memcpy(made->reply.vtype, text, 3);
    copy_text(made, text + 4 * is_verbatim, size - 4 * is_verbatim);
    return made;
}

static void *create_array(const redisReadTask *task, size_t count)
{
    return make_array(task, count);
}

static void *create_double(const redisReadTask *task, double value, char *text, size_t size)
{
    struct arena_reply *made = make_reply(task);
    made->reply.dval = value;
    copy_text(made, text, size);
    return made;
}

static void *create_bool(const redisReadTask *task, int value)
{
    struct arena_reply *made = make_reply(task);
    made->reply.integer = value != 0;
    return made;
}

static redisReplyObjectFunctions functions = {
    .createString = create_string,
    .createArray = create_array,
    .createInteger = create_integer,
    .createDouble = create_double,
    .createNil = create_nil,
    .createBool = create_bool,
    .freeObject = free_object,
};

#else

static void *create_string(const redisReadTask *task, char *text, size_t size)
{
    struct arena_reply *made = make_reply(task);
    copy_text(made, text, size);
    return made;
}

static void *create_array(const redisReadTask *task, int count)
{
    return make_array(task, count < 0 ? 0 : (size_t)count);
}

/* Not const, because hiredis keeps a plain pointer to it. */
static redisReplyObjectFunctions functions = {
    .createString = create_string,
    .createArray = create_array,
    .createInteger = create_integer,
    .createNil = create_nil,
    .freeObject = free_object,
};

#endif

void reply_arena_adopt(struct redisReader *reader, struct reply_pool *pool)
{
    assert(!reader->reply && reader->len == 0);
    reader->fn = &functions;
    reader->privdata = pool;
}

static struct reply_arena *arena_of(const struct redisReply *reply)
{
    return ((const struct arena_reply *)reply)->arena;
}

struct redisReply *reply_arena_hold(struct redisReply *reply)
{
    assert(arena_of(reply)->users > 0);
    arena_of(reply)->users++;
    return reply;
}

void reply_arena_release(struct redisReply *reply)
{
    if (!reply)
        return;
    struct reply_arena *arena = arena_of(reply);
    assert(arena->users > 0);
    if (--arena->users > 0)
        return;
    for (struct chunk *chunk = arena->chunks, *next; chunk; chunk = next) {
        next = chunk->next;
        free_chunk(arena->pool, chunk);
    }
    reply_pool_release(arena->pool);
    free(arena);
}

size_t reply_arena_bytes(const struct redisReply *reply)
{
    return arena_of(reply)->bytes;
}
