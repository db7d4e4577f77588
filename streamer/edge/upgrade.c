#include "streamer/edge/upgrade.h"

#include "streamer/edge/header_value.h"

enum {
    /* Base64 of 16 bytes. */
    KEY_SIZE = 24,
    /* Libwebsockets looks at no more of it. */
    CONNECTION_MAX = 120,
};

static bool list_has(struct bytes list, const char *name)
{
    for (struct bytes element; (element = header_value_take_element(&list)).data;)
        if (header_value_equal(element, bytes_of_string(name)))
            return true;
    return false;
}

static bool is_base64(uint8_t byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           (byte >= '0' && byte <= '9') || byte == '+' || byte == '/';
}

static bool is_key(struct bytes key)
{
    if (key.size != KEY_SIZE || key.data[KEY_SIZE - 1] != '=' || key.data[KEY_SIZE - 2] != '=')
        return false;
    for (size_t i = 0; i < KEY_SIZE - 2; i++)
        if (!is_base64(key.data[i]))
            return false;
    return true;
}

/* A token of RFC 9110 section 5.6.2. */
static bool is_token(struct bytes text)
{
    static const char separators[] = "\"(),/:;<=>?@[\\]{}";
    for (size_t i = 0; i < text.size; i++)
        if (text.data[i] <= ' ' || text.data[i] >= 0x7f ||
            memchr(separators, text.data[i], sizeof separators - 1))
            return false;
    return text.size > 0;
}

static bool subprotocols_are_good(struct bytes list)
{
    if (list.size > UPGRADE_SUBPROTOCOLS_MAX)
        return false;
    for (struct bytes name; (name = header_value_take_element(&list)).data;)
        if (!is_token(name) || name.size >= UPGRADE_SUBPROTOCOL_SIZE)
            return false;
    return true;
}

struct refusal upgrade_check(const struct upgrade_request *request)
{
    if (!request->is_get)
        return (struct refusal){ 405, "a WebSocket begins with GET" };
    if (request->host.size == 0)
        return (struct refusal){ 400, "no Host" };
    if (request->connection.size > CONNECTION_MAX || !list_has(request->connection, "upgrade"))
        return (struct refusal){ 400, "Connection does not say Upgrade" };
    if (!bytes_equal_string(header_value_trim(request->version), "13"))
        return (struct refusal){ 426, "the version of WebSocket is 13" };
    if (!is_key(request->key))
        return (struct refusal){ 400, "Sec-WebSocket-Key is not 16 bytes in base64" };
    if (!subprotocols_are_good(request->subprotocols))
        return (struct refusal){ 400, "Sec-WebSocket-Protocol is too long or no list of names" };
    return (struct refusal){ 0 };
}

void upgrade_choose_subprotocol(char *name, struct bytes subprotocols)
{
    struct bytes first = header_value_take_element(&subprotocols);
    size_t size = first.size < UPGRADE_SUBPROTOCOL_SIZE ? first.size : 0;
    if (size)
        memcpy(name, first.data, size);
    name[size] = '\0';
}
