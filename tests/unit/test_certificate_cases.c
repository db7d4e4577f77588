/*
 * Small certificates that were once read wrongly, kept beside the checkout: what each must show.
 * The test is skipped where they are not at hand.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "shared/message/certificate_json.h"
#include "shared/x509/certificate.h"
#include "tests/unit/corpus.h"

enum {
    JSON_LIMIT = 1 << 20,
    PATH_SIZE = 1024,
};

struct known_case {
    const char *name;
    const char *members[3];
};

static const struct known_case cases[] = {
    { "05-eku-wrong-tag-inside.der",
      { "\"extendedKeyUsage\":\"TLS Web Server Authentication, TLS Web Client Authentication\"" } },
    { "06-trailing-dot.der", { "\"all_domains\":[\"vm1.example.net.\",\"*.lab.example.net.\"]" } },
    { "08-two-cn-no-san.der",
      { "\"all_domains\":[\"first.example.net\",\"second.example.net\"]",
        "\"CN\":\"second.example.net\"" } },
    { "23-san-constructed-octets.der",
      { "\"subjectAltName\":\"DNS:constructed.example.org\"",
        "\"all_domains\":[\"constructed.example.org\",\"www.example.org\"]" } },
    { "24-nul-prefix.der",
      { "\"all_domains\":[\"www.bank.example\\u0000.evil.example\"]",
        "\"subjectAltName\":\"DNS:www.bank.example\\u0000.evil.example\"",
        "\"CN\":\"www.bank.example\\u0000.evil.example\"" } },
};

static void check_case(struct certificate *certificate, const struct known_case *known)
{
    char path[PATH_SIZE];
    (void)snprintf(path, sizeof path, "../cases/%s", known->name);
    struct buffer json;
    buffer_init(&json, JSON_LIMIT);
    struct buffer der = corpus_read(path);
    (void)certificate_parse(certificate, buffer_bytes(&der));
    certificate_json_write(&json, certificate, CERTIFICATE_DIALECT_CERTSTREAM, false);
    buffer_append_byte(&json, 0);
    for (size_t i = 0; i < 3 && known->members[i]; i++)
        if (!strstr((const char *)json.data, known->members[i]))
            fail_msg("%s: %s is not in %s", known->name, known->members[i],
                     (const char *)json.data);
    buffer_free(&json);
    buffer_free(&der);
}

static bool has_cases(void)
{
    char path[PATH_SIZE];
    struct stat status;
    if (!corpus_folder())
        return false;
    (void)snprintf(path, sizeof path, "%s/../cases", corpus_folder());
    if (stat(path, &status) == 0)
        return true;
    (void)fprintf(stderr, "no cases at %s: their tests are skipped\n", path);
    return false;
}

static void shows_what_every_case_holds(void **state)
{
    (void)state;
    if (!has_cases())
        skip();
    struct certificate *certificate = certificate_create();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        check_case(certificate, &cases[i]);
    certificate_destroy(certificate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(shows_what_every_case_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
