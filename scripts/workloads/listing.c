/* Lists a directory of 10000 names while names come and go: listing DIRECTORY. The files 00000 to 09999 must be there
   (an option of memfs makes them: a trace of their making would be large). Every name that is there all the time must
   be seen exactly once by two listings that interleave, one of which was rewound and is resumed by its offset. */
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workload.h"

enum { kEntries = 10000 };

static void name_of(int number, char* name) {
  sprintf(name, "%05d", number);
}

/* Names whose number is a multiple of 97 go; as many others come. */
static void change(int step) {
  char name[32];
  const int victim = step * 97;
  if (victim >= kEntries) return;
  name_of(victim, name);
  MUST(unlink(name) == 0);
  sprintf(name, "new%05d", step);
  MUST(mknod(name, S_IFREG | 0600, 0) == 0);
}

static void see(const struct dirent* entry, unsigned char* seen) {
  if (entry->d_name[0] < '0' || entry->d_name[0] > '9') return;
  const int number = atoi(entry->d_name);
  MUST(number >= 0 && number < kEntries);
  MUST(++seen[number] == 1);
}

static void complete(const unsigned char* seen) {
  for (int i = 0; i < kEntries; i++) MUST(seen[i] == 1 || i % 97 == 0);
}

int main(int argc, char** argv) {
  MUST(argc == 2 && chdir(argv[1]) == 0);
  unsigned char* first_seen = calloc((size_t)kEntries, 1);
  unsigned char* second_seen = calloc((size_t)kEntries, 1);
  DIR* first = opendir(".");
  DIR* second = opendir(".");
  MUST(first != NULL && second != NULL);
  for (int i = 0; i < 500; i++) MUST(readdir(second) != NULL);
  rewinddir(second);
  const struct dirent* entry;
  int step = 0;
  char name[32];
  int more = 1;
  while (more) {
    more = 0;
    for (int i = 0; i < 400 && (entry = readdir(first)) != NULL; i++, more = 1) see(entry, first_seen);
    change(step++);
    for (int i = 0; i < 300 && (entry = readdir(second)) != NULL; i++, more = 1) see(entry, second_seen);
    change(step++);
    const long place = telldir(second);
    seekdir(second, place);
  }
  complete(first_seen);
  complete(second_seen);
  MUST(closedir(first) == 0 && closedir(second) == 0);
  struct stat status;
  for (int i = 0; i < step; i++) {
    sprintf(name, "new%05d", i);
    if (stat(name, &status) == 0) MUST(unlink(name) == 0);
  }
  free(first_seen);
  free(second_seen);
  return 0;
}
