// Transcendental functions of vectors. The float polynomials are minimax fits of the relative error,
// those for double are Taylor series.

#if defined(__FMA__) || defined(__aarch64__)
#define FUSED 1
#else
#define FUSED 0  // without fused multiply-adds: other roundings, so other ways where they matter
#endif

#if REAL_BITS == 32
#define ROUNDER 12582912.0f  // adding it rounds to an integer, left in the low bits
#define LN2_HIGH 0.693145751953125f
#define LN2_LOW 1.42860682e-6f
#define EXP_TOP 88.7228317f
#define EXP_BOTTOM -87.33654f
#define TANH_TOP (FUSED ? 9.02f : 9.5f)
#define EXPM1_BOTTOM -20.0f
#define HALF_PI_1 1.57079637f
#define HALF_PI_2 -4.37113883e-8f
#define HALF_PI_3 -1.71512451e-15f
#define TRIGONOMETRIC_TOP (FUSED ? 1e5f : -1)
#else
#define ROUNDER 6755399441055744.0
#define LN2_HIGH 0x1.62e42fefa4000p-1
#define LN2_LOW -0x1.8432a1b0e2634p-43
#define EXP_TOP 709.782712893384
#define EXP_BOTTOM -708.396418532264
#define TANH_TOP 20.0
#define EXPM1_BOTTOM -40.0
#define HALF_PI_1 0x1.921fb54442d18p+0
#define HALF_PI_2 0x1.1a62633145c07p-54
#define HALF_PI_3 -0x1.f1976b8000000p-110
#define TRIGONOMETRIC_TOP (FUSED ? 1e9 : -1)
#endif

// expm1(r) for |r| <= log(2) / 2.
INLINE V expm1_near(V r) {
#if REAL_BITS == 32
  // Not by Horner's rule: the chain of dependent operations is what takes time.
  V z = r * r, low = times_plus(r, 1.6666545e-1f, 5.00000006e-1f);
  V p = times_plus(r, 8.366407e-3f, 4.1666289e-2f);
  p = fused(z, splat(1.394611e-3f), p);
  p = fused(p, z, low);
  return fused(p, z, r);
#else
  V p = times_plus(r, 1.0 / 6227020800.0, 1.0 / 479001600.0);
  p = fused(p, r, splat(1.0 / 39916800.0));
  p = fused(p, r, splat(1.0 / 3628800.0));
  p = fused(p, r, splat(1.0 / 362880.0));
  p = fused(p, r, splat(1.0 / 40320.0));
  p = fused(p, r, splat(1.0 / 5040.0));
  p = fused(p, r, splat(1.0 / 720.0));
  p = fused(p, r, splat(1.0 / 120.0));
  p = fused(p, r, splat(1.0 / 24.0));
  p = fused(p, r, splat(1.0 / 6.0));
  p = fused(p, r, splat(0.5));
  return fused(p, r * r, r);
#endif
}

// x = n log(2) + r. Returns r; *shifted becomes n + ROUNDER.
INLINE V reduce(V x, V *shifted) {
  *shifted = times_plus(x, (REAL)1.4426950408889634, ROUNDER);
  V n = *shifted - ROUNDER;
  V r = fused_minus(x, n, splat(LN2_HIGH));
  return fused_minus(r, n, splat(LN2_LOW));
}

// exp(x) for x from EXP_BOTTOM to EXP_TOP.
INLINE V exp_middle(V x) {
  V shifted, r = reduce(x, &shifted);
  return (V)((U)(expm1_near(r) + (REAL)1) + ((U)shifted << MANTISSA));
}

INLINE V exp_v(V x) {
  V y = pick(x < EXP_BOTTOM, splat(0), exp_middle(x));
  return pick(x <= EXP_TOP, y, x + (REAL)INFINITY);
}

