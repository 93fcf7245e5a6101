/* Calls that wait and are interrupted: by a signal with a handler, by one that kills, and by one that leaves the call
   to be started again. Somebody else holds the lock all the while. */
#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "workload.h"

static volatile sig_atomic_t alarms;
static int holder; /* has the lock; a child closes its copy, for an flock lasts as long as any copy */

static void on_alarm(int number) {
  (void)number;
  alarms++;
}

static int wait_for_record(int fd) {
  struct flock range;
  memset(&range, 0, sizeof(range));
  range.l_type = F_WRLCK;
  return fcntl(fd, F_SETLKW, &range);
}

static int wait_for_flock(int fd) {
  return flock(fd, LOCK_EX);
}

/* Again and again, for one alarm may come before the call waits. */
static void alarm_every(long microseconds) {
  const struct itimerval every = {{0, microseconds}, {0, microseconds}};
  MUST(setitimer(ITIMER_REAL, microseconds == 0 ? &(struct itimerval){{0, 0}, {0, 0}} : &every, NULL) == 0);
}

static void handle_alarm(int flags) {
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_handler = on_alarm;
  action.sa_flags = flags;
  MUST(sigaction(SIGALRM, &action, NULL) == 0);
}

static void in_child(void (*work)(int (*)(int)), int (*wait_for)(int), int expected) {
  const pid_t child = fork();
  MUST(child >= 0);
  if (child == 0) {
    MUST(close(holder) == 0);
    work(wait_for);
    _exit(0);
  }
  int status;
  MUST(waitpid(child, &status, 0) == child);
  MUST(status == expected);
}

static void is_interrupted(int (*wait_for)(int)) {
  int fd;
  handle_alarm(0);
  MUST((fd = open("lock", O_RDWR)) >= 0);
  for (int i = 0; i < 3; i++) {
    alarm_every(20000);
    MUST_FAIL(wait_for(fd), EINTR);
    alarm_every(0);
  }
  MUST(close(fd) == 0);
}

static void is_killed(int (*wait_for)(int)) {
  int fd;
  MUST((fd = open("lock", O_RDWR)) >= 0);
  MUST(signal(SIGALRM, SIG_DFL) != SIG_ERR);
  alarm_every(20000);
  wait_for(fd);
  _exit(1);
}

/* Started again after each alarm, until the holder lets go. */
static void goes_on(int (*wait_for)(int)) {
  int fd;
  handle_alarm(SA_RESTART);
  MUST((fd = open("lock", O_RDWR)) >= 0);
  alarm_every(20000);
  MUST(wait_for(fd) == 0);
  alarm_every(0);
  MUST(alarms > 0);
  MUST(close(fd) == 0);
}

static void every_way(int (*wait_for)(int)) {
  MUST((holder = open("lock", O_CREAT | O_RDWR, 0600)) >= 0);
  MUST(wait_for(holder) == 0);
  in_child(is_interrupted, wait_for, 0);
  in_child(is_killed, wait_for, SIGALRM);
  const pid_t patient = fork();
  MUST(patient >= 0);
  if (patient == 0) {
    MUST(close(holder) == 0);
    goes_on(wait_for);
    _exit(0);
  }
  usleep(150000); /* a few alarms; the trace needs none in particular */
  MUST(close(holder) == 0);
  int status;
  MUST(waitpid(patient, &status, 0) == patient && status == 0);
}

int main(void) {
  every_way(wait_for_record);
  every_way(wait_for_flock);
  return 0;
}
