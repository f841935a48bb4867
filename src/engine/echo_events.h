/* SPDX-License-Identifier: MIT
 *
 * echo_events.h: what a protocol reports to the engine's caller.
 */
#ifndef ECHO_EVENTS_H
#define ECHO_EVENTS_H

#include "engine/echo_worker.h"

net_echo_event *net_echo_observe(net_echo_worker *w, int kind,
                                 const struct sockaddr_storage *addr,
                                 socklen_t addrlen, const char *data,
                                 size_t len);
void net_echo_finish(net_echo *e);

#endif
