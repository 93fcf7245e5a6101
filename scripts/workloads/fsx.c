/* Random reads, writes, truncations, mapped reads and writes, allocations, punched holes and copies within one file,
   each checked against a model in memory: fsx [STEPS [SEED]]. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workload.h"

enum { kPage = 4096, kMaxSize = 40 * 1024, kMaxStep = 6 * 1024 };

static unsigned char model[kMaxSize];
static unsigned char buffer[kMaxSize];
static size_t size;
static int file;
static uint32_t seed;

static size_t below(size_t limit) {
  return limit == 0 ? 0 : next_random(&seed) % limit;
}

/* A run of one byte a step: what a step wrote is seen at once, and a trace of it is small. */
static void fill(unsigned char* at, size_t length, int step) {
  memset(at, 1 + step % 250, length);
}

static void grow(size_t end) {
  if (end > size) size = end; /* the model is zero behind its size */
}

static void check_range(size_t at, const unsigned char* found, size_t length) {
  for (size_t i = 0; i < length; i++) {
    if (found[i] == model[at + i]) continue;
    fprintf(stderr, "fsx: byte %zu is %d, not %d\n", at + i, found[i], model[at + i]);
    exit(1);
  }
}

static void do_read(void) {
  const size_t at = below(kMaxSize);
  const size_t wanted = 1 + below(kMaxStep);
  const size_t there = at >= size ? 0 : wanted < size - at ? wanted : size - at;
  MUST(pread(file, buffer, wanted, (off_t)at) == (ssize_t)there);
  check_range(at, buffer, there);
}

static void do_write(int step) {
  const size_t at = below(kMaxSize - kMaxStep);
  const size_t length = 1 + below(kMaxStep);
  fill(model + at, length, step);
  MUST(pwrite(file, model + at, length, (off_t)at) == (ssize_t)length);
  grow(at + length);
}

static void do_truncate(void) {
  const size_t to = below(kMaxSize);
  MUST(ftruncate(file, (off_t)to) == 0);
  if (to < size) memset(model + to, 0, size - to);
  size = to;
}

static void do_map(int step, int writes) {
  if (size == 0) return;
  const size_t first = below(size) / kPage * kPage;
  const size_t there = size - first;
  const size_t length = 1 + below(there < kMaxStep ? there : kMaxStep);
  unsigned char* start = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, file, (off_t)first);
  MUST(start != MAP_FAILED);
  check_range(first, start, length);
  if (writes) {
    fill(model + first, length, step);
    fill(start, length, step);
    MUST(msync(start, length, MS_SYNC) == 0);
  }
  MUST(munmap(start, length) == 0);
}

static void do_allocate(int mode) {
  const size_t at = below(kMaxSize - kMaxStep);
  const size_t length = 1 + below(kMaxStep);
  MUST(fallocate(file, mode, (off_t)at, (off_t)length) == 0);
  if ((mode & FALLOC_FL_PUNCH_HOLE) != 0) {
    memset(model + at, 0, length);
  } else if ((mode & FALLOC_FL_KEEP_SIZE) == 0) {
    grow(at + length);
  }
}

static void do_copy(void) {
  if (size < 2) return;
  const size_t half = kMaxSize / 2;
  const size_t from = below(size < half ? size : half);
  size_t length = 1 + below(kMaxStep);
  if (length > half - from) length = half - from;
  if (length > size - from) length = size - from;
  const size_t to = half + below(half - length);
  off_t in = (off_t)from;
  off_t out = (off_t)to;
  MUST(copy_file_range(file, &in, file, &out, length, 0) == (ssize_t)length);
  memcpy(model + to, model + from, length);
  grow(to + length);
}

static void check_size(void) {
  struct stat status;
  MUST(fstat(file, &status) == 0 && (size_t)status.st_size == size);
}

static void reopen(void) {
  MUST(fsync(file) == 0 && close(file) == 0);
  MUST((file = open("fsx", O_RDWR)) >= 0);
  check_size();
  MUST(pread(file, buffer, sizeof(buffer), 0) == (ssize_t)size);
  check_range(0, buffer, size);
}

int main(int argc, char** argv) {
  const int steps = argc > 1 ? atoi(argv[1]) : 400;
  seed = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 0) : 88172645U;
  MUST((file = open("fsx", O_CREAT | O_EXCL | O_RDWR, 0600)) >= 0);
  for (int step = 0; step < steps; step++) {
    switch (next_random(&seed) % 12) {
      case 0:
      case 1:
      case 2:
        do_read();
        break;
      case 3:
      case 4:
      case 5:
        do_write(step);
        break;
      case 6:
        do_truncate();
        break;
      case 7:
        do_map(step, 0);
        break;
      case 8:
        do_map(step, 1);
        break;
      case 9:
        do_allocate(step % 2 == 0 ? 0 : FALLOC_FL_KEEP_SIZE);
        break;
      case 10:
        do_allocate(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE);
        break;
      default:
        do_copy();
        break;
    }
    check_size();
    if (step % 100 == 99) reopen();
  }
  reopen();
  MUST(close(file) == 0);
  return 0;
}
