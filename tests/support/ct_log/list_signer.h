/* Signs the log list as Chrome's is signed: RSA, PKCS#1 v1.5 over SHA-256. Its key is made anew by
 * every process. */
#ifndef CT_LOG_LIST_SIGNER_H
#define CT_LOG_LIST_SIGNER_H

#include "shared/base/buffer.h"

struct list_signer;

/* Takes a moment, for the key. */
struct list_signer *list_signer_create(void);
/* NULL is fine. */
void list_signer_destroy(struct list_signer *signer);

/* Appends the public key as PEM. */
void list_signer_write_key(const struct list_signer *signer, struct buffer *out);
void list_signer_sign(const struct list_signer *signer, struct bytes text, struct buffer *out);

#endif
