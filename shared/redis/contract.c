#include "shared/redis/contract.h"

#include <assert.h>
#include <ctype.h>
#include <stdio.h>
#include <string.h>

static bool is_prefix_character(char character)
{
    return isalnum((unsigned char)character) || strchr("{}:._-", character);
}

static void write_key(const struct contract *contract, char *key, const char *kind,
                      const char *name)
{
    int size = snprintf(key, CONTRACT_KEY_SIZE, "%s:%s%s%s", contract->prefix, kind,
                        *name ? ":" : "", name);
    assert(size > 0 && size < CONTRACT_KEY_SIZE);
}

bool contract_init(struct contract *contract, const char *prefix)
{
    size_t size = strlen(prefix);
    if (size == 0 || size > CONTRACT_PREFIX_MAX)
        return false;
    for (size_t i = 0; i < size; i++)
        if (!is_prefix_character(prefix[i]))
            return false;
    memcpy(contract->prefix, prefix, size + 1);
    write_key(contract, contract->stream, "stream", "");
    write_key(contract, contract->logs, "logs", "");
    write_key(contract, contract->ingests, "ingests", "");
    write_key(contract, contract->issuers, "issuers", "");
    write_key(contract, contract->issuers_named, "issuers", "named");
    write_key(contract, contract->evidence, "evidence", "");
    write_key(contract, contract->log_lists, "lists", "");
    write_key(contract, contract->history, "history", "");
    write_key(contract, contract->packed, "packed", "");
    write_key(contract, contract->history_lease, "lease", "history");
    write_key(contract, contract->deployment, "deployment", "");
    return true;
}

void contract_log_key(const struct contract *contract, char *key, const char *log_id_hex)
{
    assert(strlen(log_id_hex) == CONTRACT_LOG_ID_HEX);
    write_key(contract, key, "log", log_id_hex);
}

void contract_lease_key(const struct contract *contract, char *key, const char *log_id_hex)
{
    assert(strlen(log_id_hex) == CONTRACT_LOG_ID_HEX);
    write_key(contract, key, "lease", log_id_hex);
}

void contract_ingest_key(const struct contract *contract, char *key, const char *instance)
{
    assert(strlen(instance) <= CONTRACT_INSTANCE_MAX);
    write_key(contract, key, "ingest", instance);
}

void contract_block_key(const struct contract *contract, char *key, struct stream_id last)
{
    char text[STREAM_ID_TEXT_SIZE];
    (void)stream_id_format(text, last);
    write_key(contract, key, "block", text);
}
