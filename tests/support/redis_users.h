/* The users of redis/users.acl for a test's own Redis. */
#ifndef TESTS_SUPPORT_REDIS_USERS_H
#define TESTS_SUPPORT_REDIS_USERS_H

/* Writes a file for --aclfile: the users as they are shipped, each with the password "secret", but
 * a default user for the test itself, who may do everything. */
void redis_users_write(const char *path);

#endif
