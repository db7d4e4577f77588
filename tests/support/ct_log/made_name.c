#include "tests/support/ct_log/made_name.h"

#include <stdio.h>

#include "tests/support/seeded_random.h"

enum {
    /* Leaves room for a host before it. */
    DOMAIN_SIZE = 80
};

static const char *const words[] = {
    "alder",  "amber", "anchor", "atlas",   "autohaus", "baker",      "beacon", "birch",  "blog",
    "bridge", "canal", "cedar",  "clinic",  "cloud",    "copper",     "dental", "design", "drift",
    "ember",  "event", "falcon", "finance", "fit",      "flora",      "foto",   "garden", "gold",
    "harbor", "hotel", "immo",   "iris",    "kids",     "kitchen",    "law",    "lumen",  "maison",
    "market", "media", "mobile", "moto",    "music",    "north",      "nova",   "ocean",  "orbit",
    "paper",  "pixel", "plus",   "pro",     "quartz",   "restaurant", "river",  "school", "shop",
    "silver", "solar", "spark",  "sport",   "studio",   "tech",       "tiger",  "travel", "urban",
    "vector", "vital", "web",    "wine",    "yoga",
};

static const char *const endings[] = {
    "com", "com",    "com",   "com",  "com",    "com",    "net", "org",        "de",
    "de",  "co.uk",  "fr",    "nl",   "com.br", "ru",     "in",  "io",         "dev",
    "app", "online", "store", "shop", "xyz",    "com.au", "it",  "xn--p1ai",   "eu",
    "pl",  "co.jp",  "cloud", "ch",   "se",     "info",   "biz", "xn--fiqs8s", "ca",
};

static const char *const hosts[] = {
    "www",     "mail",    "api",   "dev",          "staging", "shop",  "blog",   "cpanel",
    "webmail", "webdisk", "admin", "autodiscover", "cdn",     "app",   "portal", "vpn",
    "m",       "test",    "ftp",   "git",          "static",  "login", "status", "grafana",
};

/* Real A-labels: a decoder must not trip over them. */
static const char *const a_labels[] = {
    "xn--mnchen-3ya", "xn--caf-dma", "xn--bcher-kva",
    "xn--80ak6aa92e", "xn--fsqu00a", "xn--hxt814e",
};

/* May stand at most once in an expression: the order in which arguments are evaluated is the
 * compiler's. */
#define PICK(list, random) (list)[seeded_random_below(random, sizeof(list) / sizeof *(list))]

/* Shares are in percent; the last row takes what is left. */
static const struct {
    unsigned percent;
    size_t least, most;
} counts[] = {
    { 55, 1, 1 }, { 29, 2, 2 }, { 8, 3, 3 }, { 5, 4, 10 }, { 2, 11, 40 }, { 1, 41, MADE_NAMES_MAX },
};

static size_t draw_count(struct seeded_random *random)
{
    uint64_t percent = seeded_random_below(random, 100);
    size_t row = 0;
    while (row + 1 < sizeof counts / sizeof *counts && percent >= counts[row].percent)
        percent -= counts[row++].percent;
    return counts[row].least +
           seeded_random_below(random, counts[row].most - counts[row].least + 1);
}

static void write_domain(char *domain, struct seeded_random *random)
{
    const char *word = PICK(words, random);
    const char *ending = PICK(endings, random);
    switch (seeded_random_below(random, 20)) {
    case 0:
        (void)snprintf(domain, DOMAIN_SIZE, "%s.%s.%s", PICK(a_labels, random), MADE_NAME_MARK,
                       ending);
        return;
    case 1:
    case 2:
        (void)snprintf(domain, DOMAIN_SIZE, "%s-%s.eu-west-1.elb.%s-hosting.example", word,
                       MADE_NAME_MARK, PICK(words, random));
        return;
    case 3: (void)snprintf(domain, DOMAIN_SIZE, "%s.%s", MADE_NAME_MARK, ending); return;
    default: (void)snprintf(domain, DOMAIN_SIZE, "%s-%s.%s", word, MADE_NAME_MARK, ending);
    }
}

static void write_host(char *name, const char *host, const char *domain)
{
    (void)snprintf(name, MADE_NAME_SIZE, "%s%s%s", host, *host ? "." : "", domain);
}

/* The second name of a domain: mostly www, often the wildcard. */
static void write_sibling(char *name, const char *domain, struct seeded_random *random)
{
    write_host(name, seeded_random_below(random, 3) == 0 ? "*" : "www", domain);
}

static void write_single(char *name, struct seeded_random *random)
{
    char domain[DOMAIN_SIZE];
    write_domain(domain, random);
    uint64_t draw = seeded_random_below(random, 5);
    write_host(name, draw < 2 ? "" : draw == 2 ? "*" : PICK(hosts, random), domain);
}

/* The number keeps them apart whatever else is drawn. */
static void write_one_of_many(char *name, size_t number, struct seeded_random *random)
{
    const char *host = PICK(hosts, random);
    const char *word = PICK(words, random);
    const char *ending = PICK(endings, random);
    (void)snprintf(name, MADE_NAME_SIZE, "%s%zu.%s-%s.%s", host, number, word, MADE_NAME_MARK,
                   ending);
}

size_t made_name_write_all(char (*names)[MADE_NAME_SIZE], struct seeded_random *random)
{
    size_t count = draw_count(random);
    if (count == 1) {
        write_single(names[0], random);
        return 1;
    }
    char domain[DOMAIN_SIZE];
    write_domain(domain, random);
    write_host(names[0], "", domain);
    write_sibling(names[1], domain, random);
    for (size_t i = 2; i < count; i++)
        write_one_of_many(names[i], i, random);
    return count;
}
