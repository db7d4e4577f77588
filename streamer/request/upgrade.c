#include "streamer/request/upgrade.h"

#include "shared/base/base64.h"
#include "shared/base/digest.h"
#include "streamer/request/header_value.h"

enum {
    /* Base64 of 16 bytes. */
    KEY_SIZE = 24,
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

static bool subprotocols_are_good(struct bytes list)
{
    for (struct bytes name; (name = header_value_take_element(&list)).data;)
        if (!header_value_is_token(name) || name.size > UPGRADE_SUBPROTOCOL_MAX)
            return false;
    return true;
}

struct refusal upgrade_check(const struct upgrade_request *request)
{
    if (!request->is_get)
        return (struct refusal){ 405, "a WebSocket begins with GET" };
    if (request->host.size == 0)
        return (struct refusal){ 400, "no Host" };
    if (!list_has(request->connection, "upgrade"))
        return (struct refusal){ 400, "Connection does not say Upgrade" };
    if (!bytes_equal_string(header_value_trim(request->version), "13"))
        return (struct refusal){ 426, "the version of WebSocket is 13" };
    if (!is_key(request->key))
        return (struct refusal){ 400, "Sec-WebSocket-Key is not 16 bytes in base64" };
    if (!subprotocols_are_good(request->subprotocols))
        return (struct refusal){ 400, "Sec-WebSocket-Protocol is too long or no list of names" };
    return (struct refusal){ 0 };
}

/* Proof that the request was understood (RFC 6455 section 4.2.2). */
static void write_accept(struct buffer *out, struct bytes key)
{
    const struct bytes pieces[] = {
        key,
        bytes_of_string("258EAFA5-E914-47DA-95CA-C5AB0DC85B11"),
    };
    uint8_t hash[SHA1_SIZE];
    struct digest *digest = digest_create(DIGEST_SHA1);
    digest_pieces(digest, hash, pieces, sizeof pieces / sizeof *pieces);
    digest_destroy(digest);
    base64_encode(out, bytes_of(hash, sizeof hash));
}

void upgrade_write_fields(struct buffer *out, const struct upgrade_request *request)
{
    struct bytes offered = request->subprotocols;
    struct bytes first = header_value_take_element(&offered);
    buffer_append_string(out, "Upgrade: websocket\r\n"
                              "Connection: Upgrade\r\n"
                              "Sec-WebSocket-Accept: ");
    write_accept(out, request->key);
    buffer_append_string(out, "\r\n");
    if (!first.size)
        return;
    buffer_append_string(out, "Sec-WebSocket-Protocol: ");
    buffer_append_bytes(out, first);
    buffer_append_string(out, "\r\n");
}