// expm1(x) where exp(x) neither overflows nor matters below its last place.
INLINE V expm1_middle(V x) {
  V shifted, r = reduce(x, &shifted);
  V scale = (V)((U)splat(1) + ((U)shifted << MANTISSA));
  return fused(expm1_near(r), scale, scale - (REAL)1);
}

INLINE V tanh_v(V x) {
#if REAL_BITS == 32 && FUSED
  // A minimax ratio of polynomials; at TANH_TOP it is 1 to the last place.
  x = between(splat(-TANH_TOP), x, splat(TANH_TOP));
  V z = x * x;
  V p = times_plus(z, 1.3318898e-8f, 2.0583353e-5f);
  V q = times_plus(z, 7.7619472e-7f, 3.28308e-4f);
  p = fused(p, z, splat(3.4940268e-3f));
  q = fused(q, z, splat(2.5871044e-2f));
  p = fused(p, z, splat(1.3379711e-1f));
  q = fused(q, z, splat(4.6713027e-1f));
  p = fused(p, z, splat(1.0f));
  q = fused(q, z, splat(1.0f));
  return between(splat(-1), x * p / q, splat(1));
#else
  V e = expm1_middle(smaller(absolute(x), splat(TANH_TOP)) * (REAL)2);
  return with_sign_of(e / (e + (REAL)2), x);
#endif
}

// Below -EXP_TOP the quotient is less than the smallest normal number, so it is flushed to zero.
INLINE V sigmoid_v(V x) {
  return (REAL)1 / ((REAL)1 + exp_middle(-between(splat(-EXP_TOP), x, splat(-EXP_BOTTOM))));
}

// expm1(y) for y <= 0.
INLINE V expm1_negative(V y) {
  return expm1_middle(larger(y, splat(EXPM1_BOTTOM)));
}

// log(1 + u) for u in [0, 1], by atanh of s = u / (2 + u).
INLINE V log1p_unit(V u) {
  V s = u / (u + (REAL)2), z = s * s;
#if REAL_BITS == 32
  V p = times_plus(z, 1.39971837e-1f, 1.40031578e-1f);
  p = fused(p, z, splat(2.00105836e-1f));
  p = fused(p, z, splat(3.33332125e-1f));
#else
  V p = splat(1.0 / 37);
  UNROLL for (int odd = 35; odd >= 3; odd -= 2) p = fused(p, z, splat(1.0 / odd));
#endif
  s = s + s;
  return fused(p * z, s, s);
}

INLINE V softplus_v(V x) {
  return larger(x, splat(0)) + log1p_unit(exp_v(-absolute(x)));
}

// The normal distribution: the chance of a number below x, (1 + erf(x / sqrt(2))) / 2, and
// *density = exp(-x * x / 2). The tail is *density / (2 + 4 z) times a polynomial of (z - c) / (z + c)
// for z = |x| / sqrt(2), a Chebyshev series of exp(z * z) erfc(z) (1 + 2 z).
INLINE V normal_v(V x, V *density) {
#if REAL_BITS == 32
  const REAL centre = 3;
  static const REAL series[] = {
      7.73102422e-5f,  -9.25451669e-5f, -7.26453679e-4f, 1.87507912e-3f,
      2.49911687e-3f,  -2.37635764e-2f, 6.83165678e-2f,  -1.19275275e-1f,
      1.29644114e-1f,  -4.75621569e-2f, -1.35621069e-1f, 1.25300806f,
  };
#else
  const REAL centre = 3.75;
  static const REAL series[] = {
      4.2514690190327067e-10, 3.1114326199531875e-10, -5.1739887738054756e-9,
      -3.7442096395570237e-9, 3.8675330513150003e-8,  2.3263507601499514e-8,
      -2.5866850163297042e-7, -5.7218229027755647e-8, 1.7516376436688687e-6,
      -9.7355989813708603e-7, -1.1444146234506093e-5, 2.2384239155889575e-5,
      5.164909889137331e-5,   -2.9015408054114523e-4, 2.9371366559169653e-4,
      1.7556258528953682e-3,  -9.7465795580293352e-3, 2.8362277418956394e-2,
      -5.8693398589636768e-2, 9.2304321160377479e-2,  -1.0880393014174886e-1,
      8.2276738490145208e-2,  3.5854154854644294e-3,  -1.4024059858554696e-1,
      1.2375126308378276,
  };
#endif
  V z = smaller(absolute(x) * (REAL)0.7071067811865476, splat(30));
  V t = (z - centre) / (z + centre), p = splat(series[0]);
  UNROLL for (int i = 1; i < (int)(sizeof series / sizeof *series); i++)
    p = fused(p, t, splat(series[i]));
  *density = exp_v(x * x * (REAL)-0.5);
  V tail = *density * p / times_plus(z, 4, 2);
  return pick(x < (REAL)0, tail, (REAL)1 - tail);
}

