/*
 * Names below .test are this machine, for a program that has this library in LD_PRELOAD; and while
 * the file that CERTSTREAM_NO_NAMES names is there, no name server answers.
 */
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* libc declares its parameters with names that are its own. */
int getaddrinfo(const char *restrict node, const char *restrict service,
                const struct addrinfo *restrict hints, struct addrinfo **restrict result)
{
    static const char suffix[] = ".test";
    int (*libc)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
    void *found = dlsym(RTLD_NEXT, "getaddrinfo");
    memcpy(&libc, &found, sizeof libc);
    size_t size = node ? strlen(node) : 0;
    if (size < strlen(suffix) || strcmp(node + size - strlen(suffix), suffix) != 0)
        return libc(node, service, hints, result);
    const char *gone = getenv("CERTSTREAM_NO_NAMES");
    return gone && access(gone, F_OK) == 0 ? EAI_AGAIN : libc("127.0.0.1", service, hints, result);
}
