/* guard.h - which addresses a tenant's URL may lead to: public unicast ones, nothing else.
 * The address checked is the one the socket is about to be connected to, so that names, redirects,
 * odd spellings of an IP ("0x7f.1", "2130706433") and DNS answers that change all end at the same
 * test.
 * SPDX-License-Identifier: Apache-2.0 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

/* False for families other than IPv4 and IPv6. */
bool addr_is_public(const struct sockaddr *addr);
/* An address from the text form libcurl reports; the family stays AF_UNSPEC when it is none. */
void addr_parse(const char *text, int port, struct sockaddr_storage *ret);
