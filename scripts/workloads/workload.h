/* What the workload programs share: a step that must succeed, and one that must fail as said. */
#pragma once

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST(step)                                                                    \
  do {                                                                                \
    errno = 0;                                                                        \
    if (!(step)) {                                                                    \
      fprintf(stderr, "%s:%d: %s: %s\n", __FILE__, __LINE__, #step, strerror(errno)); \
      exit(1);                                                                        \
    }                                                                                 \
  } while (0)

#define MUST_FAIL(step, error) MUST((step) < 0 && errno == (error))

static inline uint32_t next_random(uint32_t* seed) {
  *seed ^= *seed << 13;
  *seed ^= *seed >> 17;
  *seed ^= *seed << 5;
  return *seed;
}
