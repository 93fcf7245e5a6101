/* Writes through shared mappings: of new files, of holes, behind a write(2), cut while mapped, and by two mappings of
   one file; each read back. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workload.h"

enum { kPage = 4096, kPages = 16, kSize = kPage * kPages };

static char expected[kSize];
static char found[kSize];

static void verify(const char* name, size_t size) {
  int fd;
  struct stat status;
  MUST((fd = open(name, O_RDONLY)) >= 0);
  MUST(fstat(fd, &status) == 0 && (size_t)status.st_size == size);
  MUST(read(fd, found, sizeof(found)) == (ssize_t)size);
  MUST(memcmp(found, expected, size) == 0);
  MUST(close(fd) == 0);
}

static char* map(int fd) {
  char* start = mmap(NULL, kSize, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  MUST(start != MAP_FAILED);
  return start;
}

int main(void) {
  int fd;
  uint32_t seed = 4711;
  MUST((fd = open("m", O_CREAT | O_RDWR, 0600)) >= 0);
  MUST(ftruncate(fd, kSize) == 0);
  char* one = map(fd);
  char* two = map(fd);
  for (int round = 0; round < 40; round++) {
    const uint32_t at = next_random(&seed) % (kSize - 600);
    const uint32_t length = 1 + next_random(&seed) % 600;
    memset(expected + at, 'a' + round % 26, length);
    switch (round % 4) {
      case 0:
        memset(one + at, 'a' + round % 26, length);
        break;
      case 1:
        memset(two + at, 'a' + round % 26, length);
        MUST(msync(two, kSize, MS_ASYNC) == 0);
        break;
      case 2:
        MUST(pwrite(fd, expected + at, length, at) == (ssize_t)length);
        break;
      default:
        memset(one + at, 'a' + round % 26, length);
        MUST(msync(one, kSize, MS_SYNC) == 0);
        break;
    }
    MUST(memcmp(two + at, expected + at, length) == 0);
  }
  MUST(fsync(fd) == 0);
  verify("m", kSize);
  MUST(ftruncate(fd, kPage * 3 + 100) == 0);
  memset(expected + kPage * 3 + 100, 0, kSize - (kPage * 3 + 100));
  one[kPage * 3 + 50] = expected[kPage * 3 + 50] = '!';
  MUST(ftruncate(fd, kSize) == 0);
  MUST(memcmp(two, expected, kSize) == 0);
  MUST(munmap(one, kSize) == 0 && munmap(two, kSize) == 0);
  MUST(close(fd) == 0);
  verify("m", kSize);
  /* Appended in small pieces: the kernel gathers them. */
  MUST((fd = open("a", O_CREAT | O_WRONLY | O_APPEND, 0600)) >= 0);
  memset(expected, 0, sizeof(expected));
  for (int i = 0; i < 200; i++) {
    char line[32];
    const int length = sprintf(line, "line %d\n", i);
    MUST(write(fd, line, (size_t)length) == length);
    strcat(expected, line);
  }
  MUST(close(fd) == 0);
  verify("a", strlen(expected));
  return 0;
}
