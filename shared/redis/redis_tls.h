/*
 * TLS on a connection to Redis, where hiredis has it (redis_address_parse refuses addresses with
 * TLS where it has not). The server's certificate has to be valid for the host's name as it stands
 * in the address.
 */
#ifndef SHARED_REDIS_REDIS_TLS_H
#define SHARED_REDIS_REDIS_TLS_H

struct redisContext;
struct redis_tls_files;

/* Has to be called on a connection that was just begun. The files are read anew each time, so that
 * a renewed certificate is taken. NULL, or a text that says what is wrong and lives as long as the
 * connection. `complaint`, which outlives the connection, becomes a constant text when the server's
 * certificate is not accepted: hiredis has no word for that. */
const char *redis_tls_begin(struct redisContext *context, const struct redis_tls_files *files,
                            const char *host, const char **complaint);

#endif
