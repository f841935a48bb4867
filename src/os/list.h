/* SPDX-License-Identifier: MIT
 *
 * list.h: a doubly linked ring. A list is a link whose neighbours are its last
 * and its first element; a link in no list is its own neighbour.
 */
#ifndef LIST_H
#define LIST_H

typedef struct net_link {
  struct net_link *next, *prev;
} net_link;

static inline void net_link_init(net_link *l) {
  l->next = l->prev = l;
}

static inline void net_link_remove(net_link *l) {
  l->next->prev = l->prev;
  l->prev->next = l->next;
  net_link_init(l);
}

static inline void net_link_append(net_link *list, net_link *l) {
  l->prev = list->prev;
  l->next = list;
  list->prev->next = l;
  list->prev = l;
}

#endif
