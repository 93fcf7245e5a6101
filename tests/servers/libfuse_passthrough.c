#define main passthrough_main
#include "passthrough.c"
#undef main

#include "tests/servers/libfuse_examples.h"

const struct fuse_operations* libfuse_passthrough_operations(size_t* size) {
  umask(0);
  *size = sizeof(xmp_oper);
  return &xmp_oper;
}
