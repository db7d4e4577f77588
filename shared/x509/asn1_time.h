/* UTCTime and GeneralizedTime (X.680 sections 46 and 47) as seconds since 1970, in 64 bits on every
 * machine. */
#ifndef SHARED_X509_ASN1_TIME_H
#define SHARED_X509_ASN1_TIME_H

#include <stdbool.h>
#include <stdint.h>

#include "shared/base/bytes.h"

/* Reads a time of the type that `tag` says: UTCTime means 1950 to 2049 (RFC 5280 section
 * 4.1.2.5.1), GeneralizedTime the years 0 to 9999. Seconds may be missing, the zone may be an
 * offset, a GeneralizedTime may have a fraction, which is cut off. False for everything else, also
 * for days that do not exist and times without a zone. */
bool asn1_time_read(int64_t *seconds, uint8_t tag, struct bytes text);

#endif
