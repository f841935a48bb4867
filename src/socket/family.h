/* SPDX-License-Identifier: MIT
 *
 * family.h: the families and types of sockets, by their names in Lua.
 */
#ifndef FAMILY_H
#define FAMILY_H

#include <sys/socket.h>

#include "core/args.h"

#define NET_INET \
  { "inet", AF_INET }
#define NET_INET6 \
  { "inet6", AF_INET6 }

static const net_constant net_ip_families[] = {NET_INET, NET_INET6, {NULL, 0}};
static const net_constant net_families[] = {
    NET_INET, NET_INET6, {"unix", AF_UNIX}, {NULL, 0}};
static const net_constant net_types[] = {
    {"stream", SOCK_STREAM}, {"dgram", SOCK_DGRAM}, {NULL, 0}};

#endif
