#include "tests/e2e/list_stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include "shared/base/digest.h"
#include "shared/base/hex.h"
#include "shared/base/memory.h"
#include "tests/e2e/daemons.h"
#include "tests/support/harness.h"
#include "tests/support/http_get.h"
#include "tests/support/redis_server.h"

enum {
    PATIENCE_MS = 60000,
    WORDS_MAX = 32,
};

/* SHA-256 of the SubjectPublicKeyInfo in the PEM that the log serves, by OpenSSL alone. */
static void hash_key(struct list_stage *stage)
{
    struct http_answer answer = http_get_local(program_port(stage->ct_log), "/log_list_pubkey.pem");
    assert_int_equal(answer.status, 200);
    BIO *bio = BIO_new_mem_buf(answer.body.data, (int)answer.body.size);
    EVP_PKEY *key = PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL);
    assert_non_null(key);
    unsigned char *der = NULL, hash[SHA256_SIZE];
    int size = i2d_PUBKEY(key, &der);
    assert_int_equal(EVP_Digest(der, (size_t)size, hash, NULL, EVP_sha256(), NULL), 1);
    hex_encode(stage->key_hash, bytes_of(hash, sizeof hash));
    OPENSSL_free(der);
    EVP_PKEY_free(key);
    (void)BIO_free(bio);
    http_answer_free(&answer);
}

static int setup(void **state, const char *option)
{
    struct list_stage *stage = memory_allocate_zeroed(1, sizeof *stage);
    *state = stage;
    stage->harness = harness_create();
    stage->redis = redis_server_start(stage->harness, "redis", NULL);
    const char *const ct_log[] = { "--size", "100", "--seed", "lists", option, NULL };
    stage->ct_log = daemon_start_ct_log(stage->harness, "ct_log", ct_log);
    (void)snprintf(stage->address, sizeof stage->address, "%.100s/log_list.json",
                   program_ready_text(stage->ct_log));
    hash_key(stage);
    return 0;
}

int list_stage_setup(void **state)
{
    return setup(state, NULL);
}

int list_stage_setup_one_key(void **state)
{
    return setup(state, "--one-key");
}

int list_stage_teardown(void **state)
{
    struct list_stage *stage = *state;
    int result = harness_destroy(stage->harness);
    redis_server_destroy(stage->redis);
    free(stage);
    return result;
}

struct program *list_stage_start_ingest(struct list_stage *stage, const char *name,
                                        const char *key_hash, const char *const *arguments)
{
    char list[sizeof stage->address + 8];
    (void)snprintf(list, sizeof list, "signed:%s", stage->address);
    const char *words[WORDS_MAX] = {
        CERTSTREAM_INGEST,
        "--redis",
        redis_server_url(stage->redis),
        "--log-list",
        list,
        "--log-list-key-hash",
        key_hash ? key_hash : stage->key_hash,
        "--list-refresh",
        "1s",
        "--start",
        "0",
        "--poll",
        "1",
        "--instance",
        "list",
    };
    size_t count = 0;
    while (words[count])
        count++;
    for (; arguments && *arguments; arguments++) {
        assert_true(count + 1 < WORDS_MAX);
        words[count++] = *arguments;
    }
    return program_start(stage->harness,
                         &(struct program_options){ .name = name,
                                                    .arguments = words,
                                                    .ready = "certstream-ingest ready",
                                                    .is_daemon = true });
}

long long list_stage_counter(struct list_stage *stage, const char *name)
{
    redisReply *reply =
        redis_server_command(stage->redis, "HGET {certstream}:ingest:list %s", name);
    long long value = reply->type == REDIS_REPLY_STRING ? strtoll(reply->str, NULL, 10) : -1;
    freeReplyObject(reply);
    return value;
}

void list_stage_wait_for_counter(struct list_stage *stage, const char *name, long long at_least)
{
    struct deadline deadline = deadline_after(PATIENCE_MS, name);
    while (list_stage_counter(stage, name) < at_least)
        deadline_wait(&deadline);
}

size_t list_stage_count_logs(struct list_stage *stage, const char *field, const char *value)
{
    size_t count = 0;
    redisReply *ids = redis_server_command(stage->redis, "SMEMBERS {certstream}:logs");
    for (size_t i = 0; i < ids->elements; i++) {
        redisReply *reply = redis_server_command(stage->redis, "HGET {certstream}:log:%s %s",
                                                 ids->element[i]->str, field);
        count += reply->type == REDIS_REPLY_STRING && strcmp(reply->str, value) == 0;
        freeReplyObject(reply);
    }
    freeReplyObject(ids);
    return count;
}

void list_stage_wait_for_logs(struct list_stage *stage, const char *field, const char *value,
                              size_t count)
{
    struct deadline deadline = deadline_after(PATIENCE_MS, value);
    while (list_stage_count_logs(stage, field, value) != count)
        deadline_wait(&deadline);
}
