#include "shared/message/message_view.h"

#include "shared/base/hex.h"

enum {
    SHA1_TEXT = 3 * SHA1_SIZE - 1, /* "AB:CD:…" */
    SHA256_TEXT = 3 * SHA256_SIZE - 1,
};

#define LITERAL(text) bytes_of(text, sizeof(text) - 1)

static struct bytes skip(struct bytes text, size_t size)
{
    return bytes_of(text.data + size, text.size - size);
}

static bool take_literal(struct bytes *rest, struct bytes literal)
{
    if (rest->size < literal.size || memcmp(rest->data, literal.data, literal.size) != 0)
        return false;
    *rest = skip(*rest, literal.size);
    return true;
}

static bool ends_with(struct bytes text, struct bytes literal)
{
    return text.size >= literal.size &&
           memcmp(text.data + text.size - literal.size, literal.data, literal.size) == 0;
}

/* Takes it off the end. */
static bool take_end(struct bytes *text, struct bytes literal)
{
    if (!ends_with(*text, literal))
        return false;
    text->size -= literal.size;
    return true;
}

/* Braces are few in a message, and the processor finds them many bytes at a time. So the objects
 * are looked for by theirs: goes on behind the first one that ends `literal`. */
static bool find_object(struct bytes *rest, struct bytes literal)
{
    const uint8_t *at;
    const uint8_t *start = rest->data;
    for (struct bytes left = *rest;
         left.size > 0 && (at = memchr(left.data, '{', left.size)) != NULL;
         left = skip(left, (size_t)(at - left.data) + 1)) {
        size_t size = (size_t)(at - start) + 1;
        if (!ends_with(bytes_of(start, size), literal))
            continue;
        *rest = skip(*rest, size);
        return true;
    }
    return false;
}

/* The last one: `before` ends where `literal` begins. */
static bool find_last_object(struct bytes json, struct bytes literal, struct bytes *before)
{
    const uint8_t *at;
    for (*before = json;
         before->size > 0 && (at = memrchr(before->data, '{', before->size)) != NULL;
         before->size--) {
        before->size = (size_t)(at - before->data) + 1;
        if (take_end(before, literal))
            return true;
    }
    return false;
}

/* Goes on behind the first `literal`. */
static bool find_member(struct bytes *rest, struct bytes literal)
{
    if (!rest->size)
        return false;
    const uint8_t *at = memmem(rest->data, rest->size, literal.data, literal.size);
    if (!at)
        return false;
    *rest = skip(*rest, (size_t)(at - rest->data) + literal.size);
    return true;
}

/* An even number of backslashes before a quote are escaped backslashes, and the quote ends the
 * string. */
static bool is_escaped(struct bytes text, size_t at)
{
    size_t backslashes = 0;
    while (backslashes < at && text.data[at - backslashes - 1] == '\\')
        backslashes++;
    return backslashes % 2;
}

/* The inside of a string whose opening quote has been taken; takes the closing one. */
static bool take_string(struct bytes *rest, struct bytes *string)
{
    size_t at = 0;
    while (at < rest->size) {
        const uint8_t *quote = memchr(rest->data + at, '"', rest->size - at);
        if (!quote)
            return false;
        at = (size_t)(quote - rest->data);
        if (!is_escaped(*rest, at)) {
            *string = bytes_of(rest->data, at);
            *rest = skip(*rest, at + 1);
            return true;
        }
        at++;
    }
    return false;
}

static bool take_string_or_null(struct bytes *rest, struct bytes *string)
{
    *string = (struct bytes){ 0 };
    if (take_literal(rest, LITERAL("null")))
        return true;
    return take_literal(rest, LITERAL("\"")) && take_string(rest, string);
}

bool message_view_is_precertificate(struct bytes json)
{
    return take_literal(&json, LITERAL("{\"message_type\":\"certificate_update\",\"data\":"
                                       "{\"update_type\":\"PrecertLogEntry\","));
}

