#define main passthrough_ll_main
#include "passthrough_ll.c"
#undef main

#include "tests/servers/libfuse_examples.h"

const struct fuse_lowlevel_ops* libfuse_passthrough_ll_operations(size_t* size) {
  *size = sizeof(lo_oper);
  return &lo_oper;
}

void* libfuse_passthrough_ll_make(const char* directory) {
  struct lo_data* lo = calloc(1, sizeof(*lo));
  pthread_mutex_init(&lo->mutex, NULL);
  lo->root.next = lo->root.prev = &lo->root;
  lo->root.refcount = 2;
  lo->cache = CACHE_NORMAL;
  lo->timeout = 1.0;
  lo->xattr = 1;
  lo->source = strdup(directory);
  lo->root.fd = open(directory, O_PATH | O_CLOEXEC);
  umask(0);
  return lo;
}

void libfuse_passthrough_ll_free(void* userdata) {
  struct lo_data* lo = userdata;
  close(lo->root.fd);
  free((char*)lo->source);
  pthread_mutex_destroy(&lo->mutex);
  free(lo);
}
