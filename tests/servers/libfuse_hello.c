#define main hello_main
#include "hello.c"
#undef main

#include "tests/servers/libfuse_examples.h"

const struct fuse_operations* libfuse_hello_operations(size_t* size) {
  options.filename = "hello";
  options.contents = "Hello World!\n";
  *size = sizeof(hello_oper);
  return &hello_oper;
}