bool message_view_source(struct bytes json, struct message_source_view *source)
{
    return find_object(&json, LITERAL(",\"source\":{")) &&
           take_literal(&json, LITERAL("\"name\":\"")) && take_string(&json, &source->name) &&
           take_literal(&json, LITERAL(",\"url\":\"")) && take_string(&json, &source->url) &&
           take_literal(&json, LITERAL(",\"operator\":\"")) &&
           take_string(&json, &source->operator_name) &&
           take_literal(&json, LITERAL(",\"log_id\":\"")) && take_string(&json, &source->type) &&
           take_literal(&json, LITERAL(",\"type\":\"")) && take_string(&json, &source->type);
}

static bool find_issuer(struct bytes *rest)
{
    struct bytes literal = LITERAL(",\"issuer\":{");
    struct bytes before;
    if (!find_last_object(*rest, literal, &before))
        return false;
    *rest = skip(*rest, before.size + literal.size);
    return take_literal(rest, LITERAL("\"C\":"));
}

static bool take_issuer(struct bytes *rest, struct message_issuer_view *issuer)
{
    struct bytes other;
    return take_string_or_null(rest, &other) && take_literal(rest, LITERAL(",\"CN\":")) &&
           take_string_or_null(rest, &issuer->common_name) &&
           take_literal(rest, LITERAL(",\"L\":")) && take_string_or_null(rest, &other) &&
           take_literal(rest, LITERAL(",\"O\":")) &&
           take_string_or_null(rest, &issuer->organization);
}

bool message_view_issuer(struct bytes json, struct message_issuer_view *issuer)
{
    return find_issuer(&json) && take_issuer(&json, issuer);
}

/* Takes digits. False if there are none, or more than a time or a size has. */
static bool take_number(struct bytes *rest, uint64_t *number)
{
    enum {
        DIGITS_MAX = 18
    };
    size_t size = 0;
    *number = 0;
    while (size < rest->size && size <= DIGITS_MAX && rest->data[size] >= '0' &&
           rest->data[size] <= '9')
        *number = 10 * *number + (uint64_t)(rest->data[size++] - '0');
    *rest = skip(*rest, size);
    return size > 0 && size <= DIGITS_MAX;
}

static bool take_time(struct bytes *rest, int64_t *time)
{
    uint64_t number;
    bool is_negative = take_literal(rest, LITERAL("-"));
    if (!take_number(rest, &number))
        return false;
    *time = is_negative ? -(int64_t)number : (int64_t)number;
    return true;
}

/* They stand right behind the issuer, of which the rest is passed over. */
static bool find_times(struct bytes *rest)
{
    const uint8_t *end;
    while (rest->size > 0 && (end = memchr(rest->data, '}', rest->size)) != NULL) {
        *rest = skip(*rest, (size_t)(end - rest->data) + 1);
        if (take_literal(rest, LITERAL(",\"not_after\":")))
            return true;
    }
    return false;
}

static bool take_times(struct bytes *rest, struct message_certificate_view *certificate)
{
    return take_time(rest, &certificate->not_after) &&
           take_literal(rest, LITERAL(",\"not_before\":")) &&
           take_time(rest, &certificate->not_before);
}

/* Stops where the rest is not of the form: what was found until then counts. */
static void take_key(struct bytes *rest, struct message_certificate_view *certificate)
{
    if (!take_string_or_null(rest, &certificate->key_type))
        return;
    if (take_literal(rest, LITERAL(",\"bits\":")) && !take_number(rest, &certificate->key_bits))
        certificate->key_bits = 0;
    if (take_literal(rest, LITERAL(",\"curve\":")))
        (void)take_string_or_null(rest, &certificate->key_curve);
}

/* The extensions stand between the names and the issuer. */
static struct bytes find_policies(struct bytes json, struct bytes behind)
{
    struct bytes policies = { 0 };
    struct bytes before = bytes_of(json.data, json.size - behind.size);
    if (find_member(&before, LITERAL("\"certificatePolicies\":\"")))
        (void)take_string(&before, &policies);
    return policies;
}

bool message_view_certificate(struct bytes json, struct message_certificate_view *certificate)
{
    struct bytes rest = json;
    *certificate = (struct message_certificate_view){ 0 };
    if (!find_issuer(&rest))
        return false;
    certificate->policies = find_policies(json, rest);
    if (!take_issuer(&rest, &certificate->issuer) || !find_times(&rest))
        return false;
    certificate->has_lifetime = take_times(&rest, certificate);
    if (find_object(&rest, LITERAL(",\"public_key\":{")) &&
        take_literal(&rest, LITERAL("\"type\":")))
        take_key(&rest, certificate);
    return true;
}

