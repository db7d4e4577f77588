#include "shared/x509/object_id.h"

#include "shared/base/reader.h"

#define ROW(id, short_name, long_name)                                   \
    {                                                                    \
        { (const uint8_t *)(id), sizeof(id) - 1 }, short_name, long_name \
    }

/* The rows are in order of size, then of bytes, for the search. The test of this module checks the
 * order and compares each row with OpenSSL. */
// clang-format off
static const struct object_id_name names[] = {
    ROW("\x55\x04\x03", "CN", "commonName"),
    ROW("\x55\x04\x04", "SN", "surname"),
    ROW("\x55\x04\x05", "serialNumber", "serialNumber"),
    ROW("\x55\x04\x06", "C", "countryName"),
    ROW("\x55\x04\x07", "L", "localityName"),
    ROW("\x55\x04\x08", "ST", "stateOrProvinceName"),
    ROW("\x55\x04\x09", "street", "streetAddress"),
    ROW("\x55\x04\x0a", "O", "organizationName"),
    ROW("\x55\x04\x0b", "OU", "organizationalUnitName"),
    ROW("\x55\x04\x0c", "title", "title"),
    ROW("\x55\x04\x0d", "description", "description"),
    ROW("\x55\x04\x0f", "businessCategory", "businessCategory"),
    ROW("\x55\x04\x10", "postalAddress", "postalAddress"),
    ROW("\x55\x04\x11", "postalCode", "postalCode"),
    ROW("\x55\x04\x12", "postOfficeBox", "postOfficeBox"),
    ROW("\x55\x04\x13", "physicalDeliveryOfficeName", "physicalDeliveryOfficeName"),
    ROW("\x55\x04\x14", "telephoneNumber", "telephoneNumber"),
    ROW("\x55\x04\x15", "telexNumber", "telexNumber"),
    ROW("\x55\x04\x16", "teletexTerminalIdentifier", "teletexTerminalIdentifier"),
    ROW("\x55\x04\x17", "facsimileTelephoneNumber", "facsimileTelephoneNumber"),
    ROW("\x55\x04\x19", "internationaliSDNNumber", "internationaliSDNNumber"),
    ROW("\x55\x04\x1a", "registeredAddress", "registeredAddress"),
    ROW("\x55\x04\x1d", "presentationAddress", "presentationAddress"),
    ROW("\x55\x04\x1f", "member", "member"),
    ROW("\x55\x04\x20", "owner", "owner"),
    ROW("\x55\x04\x21", "roleOccupant", "roleOccupant"),
    ROW("\x55\x04\x22", "seeAlso", "seeAlso"),
    ROW("\x55\x04\x29", "name", "name"),
    ROW("\x55\x04\x2a", "GN", "givenName"),
    ROW("\x55\x04\x2b", "initials", "initials"),
    ROW("\x55\x04\x2c", "generationQualifier", "generationQualifier"),
    ROW("\x55\x04\x2d", "x500UniqueIdentifier", "x500UniqueIdentifier"),
    ROW("\x55\x04\x2e", "dnQualifier", "dnQualifier"),
    ROW("\x55\x04\x31", "distinguishedName", "distinguishedName"),
    ROW("\x55\x04\x32", "uniqueMember", "uniqueMember"),
    ROW("\x55\x04\x33", "houseIdentifier", "houseIdentifier"),
    ROW("\x55\x04\x41", "pseudonym", "pseudonym"),
    ROW("\x55\x04\x48", "role", "role"),
    ROW("\x55\x04\x61", "organizationIdentifier", "organizationIdentifier"),
    ROW("\x55\x04\x62", "c3", "countryCode3c"),
    ROW("\x55\x04\x63", "n3", "countryCode3n"),
    ROW("\x55\x04\x64", "dnsName", "dnsName"),
    ROW("\x55\x1d\x20\x00", "anyPolicy", "X509v3 Any Policy"),
    ROW("\x55\x1d\x25\x00", "anyExtendedKeyUsage", "Any Extended Key Usage"),
    ROW("\x2a\x85\x03\x64\x01", "OGRN", "OGRN"),
    ROW("\x2a\x85\x03\x64\x03", "SNILS", "SNILS"),
    ROW("\x2a\x85\x03\x64\x05", "OGRNIP", "OGRNIP"),
    ROW("\x2b\x06\x01\x05\x02\x03\x04", "pkInitClientAuth", "PKINIT Client Auth"),
    ROW("\x2b\x06\x01\x05\x02\x03\x05", "pkInitKDC", "Signing KDC Response"),
    ROW("\x2a\x85\x03\x03\x81\x03\x01\x01", "INN", "INN"),
    ROW("\x2b\x06\x01\x05\x05\x07\x02\x01", "id-qt-cps", "Policy Qualifier CPS"),
    ROW("\x2b\x06\x01\x05\x05\x07\x02\x02", "id-qt-unotice", "Policy Qualifier User Notice"),
    ROW("\x2b\x06\x01\x05\x05\x07\x02\x03", "textNotice", "textNotice"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x01", "serverAuth", "TLS Web Server Authentication"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x02", "clientAuth", "TLS Web Client Authentication"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x03", "codeSigning", "Code Signing"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x04", "emailProtection", "E-mail Protection"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x05", "ipsecEndSystem", "IPSec End System"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x06", "ipsecTunnel", "IPSec Tunnel"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x07", "ipsecUser", "IPSec User"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x08", "timeStamping", "Time Stamping"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x09", "OCSPSigning", "OCSP Signing"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x0a", "DVCS", "dvcs"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x11", "ipsecIKE", "ipsec Internet Key Exchange"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x12", "capwapAC", "Ctrl/provision WAP Access"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x13", "capwapWTP", "Ctrl/Provision WAP Termination"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x15", "secureShellClient", "SSH Client"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x16", "secureShellServer", "SSH Server"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x17", "sendRouter", "Send Router"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x18", "sendProxiedRouter", "Send Proxied Router"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x19", "sendOwner", "Send Owner"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x1a", "sendProxiedOwner", "Send Proxied Owner"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x1b", "cmcCA", "CMC Certificate Authority"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x1c", "cmcRA", "CMC Registration Authority"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x1d", "cmcArchive", "CMC Archive Server"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x1e", "id-kp-bgpsec-router", "BGPsec Router"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x1f", "id-kp-BrandIndicatorforMessageIdentification", "Brand Indicator for Message Identification"),
    ROW("\x2b\x06\x01\x05\x05\x07\x03\x20", "cmKGA", "Certificate Management Key Generation Authority"),
    ROW("\x2b\x06\x01\x05\x05\x07\x08\x01", "id-on-personalData", "id-on-personalData"),
    ROW("\x2b\x06\x01\x05\x05\x07\x08\x03", "id-on-permanentIdentifier", "Permanent Identifier"),
    ROW("\x2b\x06\x01\x05\x05\x07\x08\x05", "id-on-xmppAddr", "XmppAddr"),
    ROW("\x2b\x06\x01\x05\x05\x07\x08\x07", "id-on-dnsSRV", "SRVName"),
    ROW("\x2b\x06\x01\x05\x05\x07\x08\x08", "id-on-NAIRealm", "NAIRealm"),
    ROW("\x2b\x06\x01\x05\x05\x07\x08\x09", "id-on-SmtpUTF8Mailbox", "Smtp UTF8 Mailbox"),
    ROW("\x2b\x06\x01\x05\x05\x07\x09\x01", "id-pda-dateOfBirth", "id-pda-dateOfBirth"),
    ROW("\x2b\x06\x01\x05\x05\x07\x09\x02", "id-pda-placeOfBirth", "id-pda-placeOfBirth"),
    ROW("\x2b\x06\x01\x05\x05\x07\x09\x03", "id-pda-gender", "id-pda-gender"),
    ROW("\x2b\x06\x01\x05\x05\x07\x09\x04", "id-pda-countryOfCitizenship", "id-pda-countryOfCitizenship"),
    ROW("\x2b\x06\x01\x05\x05\x07\x09\x05", "id-pda-countryOfResidence", "id-pda-countryOfResidence"),
    ROW("\x2b\x06\x01\x05\x05\x07\x30\x01", "OCSP", "OCSP"),
    ROW("\x2b\x06\x01\x05\x05\x07\x30\x02", "caIssuers", "CA Issuers"),
    ROW("\x2b\x06\x01\x05\x05\x07\x30\x03", "ad_timestamping", "AD Time Stamping"),
    ROW("\x2b\x06\x01\x05\x05\x07\x30\x04", "AD_DVCS", "ad dvcs"),
    ROW("\x2b\x06\x01\x05\x05\x07\x30\x05", "caRepository", "CA Repository"),
    ROW("\x2b\x06\x01\x05\x05\x07\x30\x0a", "rpkiManifest", "RPKI Manifest"),
    ROW("\x2b\x06\x01\x05\x05\x07\x30\x0b", "signedObject", "Signed Object"),
    ROW("\x2b\x06\x01\x05\x05\x07\x30\x0d", "rpkiNotify", "RPKI Notify"),
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01", "emailAddress", "emailAddress"),
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x02", "unstructuredName", "unstructuredName"),
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x07", "challengePassword", "challengePassword"),
    ROW("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x08", "unstructuredAddress", "unstructuredAddress"),
    ROW("\x60\x86\x48\x01\x86\xf8\x42\x04\x01", "nsSGC", "Netscape Server Gated Crypto"),
    ROW("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", "UID", "userId"),
    ROW("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x03", "mail", "rfc822Mailbox"),
    ROW("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", "DC", "domainComponent"),
    ROW("\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x2c", "uid", "uniqueIdentifier"),
    ROW("\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x15", "msCodeInd", "Microsoft Individual Code Signing"),
    ROW("\x2b\x06\x01\x04\x01\x82\x37\x02\x01\x16", "msCodeCom", "Microsoft Commercial Code Signing"),
    ROW("\x2b\x06\x01\x04\x01\x82\x37\x0a\x03\x01", "msCTLSign", "Microsoft Trust List Signing"),
    ROW("\x2b\x06\x01\x04\x01\x82\x37\x0a\x03\x03", "msSGC", "Microsoft Server Gated Crypto"),
    ROW("\x2b\x06\x01\x04\x01\x82\x37\x0a\x03\x04", "msEFS", "Microsoft Encrypted File System"),
    ROW("\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x02", "msSmartcardLogin", "Microsoft Smartcard Login"),
    ROW("\x2b\x06\x01\x04\x01\x82\x37\x14\x02\x03", "msUPN", "Microsoft User Principal Name"),
    ROW("\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x02", "ct_precert_scts", "CT Precertificate SCTs"),
    ROW("\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x03", "ct_precert_poison", "CT Precertificate Poison"),
    ROW("\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x04", "ct_precert_signer", "CT Precertificate Signer"),
    ROW("\x2b\x06\x01\x04\x01\xd6\x79\x02\x04\x05", "ct_cert_scts", "CT Certificate SCTs"),
    ROW("\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x01", "jurisdictionL", "jurisdictionLocalityName"),
    ROW("\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x02", "jurisdictionST", "jurisdictionStateOrProvinceName"),
    ROW("\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x03", "jurisdictionC", "jurisdictionCountryName"),
};
// clang-format on

