/* What clients and proxies write into headers that decide who they are and whether they come in. */
#include <stdlib.h>

#include "shared/base/buffer.h"
#include "streamer/edge/access.h"
#include "streamer/edge/forwarded.h"
#include "streamer/edge/token_set.h"
#include "streamer/request/upgrade.h"
#include "tests/fuzz/fuzz.h"

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* What a client makes up stands left of what the proxies add, and never changes whom they name. */
static void try_hops(struct bytes text)
{
    static char ipv4[] = "10.0.0.0/8";
    static char ipv6[] = "2001:db8::/32";
    static char *const items[] = { ipv4, ipv6 };
    struct trusted_proxies proxies = trusted_proxies_of(items, 2);
    struct address client = forwarded_client(&proxies, text);
    struct buffer forged;
    buffer_init(&forged, text.size + 16);
    buffer_append_string(&forged, "198.51.100.7,");
    buffer_append_bytes(&forged, text);
    struct address again = forwarded_client(&proxies, buffer_bytes(&forged));
    if (client.is_known && !trusted_proxies_have(&proxies, client))
        check(address_equal(again, client));
    buffer_free(&forged);
    trusted_proxies_clear(&proxies);
}

static void try_addresses(struct bytes text)
{
    struct address_range range;
    if (address_range_parse(&range, text)) {
        char written[ADDRESS_TEXT_SIZE];
        struct address again;
        check(address_range_contains(&range, range.first));
        check(address_parse(&again, bytes_of_string(address_format(written, range.first))));
        check(address_equal(again, range.first));
    }
    try_hops(text);
}

static void try_upgrade(struct bytes text)
{
    struct upgrade_request request = {
        .is_get = true,
        .host = text,
        .connection = text,
        .version = bytes_of_string("13"),
        .key = bytes_of_string("dGhlIHNhbXBsZSBub25jZQ=="),
        .subprotocols = text,
    };
    struct buffer out;
    buffer_init(&out, 4096);
    if (!upgrade_check(&request).status) {
        upgrade_write_fields(&out, &request);
        check(!out.failed && !memmem(out.data, out.size, "\r\n\r\n", 4));
    }
    request.version = request.key = text;
    struct refusal refusal = upgrade_check(&request);
    buffer_clear(&out);
    if (refusal.status)
        refusal_write(&out, refusal, false, 0);
    check(!out.failed);
    buffer_free(&out);
}

static void try_access(struct bytes text)
{
    static char page[] = "https://dash.example";
    static char *const origins[] = { page };
    struct token_set *tokens = token_set_create();
    size_t line;
    (void)token_set_add_lines(tokens, text, &line);
    if (token_set_count(tokens) == 0)
        check(!token_set_has(tokens, text));
    (void)token_set_add(tokens, bytes_of_string("the-only-token-there-is"));
    struct access access = { tokens, origins, 1, NULL, 0 };
    struct access_request request = {
        .path = text,
        .authorization = text,
        .token = text,
        .origin = text,
        .host = bytes_of_string("stream.example"),
    };
    struct refusal refusal = access_decide(&access, &request);
    check(refusal.status == 0 || refusal.status == 401 || refusal.status == 403);
    token_set_destroy(tokens);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes text = bytes_of(data, size);
    try_addresses(text);
    try_upgrade(text);
    try_access(text);
    return 0;
}
