/* SPDX-License-Identifier: MIT
 *
 * fd_table.h: a table of objects by descriptor. The kernel gives a number away
 * again as soon as it is closed, so each entry has a serial number as well: an
 * event that comes late, for an earlier owner of the number, is recognized.
 */
#ifndef FD_TABLE_H
#define FD_TABLE_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct net_fd_table {
  void **objects; /* objects[fd], or NULL */
  int size;
  uint32_t serial; /* of the last object that was added */
} net_fd_table;

/* Adds an object. Returns its serial number, or 0 if there is no memory. */
static inline uint32_t net_fd_table_add(net_fd_table *t, int fd, void *object) {
  if (fd >= t->size) {
    int size = fd < 32 ? 64 : fd + fd / 2;
    void **objects = realloc(t->objects, (size_t)size * sizeof *objects);
    if (objects == NULL) return 0;
    memset(objects + t->size, 0, (size_t)(size - t->size) * sizeof *objects);
    t->objects = objects;
    t->size = size;
  }
  t->objects[fd] = object;
  if (++t->serial == 0) t->serial = 1;
  return t->serial;
}

static inline void net_fd_table_remove(net_fd_table *t, int fd) {
  if (fd < t->size) t->objects[fd] = NULL;
}

/* Returns the object of a descriptor, or NULL. */
static inline void *net_fd_table_get(const net_fd_table *t, uint32_t fd) {
  return fd < (uint32_t)t->size ? t->objects[fd] : NULL;
}

#endif
