#include "streamer/tail/tail_settings.h"

#include <ctype.h>
#include <string.h>

#include "streamer/tail/server_url.h"

#define FIELD(name) offsetof(struct tail_settings, name)

static const char *check_url(const char *value)
{
    struct server_url url;
    return server_url_read(&url, value);
}

static const char *check_format(const char *value)
{
    bool good =
        strcmp(value, "line") == 0 || strcmp(value, "json") == 0 || strcmp(value, "csv") == 0;
    return good ? NULL : "neither line, json nor csv";
}

/* What is meant is judged by the server. */
static const char *check_since(const char *value)
{
    size_t size = strspn(value, "0123456789-s");
    return value[size] || size > 48
               ? "not the id of a message (1700000000000-0), seconds (300s), or 0"
               : NULL;
}

static const char *check_cert(const char *value)
{
    size_t digits = 0;
    for (; *value; value++) {
        if (!isxdigit((unsigned char)*value) && *value != ':')
            return "a fingerprint is a SHA-256 or SHA-1 in hex digits";
        digits += *value != ':';
    }
    return digits == 64 || digits == 40 || digits == 0
               ? NULL
               : "a fingerprint has 64 hex digits (SHA-256) or 40 (SHA-1)";
}

static const char *check_token(const char *value)
{
    for (; *value; value++)
        if (!isgraph((unsigned char)*value))
            return "a token is printable ASCII without blanks";
    return NULL;
}

static const struct setting words = {
    .name = "filters",
    .type = SETTING_LIST,
    .offset = FIELD(filters),
    .value_name = "FILTER",
    .help = "domain=.example.com, match=shop, regex=…, issuer=…, log=…, operator=…, type=cert, "
            "unique=1 (streamer/README.md); a word alone is a match",
};

static const struct setting table[] = {
    { .name = "url",
      .type = SETTING_TEXT,
      .offset = FIELD(url),
      .default_text = "ws://127.0.0.1:4000/",
      .value_name = "URL",
      .help = "the server: ws://, wss://, http:// or https://; any CertStream server will do",
      .check = check_url },
    { .name = "full",
      .type = SETTING_FLAG,
      .offset = FIELD(full),
      .help = "certificates with chain and DER (seen with --format json)" },
    { .name = "domains",
      .type = SETTING_FLAG,
      .offset = FIELD(domains),
      .help = "only the names of each certificate" },
    { .name = "names",
      .type = SETTING_FLAG,
      .offset = FIELD(names),
      .help = "one line for each name, instead of one for each certificate" },
    { .name = "since",
      .type = SETTING_TEXT,
      .offset = FIELD(since),
      .value_name = "WHEN",
      .help = "begin in the past: 300s, the id of a message, or 0 for all that the server holds",
      .check = check_since },
    { .name = "format",
      .type = SETTING_TEXT,
      .offset = FIELD(format),
      .default_text = "line",
      .value_name = "line|json|csv",
      .help = "line: columns on a terminal, tabs between in a pipe; json: the messages as they "
              "come; csv: with a header",
      .check = check_format },
    { .name = "token",
      .type = SETTING_TEXT,
      .offset = FIELD(token),
      .value_name = "TOKEN",
      .help = "for a server that asks for one; better as the variable CERTSTREAM_TOKEN, which no "
              "list of processes shows",
      .is_secret = true,
      .check = check_token },
    { .name = "ca",
      .type = SETTING_TEXT,
      .offset = FIELD(ca),
      .value_name = "FILE",
      .help = "certificates (PEM) to trust instead of the system's" },
    { .name = "cert",
      .type = SETTING_TEXT,
      .offset = FIELD(cert),
      .value_name = "HASH",
      .help = "print the full message of this certificate, by SHA-256 or SHA-1, and exit",
      .check = check_cert },
};

const struct settings_program tail_settings_program = {
    .name = "certstream-tail",
    .summary = "Prints certificates as a CertStream server sends them, a line each.",
    .table = table,
    .count = sizeof table / sizeof *table,
    .words = &words,
};
