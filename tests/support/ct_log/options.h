/* The command line of local-ct-log. */
#ifndef CT_LOG_OPTIONS_H
#define CT_LOG_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

/* Faster than this no log has ever grown. */
#define OPTIONS_RATE_MAX 1e6

struct options {
    const char *listen;
    const char *name; /* NULL: as `listen` */
    const char *seed;
    const char *operator_name;
    const char *entries; /* NULL: made up */
    const char *state;   /* NULL: none is kept */
    uint64_t port;
    uint64_t size;
    bool has_size;
    uint64_t max_size;
    uint64_t page;
    uint64_t publish_interval_ms;
    double rate;
    bool is_aligned;
    bool has_gzip;
    bool drops_partials;
    bool has_one_key;
    bool has_wrong_index;
    uint64_t wrong_index;
    bool is_hybrid; /* the RFC 6962 view has full data tiles as well */
    uint64_t cosignatures;
    bool serves_rfc6962;
    bool serves_tiled;
};

enum options_result {
    OPTIONS_READY,
    OPTIONS_STOP,  /* --help was printed */
    OPTIONS_WRONG, /* said on standard error */
};

/* Texts are borrowed from `arguments`. */
enum options_result options_read(struct options *options, int count, char **arguments);

#endif