enum {
    NAME_COUNT = sizeof names / sizeof *names
};

static int compare(struct bytes a, struct bytes b)
{
    if (a.size != b.size)
        return a.size < b.size ? -1 : 1;
    return a.size ? memcmp(a.data, b.data, a.size) : 0;
}

const struct object_id_name *object_id_find(struct bytes id)
{
    size_t low = 0;
    size_t high = NAME_COUNT;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare(id, names[middle].id);
        if (order == 0)
            return &names[middle];
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

const struct object_id_name *object_id_at(size_t index)
{
    return index < NAME_COUNT ? &names[index] : NULL;
}

/* An arc is in base 128, most significant digit first, with a set top bit where more follows (X.690
 * section 8.19.2). Most fit 64 bits; those made of UUIDs (2.25.n) have 19 octets. */
enum {
    ARC_OCTETS_MAX = 64,
    SHORT_ARC_OCTETS = 9,
    LIMB = 1000000000,
    LIMB_COUNT = (ARC_OCTETS_MAX * 7 + 28) / 29, /* a limb holds more than 29 bits */
};

static struct bytes take_arc(struct reader *reader)
{
    struct bytes rest = reader_rest(reader);
    size_t size = 0;
    while (size < rest.size && rest.data[size] & 0x80)
        size++;
    if (size >= ARC_OCTETS_MAX)
        reader_fail(reader);
    return reader_take(reader, size + 1);
}

static uint64_t short_arc_value(struct bytes arc)
{
    uint64_t value = 0;
    for (size_t i = 0; i < arc.size; i++)
        value = value << 7 | (arc.data[i] & 0x7f);
    return value;
}

/* limbs = limbs * 128 + digit, in base 10^9, least significant first. */
static void shift_in(uint32_t *limbs, uint32_t digit)
{
    uint64_t carry = digit;
    for (size_t i = 0; i < LIMB_COUNT; i++) {
        carry += (uint64_t)limbs[i] * 128;
        limbs[i] = (uint32_t)(carry % LIMB);
        carry /= LIMB;
    }
}

static void subtract(uint32_t *limbs, uint32_t less)
{
    for (size_t i = 0; less && i < LIMB_COUNT; i++) {
        bool borrows = limbs[i] < less;
        limbs[i] = limbs[i] + (borrows ? LIMB : 0) - less;
        less = borrows;
    }
}

static void append_long_arc(struct buffer *out, struct bytes arc, uint32_t less)
{
    uint32_t limbs[LIMB_COUNT] = { 0 };
    for (size_t i = 0; i < arc.size; i++)
        shift_in(limbs, arc.data[i] & 0x7f);
    subtract(limbs, less);
    size_t top = LIMB_COUNT - 1;
    while (top && !limbs[top])
        top--;
    buffer_append_unsigned(out, limbs[top]);
    while (top)
        buffer_append_format(out, "%09u", limbs[--top]);
}

/* The first octets hold two arcs: 40 times the root, which is 0, 1 or 2, plus the second. */
static void append_first_arcs(struct buffer *out, struct bytes arc)
{
    if (arc.size > SHORT_ARC_OCTETS) {
        buffer_append_string(out, "2.");
        append_long_arc(out, arc, 80);
        return;
    }
    uint64_t first = short_arc_value(arc);
    uint64_t root = first < 80 ? first / 40 : 2;
    buffer_append_unsigned(out, root);
    buffer_append_byte(out, '.');
    buffer_append_unsigned(out, first - root * 40);
}

bool object_id_append_dotted(struct buffer *out, struct bytes id)
{
    size_t start = out->size;
    struct reader reader = reader_of(id);
    append_first_arcs(out, take_arc(&reader));
    while (reader.remaining) {
        struct bytes arc = take_arc(&reader);
        buffer_append_byte(out, '.');
        if (arc.size > SHORT_ARC_OCTETS)
            append_long_arc(out, arc, 0);
        else
            buffer_append_unsigned(out, short_arc_value(arc));
    }
    if (!reader_ok(&reader))
        out->size = start;
    return reader_ok(&reader);
}

bool object_id_append_long(struct buffer *out, struct bytes id)
{
    const struct object_id_name *known = object_id_find(id);
    if (!known)
        return object_id_append_dotted(out, id);
    buffer_append_string(out, known->long_name);
    return true;
}

bool object_id_append_short(struct buffer *out, struct bytes id)
{
    const struct object_id_name *known = object_id_find(id);
    if (!known)
        return object_id_append_dotted(out, id);
    buffer_append_string(out, known->short_name);
    return true;
}
