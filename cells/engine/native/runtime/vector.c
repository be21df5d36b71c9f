// Vectors as wide as the machine's registers. They are explicit, so that nothing silently becomes
// scalar code.

#if defined(__AVX512F__) && !PORTABLE
#define VECTOR_BYTES 64
#define ACCUMULATORS 24
#elif defined(__AVX__)
#define VECTOR_BYTES 32
#define ACCUMULATORS 12
#elif defined(__aarch64__)
#define VECTOR_BYTES 16
#define ACCUMULATORS 24
#else
#define VECTOR_BYTES 16
#define ACCUMULATORS 12
#endif

#if REAL_BITS == 32 && defined(__AVX512BF16__)
#define BFLOAT16 1
#else
#define BFLOAT16 0
#endif

#define VL ((int)(VECTOR_BYTES / sizeof(REAL)))  // numbers in a vector
#define NV (LANES / VL)                          // vectors in a row of a panel

typedef REAL V __attribute__((vector_size(VECTOR_BYTES)));
typedef REAL VU __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));
typedef WORD I __attribute__((vector_size(VECTOR_BYTES)));
typedef UWORD U __attribute__((vector_size(VECTOR_BYTES)));  // what may overflow

// Keeps gcc from loading a vector again for each of its uses; clang does better without.
#if defined(__AVX512F__) && !defined(__clang__)
#define KEEP(v) __asm__("" : "+v"(v))
#elif defined(__AVX2__) && !defined(__clang__)
#define KEEP(v) __asm__("" : "+x"(v))
#else
#define KEEP(v) (void)v
#endif

INLINE V load(const REAL *p) { return *(const VU *)p; }
INLINE void store(REAL *p, V v) { *(VU *)p = v; }
INLINE V splat(REAL x) { return x - (V){0}; }
// a * b + c, rounded once where the machine can.
#if PORTABLE && REAL_BITS == 32
INLINE V fused(V a, V b, V c) { return (V)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
#elif PORTABLE
INLINE V fused(V a, V b, V c) { return (V)_mm256_fmadd_pd((__m256d)a, (__m256d)b, (__m256d)c); }
#else
INLINE V fused(V a, V b, V c) { return a * b + c; }
#endif
INLINE V fused_minus(V c, V a, V b) { return fused(-a, b, c); }  // c - a * b
INLINE V times_plus(V a, REAL factor, REAL sum) { return fused(a, splat(factor), splat(sum)); }

INLINE V where(I mask, V a) { return (V)(mask & (I)a); }
INLINE V pick(I mask, V a, V b) { return (V)((mask & (I)a) | (~mask & (I)b)); }
// The smaller and the larger of two; a where either is NaN.
#if VECTOR_BYTES == 64 && !defined(__clang__) && REAL_BITS == 32
INLINE V smaller(V a, V b) { return __builtin_ia32_minps512_mask(b, a, a, (unsigned short)-1, 4); }
INLINE V larger(V a, V b) { return __builtin_ia32_maxps512_mask(b, a, a, (unsigned short)-1, 4); }
#elif VECTOR_BYTES == 32 && !defined(__clang__) && REAL_BITS == 32
INLINE V smaller(V a, V b) { return __builtin_ia32_minps256(b, a); }
INLINE V larger(V a, V b) { return __builtin_ia32_maxps256(b, a); }
#else
INLINE V smaller(V a, V b) { return pick(b < a, b, a); }
INLINE V larger(V a, V b) { return pick(b > a, b, a); }
#endif
INLINE V between(V low, V x, V high) { return smaller(larger(x, low), high); }
#define SIGN ((I)splat((REAL)-0.0))
INLINE V absolute(V a) { return (V)((I)a & ~SIGN); }
INLINE V with_sign_of(V a, V b) { return (V)(((I)a & ~SIGN) | ((I)b & SIGN)); }
INLINE I lanes(void) {
  static const WORD numbers[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  I lane;
  memcpy(&lane, numbers, sizeof lane);
  return lane;
}
INLINE V rotated(V v, int by) {
#if defined(__clang__)
  V out;
  for (int i = 0; i < VL; i++) out[i] = v[(i + by) % VL];
  return out;
#else
  return __builtin_shuffle(v, (lanes() + by) & (VL - 1));
#endif
}
INLINE REAL total(V v) {
  UNROLL for (int by = VL / 2; by > 0; by /= 2) v += rotated(v, by);
  return v[0];
}
INLINE REAL largest(V v) {
  UNROLL for (int by = VL / 2; by > 0; by /= 2) v = larger(v, rotated(v, by));
  return v[0];
}
INLINE int any(I mask) { return largest((V)(mask & (I)splat(1))) > 0; }
// All ones in the first n lanes.
INLINE I first_lanes(i64 n) { return lanes() < (WORD)(n < 0 ? 0 : n < VL ? n : VL); }

#undef SIGN