static bool take_fingerprint(struct bytes *rest, uint8_t *out, size_t size)
{
    size_t text_size = 3 * size - 1;
    if (rest->size < text_size || !hex_decode_parted(out, size, bytes_of(rest->data, text_size)))
        return false;
    *rest = skip(*rest, text_size);
    return true;
}

/* They stand before the last object but for the algorithm's name between, which has no quotes in
 * it: no search has to go far. Answers them and what stands around them. */
static bool find_fingerprints(struct bytes json, struct bytes *found)
{
    static const size_t size = sizeof ",\"sha1\":\"" - 1 + SHA1_TEXT + sizeof "\",\"sha256\":\"" -
                               1 + SHA256_TEXT + sizeof "\"" - 1;
    struct bytes before;
    if (!find_last_object(json, LITERAL(",\"subject\":{"), &before))
        return false;
    if (take_end(&before, LITERAL("\""))) {
        const uint8_t *quote = memrchr(before.data, '"', before.size);
        before.size = quote ? (size_t)(quote - before.data) : 0;
    } else if (!take_end(&before, LITERAL("null"))) {
        return false;
    }
    if (!take_end(&before, LITERAL(",\"signature_algorithm\":")) || before.size < size)
        return false;
    *found = skip(before, before.size - size);
    return true;
}

bool message_view_fingerprints(struct bytes json, struct message_fingerprints *fingerprints)
{
    struct bytes rest;
    fingerprints->has_tbs = false;
    return find_fingerprints(json, &rest) && take_literal(&rest, LITERAL(",\"sha1\":\"")) &&
           take_fingerprint(&rest, fingerprints->sha1, SHA1_SIZE) &&
           take_literal(&rest, LITERAL("\",\"sha256\":\"")) &&
           take_fingerprint(&rest, fingerprints->sha256, SHA256_SIZE) &&
           take_literal(&rest, LITERAL("\""));
}

static size_t write_utf8(uint8_t *out, uint32_t character)
{
    if (character < 0x80) {
        out[0] = (uint8_t)character;
        return 1;
    }
    if (character < 0x800) {
        out[0] = (uint8_t)(0xc0 | character >> 6);
        out[1] = (uint8_t)(0x80 | (character & 0x3f));
        return 2;
    }
    out[0] = (uint8_t)(0xe0 | character >> 12);
    out[1] = (uint8_t)(0x80 | (character >> 6 & 0x3f));
    out[2] = (uint8_t)(0x80 | (character & 0x3f));
    return 3;
}

static uint8_t letter_of(uint8_t escape)
{
    switch (escape) {
    case 'b': return '\b';
    case 'f': return '\f';
    case 'n': return '\n';
    case 'r': return '\r';
    case 't': return '\t';
    case '"':
    case '\\':
    case '/': return escape;
    default: return 0;
    }
}

/* One escape at the start of `text`; answers how much of it was read, 0 if it is none. Our writer's
 * \u are control characters, never halves of a pair. */
static size_t unescape(uint8_t *out, size_t *written, struct bytes text)
{
    uint8_t code[2];
    if (text.size >= 6 && text.data[1] == 'u' && hex_decode(code, 2, bytes_of(text.data + 2, 4))) {
        *written += write_utf8(out + *written, (uint32_t)code[0] << 8 | code[1]);
        return 6;
    }
    uint8_t letter = text.size >= 2 ? letter_of(text.data[1]) : 0;
    if (!letter)
        return 0;
    out[(*written)++] = letter;
    return 2;
}

size_t message_view_unescape(uint8_t *out, struct bytes text)
{
    size_t written = 0;
    while (text.size > 0) {
        size_t taken = text.data[0] == '\\' ? unescape(out, &written, text) : 0;
        if (!taken) {
            out[written++] = text.data[0];
            taken = 1;
        }
        text = skip(text, taken);
    }
    return written;
}