// sin(x + quarter * pi / 2) for |x| <= TRIGONOMETRIC_TOP.
INLINE V sine_near(V x, WORD quarter) {
  V shifted = times_plus(x, (REAL)0.6366197723675814, ROUNDER), n = shifted - ROUNDER;
  V r = fused_minus(x, n, splat(HALF_PI_1));
  r = fused_minus(r, n, splat(HALF_PI_2));
  r = fused_minus(r, n, splat(HALF_PI_3));
  V z = r * r;
#if REAL_BITS == 32
  V s = times_plus(z, -1.95169e-4f, 8.332176e-3f);
  s = fused(s, z, splat(-1.66666549e-1f));
  V c = times_plus(z, 2.44387592e-5f, -1.38873718e-3f);
  c = fused(c, z, splat(4.16666470e-2f));
#else
  V s = times_plus(z, 1.0 / 355687428096000.0, -1.0 / 1307674368000.0);
  s = fused(s, z, splat(1.0 / 6227020800.0));
  s = fused(s, z, splat(-1.0 / 39916800.0));
  s = fused(s, z, splat(1.0 / 362880.0));
  s = fused(s, z, splat(-1.0 / 5040.0));
  s = fused(s, z, splat(1.0 / 120.0));
  s = fused(s, z, splat(-1.0 / 6.0));
  V c = times_plus(z, 1.0 / 20922789888000.0, -1.0 / 87178291200.0);
  c = fused(c, z, splat(1.0 / 479001600.0));
  c = fused(c, z, splat(-1.0 / 3628800.0));
  c = fused(c, z, splat(1.0 / 40320.0));
  c = fused(c, z, splat(-1.0 / 720.0));
  c = fused(c, z, splat(1.0 / 24.0));
#endif
  s = fused(s * z, r, r);
  c = fused(c * z, z, times_plus(z, (REAL)-0.5, (REAL)1));
  U turn = (U)shifted + (UWORD)quarter;
  V y = pick((I)((turn & 1) != 0), c, s);
  return (V)((U)y ^ ((turn & 2) << (8 * (int)sizeof(REAL) - 2)));
}

// What `sine_near` cannot do; rare, so one by one.
static __attribute__((noinline)) V sine_far(V x, WORD quarter) {
  for (int i = 0; i < VL; i++) x[i] = far_sine(x[i], (int)quarter);
  return x;
}

INLINE V sine(V x, WORD quarter) {
  if (__builtin_expect(any(~(absolute(x) <= TRIGONOMETRIC_TOP)), 0)) return sine_far(x, quarter);
  return sine_near(x, quarter);
}

#undef ROUNDER
#undef LN2_HIGH
#undef LN2_LOW
#undef EXP_TOP
#undef EXP_BOTTOM
#undef TANH_TOP
#undef EXPM1_BOTTOM
#undef HALF_PI_1
#undef HALF_PI_2
#undef HALF_PI_3
#undef TRIGONOMETRIC_TOP
#undef FUSED
