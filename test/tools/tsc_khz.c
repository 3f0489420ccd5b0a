// SPDX-License-Identifier: BSD-2-Clause
/*
 * Prints how many thousand times a second the time stamp counter of this machine ticks: what the
 * guests of the kernel lab read as theirs. Ends with 1 where there is none.
 */
#include <stdio.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>

enum { PAUSE_MS = 100, READINGS = 20 };

static double now_ms(void) {
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC_RAW, &now);
  return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

struct moment {
  double ms;
  unsigned long long ticks;
};

/** Both clocks at once: of several readings the one that was interrupted least. */
static struct moment read_clocks(void) {
  struct moment best = {0};
  double best_gap = 1e9;

  for (int i = 0; i < READINGS; i++) {
    double before = now_ms();
    unsigned long long ticks = __rdtsc();
    double gap = now_ms() - before;

    if (gap >= best_gap) continue;
    best_gap = gap;
    best = (struct moment){.ms = before + gap / 2, .ticks = ticks};
  }
  return best;
}

int main(void) {
  struct timespec pause = {.tv_nsec = PAUSE_MS * 1000000};
  struct moment from = read_clocks(), to;

  nanosleep(&pause, 0);
  to = read_clocks();
  printf("%.0f\n", (to.ticks - from.ticks) / (to.ms - from.ms));
  return 0;
}
#else
int main(void) {
  fputs("tsc_khz: this machine has no time stamp counter\n", stderr);
  return 1;
}
#endif
