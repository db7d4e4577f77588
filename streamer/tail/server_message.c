#include "streamer/tail/server_message.h"

#include <math.h>

#include <cjson/cJSON.h>

#include "shared/json/json_reader.h"

static const cJSON *member(const cJSON *object, const char *name)
{
    return cJSON_GetObjectItemCaseSensitive(object, name);
}

static double number_of(const cJSON *object, const char *name)
{
    const cJSON *value = member(object, name);
    return cJSON_IsNumber(value) && isfinite(value->valuedouble) ? value->valuedouble : -1;
}

static const cJSON *array_of(const cJSON *value)
{
    return cJSON_IsArray(value) ? value : NULL;
}

/* Servers that came before ours have the issuer as the subject of the chain's first certificate. */
static const cJSON *find_issuer(const cJSON *data, const cJSON *leaf)
{
    const cJSON *issuer = member(leaf, "issuer");
    return issuer ? issuer : member(cJSON_GetArrayItem(member(data, "chain"), 0), "subject");
}

static void read_certificate(struct server_message *message, const cJSON *data)
{
    const cJSON *leaf = member(data, "leaf_cert");
    const cJSON *issuer = find_issuer(data, leaf);
    const char *type = json_read_string(data, "update_type");
    message->is_precertificate = type && strcmp(type, "PrecertLogEntry") == 0;
    message->names = array_of(member(leaf, "all_domains"));
    message->log = json_read_string(member(data, "source"), "name");
    message->sha256 = json_read_string(leaf, "sha256");
    message->issuer_name = json_read_string(issuer, "CN");
    message->issuer_organization = json_read_string(issuer, "O");
    message->seen_s = number_of(data, "seen");
    message->index = number_of(data, "cert_index");
    message->not_before_s = number_of(leaf, "not_before");
    message->not_after_s = number_of(leaf, "not_after");
}

static enum server_message_kind kind_of(const char *type)
{
    static const struct {
        const char *type;
        enum server_message_kind kind;
    } kinds[] = {
        { "certificate_update", SERVER_MESSAGE_CERTIFICATE },
        { "dns_entries", SERVER_MESSAGE_NAMES },
        { "gap", SERVER_MESSAGE_GAP },
    };
    for (size_t i = 0; type && i < sizeof kinds / sizeof *kinds; i++)
        if (strcmp(type, kinds[i].type) == 0)
            return kinds[i].kind;
    return SERVER_MESSAGE_OTHER;
}

static void read_gap(struct server_message *message, const cJSON *data)
{
    message->missed = number_of(data, "missed");
    message->reason = json_read_string(data, "reason");
}

void server_message_read(struct server_message *message, struct bytes text)
{
    *message = (struct server_message){ .kind = SERVER_MESSAGE_BROKEN, .missed = -1 };
    message->json = cJSON_ParseWithLength((const char *)text.data, text.size);
    if (!cJSON_IsObject(message->json))
        return;
    const cJSON *data = member(message->json, "data");
    message->kind = kind_of(json_read_string(message->json, "message_type"));
    message->id = json_read_string(message->json, "id");
    if (message->kind == SERVER_MESSAGE_CERTIFICATE)
        read_certificate(message, data);
    else if (message->kind == SERVER_MESSAGE_NAMES)
        message->names = array_of(data);
    else if (message->kind == SERVER_MESSAGE_GAP)
        read_gap(message, data);
}

void server_message_clear(struct server_message *message)
{
    cJSON_Delete(message->json);
    *message = (struct server_message){ 0 };
}
