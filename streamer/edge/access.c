#include "streamer/edge/access.h"

#include "streamer/edge/address.h"
#include "streamer/edge/token_set.h"
#include "streamer/request/header_value.h"

static const char *const open_paths[] = { "/healthz", "/readyz" };

static bool is_open(struct bytes path)
{
    for (size_t i = 0; i < sizeof open_paths / sizeof *open_paths; i++)
        if (bytes_equal_string(path, open_paths[i]))
            return true;
    return false;
}

bool access_is_health(struct bytes path)
{
    return is_open(path) || bytes_equal_string(path, "/metrics");
}

static bool starts_with(struct bytes text, const char *start)
{
    size_t size = strlen(start);
    return text.size >= size &&
           header_value_equal(bytes_of(text.data, size), bytes_of_string(start));
}

const char *access_check_origin(const char *origin)
{
    struct bytes text = bytes_of_string(origin);
    size_t scheme = starts_with(text, "http://")    ? strlen("http://")
                    : starts_with(text, "https://") ? strlen("https://")
                                                    : 0;
    if (!scheme || text.size == scheme)
        return "not as https://example.com or http://example.com:8080";
    if (strpbrk(origin + scheme, "/?# \t*"))
        return "an origin ends after its host and port";
    return NULL;
}

/* What stands behind the scheme. */
static struct bytes host_of(struct bytes origin)
{
    size_t scheme = starts_with(origin, "http://")    ? strlen("http://")
                    : starts_with(origin, "https://") ? strlen("https://")
                                                      : 0;
    return scheme ? bytes_of(origin.data + scheme, origin.size - scheme) : (struct bytes){ 0 };
}

/* An address, or localhost: names that nobody else can make lead here. */
static bool is_own_name(struct bytes host)
{
    struct address address;
    const uint8_t *end =
        host.size ? memchr(host.data, host.data[0] == '[' ? ']' : ':', host.size) : NULL;
    struct bytes name = bytes_of(host.data, end ? (size_t)(end - host.data) : host.size);
    if (name.size && name.data[0] == '[')
        name = bytes_of(name.data + 1, name.size - 1);
    return header_value_equal(name, bytes_of_string("localhost")) || address_parse(&address, name);
}

/* The page is the streamer's own if it comes from where it was asked for. But a name says that only
 * if it is proven: any page can have its own name lead to our address (DNS rebinding), and then its
 * Origin is the Host. */
static bool is_own_page(const struct access_request *request)
{
    struct bytes host = host_of(request->origin);
    return host.size && header_value_equal(host, request->host) &&
           (request->is_over_tls || is_own_name(host));
}

static bool has_origin(char *const *origins, size_t count, struct bytes origin)
{
    for (size_t i = 0; i < count; i++)
        if (header_value_equal(origin, bytes_of_string(origins[i])))
            return true;
    return false;
}

static bool origin_is_welcome(const struct access *access, const struct access_request *request)
{
    /* Only browsers send an origin, and they are who it protects. */
    if (access->origin_count == 0 || !request->origin.data)
        return true;
    return is_own_page(request) ||
           has_origin(access->own_origins, access->own_origin_count, request->origin) ||
           has_origin(access->origins, access->origin_count, request->origin);
}

bool access_is_no_page(const struct access_request *request)
{
    return !request->origin.data && (request->is_over_tls || is_own_name(request->host));
}

static bool has_dot(struct bytes name)
{
    return name.size && memchr(name.data, '.', name.size);
}

bool access_is_own_host(const struct access *access, const struct access_request *request)
{
    struct bytes host = request->host;
    if (!host.data || request->is_over_tls || is_own_name(host) || !has_dot(host))
        return true;
    for (size_t i = 0; i < access->own_origin_count; i++)
        if (header_value_equal(host, host_of(bytes_of_string(access->own_origins[i]))))
            return true;
    return false;
}

/* The token of "Bearer <token>" (RFC 6750 section 2.1). */
static struct bytes bearer_of(struct bytes authorization)
{
    static const char scheme[] = "Bearer ";
    if (!starts_with(authorization, scheme))
        return (struct bytes){ 0 };
    struct bytes token =
        bytes_of(authorization.data + sizeof scheme - 1, authorization.size - (sizeof scheme - 1));
    while (token.size && token.data[0] == ' ')
        token = bytes_of(token.data + 1, token.size - 1);
    return token;
}

static struct bytes token_of(const struct access_request *request)
{
    struct bytes token = bearer_of(request->authorization);
    return token.data ? token : request->token;
}

const struct token_holder *access_holder(const struct access *access,
                                         const struct access_request *request)
{
    const struct token_holder *holder = token_set_find(access->tokens, token_of(request));
    return holder && holder->customer[0] ? holder : NULL;
}

static bool has_token(const struct access *access, const struct access_request *request)
{
    if (token_set_count(access->tokens) == 0 || is_open(request->path) || request->is_preflight)
        return true;
    return token_set_has(access->tokens, token_of(request));
}

struct refusal access_decide(const struct access *access, const struct access_request *request)
{
    if (!origin_is_welcome(access, request))
        return (struct refusal){ 403, "pages of this origin are not welcome here" };
    if (!has_token(access, request))
        return (struct refusal){ 401, "an access token is needed" };
    return (struct refusal){ 0 };
}
