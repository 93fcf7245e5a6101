/* The filesystems among libfuse's example programs, each made of its own, unchanged source (libfuse_*.c). */
#pragma once

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct fuse_lowlevel_ops;
struct fuse_operations;

/* As main() of passthrough_ll.c sets things up, with -o source=DIRECTORY,xattr. Free it with the last function. */
const struct fuse_lowlevel_ops* libfuse_passthrough_ll_operations(size_t* size);
void* libfuse_passthrough_ll_make(const char* directory);
void libfuse_passthrough_ll_free(void* userdata);

const struct fuse_operations* libfuse_passthrough_operations(size_t* size);

/* As main() of hello.c sets things up without arguments. */
const struct fuse_operations* libfuse_hello_operations(size_t* size);

#ifdef __cplusplus
}
#endif
