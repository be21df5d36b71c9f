// The benchmark of the core: a library of its own, made for `gatewright bench engine` alone.

#include <time.h>

INLINE double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

// The best rate of multiply-adds in registers over short runs for `seconds`, in GFLOP/s.
EXPORT double peak(double seconds) {
  const int repeats = 20000;
  double best = 0, end = seconds_now() + seconds;
  V sum[ACCUMULATORS];
  UNROLL for (int i = 0; i < ACCUMULATORS; i++) sum[i] = splat((REAL)i);
  V x = splat((REAL)0.999), y = splat((REAL)0.001);
  do {
    double start = seconds_now();
    for (int n = 0; n < repeats; n++) {
      UNROLL for (int i = 0; i < ACCUMULATORS; i++) sum[i] = fused(sum[i], x, y);
      __asm__ volatile("" ::: "memory");
    }
    double took = seconds_now() - start;
    double rate = 2e-9 * ACCUMULATORS * VL * repeats / took;
    best = rate > best ? rate : best;
  } while (seconds_now() < end);
  UNROLL for (int i = 1; i < ACCUMULATORS; i++) sum[0] += sum[i];
  volatile REAL kept = total(sum[0]);
  (void)kept;
  return best;
}

