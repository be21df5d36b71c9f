// Scalar functions that take more than IEEE's operations. What the C library gives depends on its
// version and on the CPU, so the portable runtime has its own.

#if PORTABLE

// log(x) for x >= 1, NaN and infinity included: by atanh of s = (m - 1) / (m + 1), x = m 2^e.
static double natural_log(double x) {
  if (!(x < INFINITY)) return x;
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  double e = (double)((int)(bits >> 52) - 1023), m;
  bits = (bits & 0xfffffffffffff) | 0x3ff0000000000000;
  memcpy(&m, &bits, sizeof m);
  if (m > 1.4142135623730951) m *= 0.5, e += 1;
  double s = (m - 1) / (m + 1), z = s * s, p = 1.0 / 23;
  for (int odd = 21; odd >= 3; odd -= 2) p = p * z + 1.0 / odd;
  s += s;
  return e * 0x1.62e42fefa3800p-1 + (s + (s * z * p + e * 0x1.ef35793c76730p-45));
}

// x = (n + f) pi / 2 with |f| <= 1/2: returns f, and n modulo 4 in *quarter. By the product of x with
// 192 bits of 2 / pi, those before them being multiples of 4 (Payne and Hanek 1983).
static double quarters(double x, int *quarter) {
  static const uint64_t two_over_pi[] = {
      0xa2f9836e4e441529, 0xfc2757d1f534ddc0, 0xdb6295993c439041, 0xfe5163abdebbc561,
      0xb7246e3a424dd2e0, 0x06492eea09d1921c, 0xfe1deb1cb129a73e, 0xe88235f52ebb4484,
      0xe99c7026b45f7e41, 0x3991d639835339f4, 0x9c845f8bbdf9283b, 0x1ff897ffde05980f,
      0xef2f118b5a0a6d1f, 0x6d367ecf27cb09b7, 0x4f463f669e5fea2d, 0x7527bac7ebe5f17b,
      0x3d0739f78a5292ea, 0x6bfb5fb11f8d5d08, 0x56033046fc7b6bab,
  };
  uint64_t bits;
  memcpy(&bits, &x, sizeof bits);
  uint64_t m = (bits & 0xfffffffffffff) | 0x10000000000000;
  int start = (int)(bits >> 52 & 0x7ff) - 1023 - 52 - 2;  // x = m 2^(start + 2)
  uint64_t window[3];
  for (int i = 0; i < 3; i++) {
    int at = start + 64 * i, word = at >> 6, shift = at & 63;
    uint64_t high = word < 0 ? 0 : two_over_pi[word], low = word < -1 ? 0 : two_over_pi[word + 1];
    window[i] = shift ? high << shift | low >> (64 - shift) : high;
  }
  typedef unsigned __int128 WIDE;
  WIDE low = (WIDE)m * window[2], middle = (WIDE)m * window[1] + (uint64_t)(low >> 64);
  uint64_t top = m * window[0] + (uint64_t)(middle >> 64);
  // Of top, middle and low the first two bits are n; rounding to nearest makes the rest signed.
  *quarter = (int)((top + ((uint64_t)1 << 61)) >> 62);
  int64_t high = (int64_t)(top << 2 | (uint64_t)middle >> 62);
  uint64_t rest = (uint64_t)middle << 2 | (uint64_t)low >> 62;
  double f = (double)high * 0x1p-64 + (double)rest * 0x1p-128;
  if (x < 0) *quarter = -*quarter;
  return x < 0 ? -f : f;
}

// sin(x + quarter * pi / 2) for large x.
static REAL far_sine(REAL x, int quarter) {
  static const double sines[] = {1.0 / 355687428096000.0, -1.0 / 1307674368000.0,
                                 1.0 / 6227020800.0, -1.0 / 39916800.0, 1.0 / 362880.0,
                                 -1.0 / 5040.0, 1.0 / 120.0, -1.0 / 6.0, 1.0};
  static const double cosines[] = {1.0 / 20922789888000.0, -1.0 / 87178291200.0,
                                   1.0 / 479001600.0, -1.0 / 3628800.0, 1.0 / 40320.0,
                                   -1.0 / 720.0, 1.0 / 24.0, -0.5, 1.0};
  if (!(x < (REAL)INFINITY && x > -(REAL)INFINITY)) return x - x;
  int turn;
  double r = quarters((double)x, &turn) * 1.5707963267948966, z = r * r;
  turn += quarter;
  const double *terms = turn & 1 ? cosines : sines;
  double y = terms[0];
  for (int i = 1; i < 9; i++) y = y * z + terms[i];
  if (!(turn & 1)) y *= r;
  return (REAL)(turn & 2 ? -y : y);
}

#else

INLINE double natural_log(double x) { return log(x); }
INLINE REAL far_sine(REAL x, WORD quarter) { return quarter ? LIBM(cos)(x) : LIBM(sin)(x); }

#endif
