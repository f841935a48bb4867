/* SPDX-License-Identifier: MIT
 *
 * A preload: a name server that takes two seconds for every name. */
#include <dlfcn.h>
#include <netdb.h>
#include <unistd.h>

static void *next_of(const char *name) {
  sleep(2);
  return dlsym(RTLD_NEXT, name);
}

int getaddrinfo(const char *host, const char *service,
                const struct addrinfo *hints, struct addrinfo **list) {
  int (*next)(const char *, const char *, const struct addrinfo *,
              struct addrinfo **);
  *(void **)&next = next_of("getaddrinfo");
  return next(host, service, hints, list);
}

int getnameinfo(const struct sockaddr *sa, socklen_t len, char *host,
                socklen_t hostlen, char *serv, socklen_t servlen, int flags) {
  int (*next)(const struct sockaddr *, socklen_t, char *, socklen_t, char *,
              socklen_t, int);
  *(void **)&next = next_of("getnameinfo");
  return next(sa, len, host, hostlen, serv, servlen, flags);
}
