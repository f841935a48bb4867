/* SPDX-License-Identifier: MIT
 *
 * family.h: the families and types of sockets, by the names that Lua has for
 * them.
 */
#ifndef FAMILY_H
#define FAMILY_H

#include <sys/socket.h>

#include "core/args.h"

#define NET_IP_FAMILIES \
  {"inet", AF_INET}, { \
    "inet6", AF_INET6 \
  }

static const net_constant net_ip_families[] = {NET_IP_FAMILIES, {NULL, 0}};
static const net_constant net_families[] = {
    NET_IP_FAMILIES, {"unix", AF_UNIX}, {NULL, 0}};
static const net_constant net_types[] = {
    {"stream", SOCK_STREAM}, {"dgram", SOCK_DGRAM}, {NULL, 0}};

static inline const char *net_family_name(int family) {
  return net_args_name(net_families, family);
}

static inline const char *net_type_name(int type) {
  return net_args_name(net_types, type);
}

#endif
