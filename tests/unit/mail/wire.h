/* wire.h - lines over a socket, in the clear or by TLS, for mail servers that a test scripts; and a certificate for them.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdarg.h>

#include "unit/httpc/fake_server.h"

/* What a script says in place of a line. */
#define CUT  "\001cut"  /* closes the connection */
#define HOLD "\001hold" /* says nothing until the test ends */

enum { WIRE_LINE_MAX = 1 << 20 };

struct wire {
    int fd;
    SSL *ssl; /* NULL: in the clear */
    char in[16 << 10];
    size_t from, len;
};

static void wire_done(struct wire *w) {
    if (w->ssl) {
        (void)SSL_shutdown(w->ssl);
        SSL_free(w->ssl);
    }
}

static bool wire_start_tls(struct wire *w, SSL_CTX *tls) {
    w->ssl = SSL_new(tls);
    FAKE_MUST(w->ssl && SSL_set_fd(w->ssl, w->fd) == 1);
    w->from = w->len = 0;
    if (SSL_accept(w->ssl) == 1)
        return true;
    ERR_clear_error();
    SSL_free(w->ssl);
    w->ssl = NULL;
    return false;
}

static bool wire_fill(struct wire *w) {
    ssize_t n = w->ssl ? SSL_read(w->ssl, w->in, sizeof(w->in)) : read(w->fd, w->in, sizeof(w->in));

    w->from = 0;
    w->len = n > 0 ? (size_t)n : 0;
    return n > 0;
}

/* The next line without its end; false: the peer is gone. ret has room for max bytes with the end. */
static bool wire_line(struct wire *w, char *ret, size_t max) {
    size_t n = 0;

    for (;;) {
        char c;

        if (w->from == w->len && !wire_fill(w))
            return false;
        c = w->in[w->from++];
        if (c == '\n') {
            ret[n > 0 && ret[n - 1] == '\r' ? n - 1 : n] = '\0';
            return true;
        }
        FAKE_MUST(n + 1 < max);
        ret[n++] = c;
    }
}

static void wire_bytes(struct wire *w, const char *text, size_t len) {
    while (len > 0) {
        ssize_t n = w->ssl ? SSL_write(w->ssl, text, len > 16384 ? 16384 : (int)len)
                           : send(w->fd, text, len, MSG_NOSIGNAL);

        if (n <= 0)
            return; /* the client hung up; that may be the test */
        text += n;
        len -= (size_t)n;
    }
}

ATTR_PRINTF(2, 3) static void wire_say(struct wire *w, const char *format, ...) {
    va_list args;
    char *text = NULL;
    int n;

    va_start(args, format);
    n = vasprintf(&text, format, args);
    va_end(args);
    FAKE_MUST(n >= 0);
    wire_bytes(w, text, (size_t)n);
    free(text);
}

/* What the script has for this moment, else the usual; false: the connection ends. */
static bool wire_answer(struct fake *f, struct wire *w, const char *scripted, const char *usual) {
    const char *text = scripted ? scripted : usual;

    if (strcmp(text, CUT) == 0)
        return false;
    if (strcmp(text, HOLD) == 0) {
        fake_hold(f);
        return false;
    }
    wire_say(w, "%s\r\n", text);
    return true;
}

/* --- a certificate -------------------------------------------------------------------------------------------- */

struct identity {
    SSL_CTX *tls;
    char ca_file[64]; /* PEM of the certificate itself */
};

static void identity_sign(X509 *cert, EVP_PKEY *key, const char *name) {
    char san[128];
    X509_EXTENSION *ext;
    X509_NAME *subject = X509_get_subject_name(cert);

    FAKE_MUST(snprintf(san, sizeof(san), "DNS:%s", name) < (int)sizeof(san));
    ext = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, san);
    FAKE_MUST(ext && X509_add_ext(cert, ext, -1) == 1);
    X509_EXTENSION_free(ext);
    FAKE_MUST(X509_set_version(cert, 2) == 1);
    FAKE_MUST(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1) == 1);
    FAKE_MUST(X509_gmtime_adj(X509_getm_notBefore(cert), -3600) != NULL);
    FAKE_MUST(X509_gmtime_adj(X509_getm_notAfter(cert), 24 * 3600) != NULL);
    FAKE_MUST(X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, (const unsigned char *)name,
                                         -1, -1, 0) == 1);
    FAKE_MUST(X509_set_issuer_name(cert, subject) == 1 && X509_set_pubkey(cert, key) == 1);
    FAKE_MUST(X509_sign(cert, key, EVP_sha256()) > 0);
}

/* A certificate for the DNS name, signed by itself. */
static void identity_make(struct identity *id, const char *name) {
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    FILE *out;
    int fd;

    FAKE_MUST(key && cert);
    identity_sign(cert, key, name);
    id->tls = SSL_CTX_new(TLS_server_method());
    FAKE_MUST(id->tls && SSL_CTX_use_certificate(id->tls, cert) == 1 &&
              SSL_CTX_use_PrivateKey(id->tls, key) == 1);
    FAKE_MUST(snprintf(id->ca_file, sizeof(id->ca_file), "/tmp/prosa-test-ca.XXXXXX") > 0);
    fd = mkstemp(id->ca_file);
    out = fd >= 0 ? fdopen(fd, "w") : NULL;
    FAKE_MUST(out && PEM_write_X509(out, cert) == 1 && fclose(out) == 0);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void identity_done(struct identity *id) {
    SSL_CTX_free(id->tls);
    (void)unlink(id->ca_file);
}
