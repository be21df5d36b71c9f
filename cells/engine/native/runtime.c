// The native runtime: executes tapes. `tape.py` says what the items and instructions mean, and its
// `prelude()` comes before this file when it is compiled, once for float and once for double
// (-DREAL_BITS=32 or 64). Vectors are explicit, so nothing silently becomes scalar code.

#include <math.h>
#include <string.h>
#include <time.h>

typedef int64_t i64;

#if REAL_BITS == 32
typedef float REAL;
typedef int32_t WORD;
#define MANTISSA 23
#else
typedef double REAL;
typedef int64_t WORD;
#define MANTISSA 52
#endif

#if defined(__AVX512F__)
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
#define BLOCK 1024

typedef REAL V __attribute__((vector_size(VECTOR_BYTES)));
typedef REAL VU __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(REAL)), may_alias));
typedef WORD I __attribute__((vector_size(VECTOR_BYTES)));

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

INLINE V load(const REAL *p) { return *(const VU *)p; }
INLINE void store(REAL *p, V v) { *(VU *)p = v; }
INLINE V splat(REAL x) { return x - (V){0}; }
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

// ---------------------------------------------------------------------------------------------
// Transcendental functions. The float polynomials are minimax fits of the relative error, those
// for double are Taylor series.

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
#define LIBM(name) name##f
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
#define LIBM(name) name
#endif

// expm1(r) for |r| <= log(2) / 2.
INLINE V expm1_near(V r) {
#if REAL_BITS == 32
  // Not by Horner's rule: the chain of dependent operations is what takes time.
  V z = r * r, low = r * 1.6666545e-1f + 5.00000006e-1f, p = r * 8.366407e-3f + 4.1666289e-2f;
  p = z * 1.394611e-3f + p;
  p = p * z + low;
  return p * z + r;
#else
  V p = r * (1.0 / 6227020800.0) + 1.0 / 479001600.0;
  p = p * r + 1.0 / 39916800.0;
  p = p * r + 1.0 / 3628800.0;
  p = p * r + 1.0 / 362880.0;
  p = p * r + 1.0 / 40320.0;
  p = p * r + 1.0 / 5040.0;
  p = p * r + 1.0 / 720.0;
  p = p * r + 1.0 / 120.0;
  p = p * r + 1.0 / 24.0;
  p = p * r + 1.0 / 6.0;
  p = p * r + 0.5;
  return p * (r * r) + r;
#endif
}

// x = n log(2) + r. Returns r; *shifted becomes n + ROUNDER.
INLINE V reduce(V x, V *shifted) {
  *shifted = x * (REAL)1.4426950408889634 + ROUNDER;
  V n = *shifted - ROUNDER;
  V r = x - n * LN2_HIGH;
  return r - n * LN2_LOW;
}

// exp(x) for x from EXP_BOTTOM to EXP_TOP.
INLINE V exp_middle(V x) {
  V shifted, r = reduce(x, &shifted);
  return (V)((I)(expm1_near(r) + (REAL)1) + ((I)shifted << MANTISSA));
}

INLINE V exp_v(V x) {
  V y = pick(x < EXP_BOTTOM, splat(0), exp_middle(x));
  return pick(x <= EXP_TOP, y, x + (REAL)INFINITY);
}

// expm1(x) where exp(x) neither overflows nor matters below its last place.
INLINE V expm1_middle(V x) {
  V shifted, r = reduce(x, &shifted);
  V scale = (V)((I)splat(1) + ((I)shifted << MANTISSA));
  return expm1_near(r) * scale + (scale - (REAL)1);
}

INLINE V tanh_v(V x) {
#if REAL_BITS == 32 && FUSED
  // A minimax ratio of polynomials; at TANH_TOP it is 1 to the last place.
  x = between(splat(-TANH_TOP), x, splat(TANH_TOP));
  V z = x * x;
  V p = z * 1.3318898e-8f + 2.0583353e-5f;
  V q = z * 7.7619472e-7f + 3.28308e-4f;
  p = p * z + 3.4940268e-3f;
  q = q * z + 2.5871044e-2f;
  p = p * z + 1.3379711e-1f;
  q = q * z + 4.6713027e-1f;
  p = p * z + 1.0f;
  q = q * z + 1.0f;
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
  V p = z * 1.39971837e-1f + 1.40031578e-1f;
  p = p * z + 2.00105836e-1f;
  p = p * z + 3.33332125e-1f;
#else
  V p = splat(1.0 / 37);
  UNROLL for (int odd = 35; odd >= 3; odd -= 2) p = p * z + 1.0 / odd;
#endif
  s = s + s;
  return p * z * s + s;
}

INLINE V softplus_v(V x) {
  return larger(x, splat(0)) + log1p_unit(exp_v(-absolute(x)));
}

// sin(x + quarter * pi / 2) for |x| <= TRIGONOMETRIC_TOP.
INLINE V sine_near(V x, WORD quarter) {
  V shifted = x * (REAL)0.6366197723675814 + ROUNDER, n = shifted - ROUNDER;
  V r = x - n * HALF_PI_1;
  r = r - n * HALF_PI_2;
  r = r - n * HALF_PI_3;
  V z = r * r;
#if REAL_BITS == 32
  V s = z * -1.95169e-4f + 8.332176e-3f;
  s = s * z + -1.66666549e-1f;
  V c = z * 2.44387592e-5f + -1.38873718e-3f;
  c = c * z + 4.16666470e-2f;
#else
  V s = z * (1.0 / 355687428096000.0) + -1.0 / 1307674368000.0;
  s = s * z + 1.0 / 6227020800.0;
  s = s * z + -1.0 / 39916800.0;
  s = s * z + 1.0 / 362880.0;
  s = s * z + -1.0 / 5040.0;
  s = s * z + 1.0 / 120.0;
  s = s * z + -1.0 / 6.0;
  V c = z * (1.0 / 20922789888000.0) + -1.0 / 87178291200.0;
  c = c * z + 1.0 / 479001600.0;
  c = c * z + -1.0 / 3628800.0;
  c = c * z + 1.0 / 40320.0;
  c = c * z + -1.0 / 720.0;
  c = c * z + 1.0 / 24.0;
#endif
  s = s * z * r + r;
  c = c * z * z + (z * (REAL)-0.5 + (REAL)1);
  I turn = (I)shifted + quarter;
  V y = pick((turn & 1) != 0, c, s);
  return (V)((I)y ^ ((turn & 2) << (8 * (int)sizeof(REAL) - 2)));
}

// The C library for what `sine_near` cannot do; rare, so one by one.
static __attribute__((noinline)) V sine_far(V x, WORD quarter) {
  for (int i = 0; i < VL; i++) x[i] = quarter ? LIBM(cos)(x[i]) : LIBM(sin)(x[i]);
  return x;
}

INLINE V sine(V x, WORD quarter) {
  if (__builtin_expect(any(~(absolute(x) <= TRIGONOMETRIC_TOP)), 0)) return sine_far(x, quarter);
  return sine_near(x, quarter);
}

// ---------------------------------------------------------------------------------------------
// Pointwise kernels over `count` numbers, a multiple of LANES.

typedef void (*KERNEL)(REAL *o, const REAL *a, const REAL *b, const REAL *c, i64 count);

#define A load(a + i)
#define B load(b + i)
#define C load(c + i)
#define KERNEL_OF(NAME, ...)                                                                   \
  static void set_##NAME(REAL *o, const REAL *a, const REAL *b, const REAL *c, i64 count) {    \
    (void)a, (void)b, (void)c;                                                                 \
    for (i64 i = 0; i < count; i += VL) store(o + i, __VA_ARGS__);                             \
  }                                                                                            \
  static void add_##NAME(REAL *o, const REAL *a, const REAL *b, const REAL *c, i64 count) {    \
    (void)a, (void)b, (void)c;                                                                 \
    for (i64 i = 0; i < count; i += VL) store(o + i, load(o + i) + (__VA_ARGS__));             \
  }

#define DIVISION_GUARD ((REAL)1e-6)

INLINE V guard(V b) {
  V out = pick(b < (REAL)0, splat(-DIVISION_GUARD), splat(DIVISION_GUARD));
  return pick(absolute(b) <= DIVISION_GUARD, out, b);
}
INLINE V where(I mask, V a) { return (V)(mask & (I)a); }
INLINE I second_is_larger(V b, V c) { return (c > b) | (c != c); }
INLINE I second_is_smaller(V b, V c) { return (c < b) | (c != c); }
INLINE V root(V x) {
  V y;
#if defined(__clang__)
  for (int i = 0; i < VL; i++) y[i] = LIBM(__builtin_sqrt)(x[i]);
#elif VECTOR_BYTES == 64 && REAL_BITS == 32
  y = __builtin_ia32_sqrtps512_mask(x, x, (unsigned short)-1, 4);
#elif VECTOR_BYTES == 64
  y = __builtin_ia32_sqrtpd512_mask(x, x, (unsigned char)-1, 4);
#else
  for (int i = 0; i < VL; i++) y[i] = LIBM(__builtin_sqrt)(x[i]);
#endif
  return pick(x <= (REAL)0, splat(0), y);
}
INLINE V d_silu(V a, V b) {
  V s = sigmoid_v(b);
  return a * (s * ((REAL)1 + b * ((REAL)1 - s)));
}

KERNEL_OF(COPY, A)
KERNEL_OF(NEGATE, -A)
KERNEL_OF(ONE_MINUS, (REAL)1 - A)
KERNEL_OF(ADD, A + B)
KERNEL_OF(SUBTRACT, A - B)
KERNEL_OF(MULTIPLY, A * B)
KERNEL_OF(DIVIDE, A / guard(B))
KERNEL_OF(MAXIMUM, pick(second_is_larger(A, B), B, A))
KERNEL_OF(MINIMUM, pick(second_is_smaller(A, B), B, A))
KERNEL_OF(MULTIPLY_ADD, A * B + C)
KERNEL_OF(MULTIPLY_SUBTRACT, C - A * B)
KERNEL_OF(BLEND, A * B + ((REAL)1 - A) * C)
KERNEL_OF(TANH, tanh_v(A))
KERNEL_OF(SIGMOID, sigmoid_v(A))
KERNEL_OF(RELU, pick(A < (REAL)0, splat(0), A))
KERNEL_OF(EXP, exp_v(A))
KERNEL_OF(LOGSIGMOID, -softplus_v(-A))
KERNEL_OF(SOFTPLUS, softplus_v(A))
KERNEL_OF(SILU, A * sigmoid_v(A))
KERNEL_OF(SQRT, root(A))
KERNEL_OF(SIN, sine(A, 0))
KERNEL_OF(COS, sine(A, 1))
KERNEL_OF(D_TANH, A * ((REAL)1 - B * B))
KERNEL_OF(D_SIGMOID, A * (B * ((REAL)1 - B)))
KERNEL_OF(D_RELU, where(~(B <= (REAL)0), A))
KERNEL_OF(D_LOGSIGMOID, -A * expm1_negative(B))
KERNEL_OF(D_SOFTPLUS, -A * expm1_negative(-B))
KERNEL_OF(D_SILU, d_silu(A, B))
KERNEL_OF(D_SQRT, where(~(B <= (REAL)0), A * (REAL)0.5 / B))
KERNEL_OF(D_SIN, A * sine(B, 1))
KERNEL_OF(D_COS, -A * sine(B, 0))
KERNEL_OF(D_DIVIDE_A, A / guard(B))
KERNEL_OF(D_DIVIDE_B, where(~(absolute(B) <= DIVISION_GUARD), -A * C / guard(B)))
KERNEL_OF(D_MAXIMUM_A, where(~second_is_larger(B, C), A))
KERNEL_OF(D_MAXIMUM_B, where(second_is_larger(B, C), A))
KERNEL_OF(D_MINIMUM_A, where(~second_is_smaller(B, C), A))
KERNEL_OF(D_MINIMUM_B, where(second_is_smaller(B, C), A))

// FILL is handed a block that holds its number.
#define set_FILL set_COPY
#define add_FILL add_COPY

#define ROW(NAME) [OP_##NAME] = {set_##NAME, add_##NAME}
static const KERNEL KERNELS[][2] = {
    ROW(COPY),        ROW(FILL),        ROW(NEGATE),      ROW(ONE_MINUS),
    ROW(ADD),         ROW(SUBTRACT),    ROW(MULTIPLY),    ROW(DIVIDE),
    ROW(MAXIMUM),     ROW(MINIMUM),     ROW(MULTIPLY_ADD), ROW(MULTIPLY_SUBTRACT),
    ROW(BLEND),       ROW(TANH),        ROW(SIGMOID),     ROW(RELU),
    ROW(EXP),         ROW(LOGSIGMOID),  ROW(SOFTPLUS),    ROW(SILU),
    ROW(SQRT),        ROW(SIN),         ROW(COS),         ROW(D_TANH),
    ROW(D_SIGMOID),   ROW(D_RELU),      ROW(D_LOGSIGMOID), ROW(D_SOFTPLUS),
    ROW(D_SILU),      ROW(D_SQRT),      ROW(D_SIN),       ROW(D_COS),
    ROW(D_DIVIDE_A),  ROW(D_DIVIDE_B),  ROW(D_MAXIMUM_A), ROW(D_MAXIMUM_B),
    ROW(D_MINIMUM_A), ROW(D_MINIMUM_B),
};

typedef struct {
  i64 base, step, walk;
} REF;

typedef struct {
  i64 op;
  REF out, a, b, c;
} INSTRUCTION;

typedef struct {
  double loss, correct, wrong;
  i64 scored;
  double square_norm;
} RESULT;

INLINE REAL *at(i64 base, i64 offset) { return (REAL *)base + offset; }
INLINE REAL *place(const REF *r, i64 t, i64 e) {
  return (REAL *)r->base + (t * r->step + e * r->walk);
}
INLINE double immediate(i64 bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}

static void pointwise(const POINTWISE_FIELDS *f, const INSTRUCTION *instructions, i64 t) {
  const INSTRUCTION *first = instructions + f->first, *end = first + f->count;
  i64 blocks = (f->elements + BLOCK - 1) / BLOCK;
  if (blocks == 0) return;
  i64 size = (f->elements / LANES + blocks - 1) / blocks * LANES;
  for (i64 e = 0; e < f->elements; e += size) {
    i64 count = f->elements - e < size ? f->elements - e : size;
    for (const INSTRUCTION *s = first; s < end; s++) {
      i64 code = s->op & (ACCUMULATE - 1);
      KERNEL kernel = KERNELS[code][s->op / ACCUMULATE];
      if (code == OP_FILL) {
        REAL value[LANES];
        for (int i = 0; i < LANES; i++) value[i] = (REAL)immediate(s->a.base);
        REAL *o = place(&s->out, t, e);
        for (i64 i = 0; i < count; i += LANES) kernel(o + i, value, value, value, LANES);
        continue;
      }
      kernel(place(&s->out, t, e), place(&s->a, t, e), place(&s->b, t, e), place(&s->c, t, e),
             count);
    }
  }
}

// ---------------------------------------------------------------------------------------------
// Products. A tile is `rows` rows of C by `panels` panels, held in registers throughout.

#define MOST_ROWS(PANELS) (ACCUMULATORS / (NV * (PANELS)) > 0 ? ACCUMULATORS / (NV * (PANELS)) : 1)
#define MOST_PANELS 8

// Number r of five rows that lie `ld` bytes apart, in a form that one instruction can address.
INLINE const REAL *row_of_five(const char *p, int r, i64 ld, i64 ld3) {
  i64 offset = r == 0 ? 0 : r == 1 ? ld : r == 2 ? 2 * ld : r == 3 ? ld3 : 4 * ld;
  return (const REAL *)(p + offset);
}

#define HIDE(x) __asm__("" : "+r"(x))  // keeps the compiler from making a pointer of every row
#if defined(__AVX512F__) && !defined(__clang__)
#define KEEP(v) __asm__("" : "+v"(v))  // and from loading a vector again for each of its uses
#else
#define KEEP(v) (void)v
#endif
#define EACH_ROW UNROLL for (int r = 0; r < rows; r++)
#define EACH_COLUMN UNROLL for (int j = 0; j < panels * NV; j++)

INLINE void gemm_tile(const int rows, const int panels, const GEMM_FIELDS *f, const REAL *a,
                      const REAL *w, i64 panel_size, REAL *const *c, const REAL *const *bias) {
  V sum[ACCUMULATORS + NV];
  i64 ldc = f->ldc;
  EACH_ROW EACH_COLUMN sum[r * panels * NV + j] = (V){0};
  i64 ld = f->lda * (i64)sizeof(REAL), ld3 = 3 * ld, k = f->k;
  i64 size = panel_size * (i64)sizeof(REAL), size3 = 3 * size;
  const char *from[MOST_PANELS / 4];
  UNROLL for (int q = 0; q * 4 < panels; q++) from[q] = (const char *)w + 4 * q * size;
  for (i64 s = 0; s < f->segments; s++, a += f->a_segment_stride) {
    const char *p[ACCUMULATORS / 5 + 1];
    UNROLL for (int q = 0; q * 5 < rows; q++) p[q] = (const char *)a + q * 5 * ld;
#define GEMM_STEP(u)                                                                           \
  {                                                                                            \
    V b[MOST_PANELS * NV];                                                                     \
    EACH_COLUMN {                                                                              \
      int panel = j / NV;                                                                      \
      const REAL *row = row_of_five(from[panel / 4], panel % 4, size, size3) + (u) * LANES;    \
      b[j] = load(row + j % NV * VL);                                                          \
      KEEP(b[j]);                                                                              \
    }                                                                                          \
    EACH_ROW {                                                                                 \
      V x = splat(row_of_five(p[r / 5], r % 5, ld, ld3)[u]);                                   \
      EACH_COLUMN sum[r * panels * NV + j] += x * b[j];                                        \
    }                                                                                          \
  }
#define GEMM_NEXT(n)                                                                           \
  UNROLL for (int q = 0; q * 4 < panels; q++) {                                                \
    from[q] += (n) * LANES * sizeof(REAL);                                                     \
    HIDE(from[q]);                                                                             \
  }                                                                                            \
  UNROLL for (int q = 0; q * 5 < rows; q++) {                                                  \
    p[q] += (n) * sizeof(REAL);                                                                \
    HIDE(p[q]);                                                                                \
  }
    i64 left = k;
    for (; left >= 4; left -= 4) {
      HIDE(ld);
      HIDE(ld3);
      HIDE(size);
      HIDE(size3);
      GEMM_STEP(0) GEMM_STEP(1) GEMM_STEP(2) GEMM_STEP(3)
      GEMM_NEXT(4)
    }
    for (; left > 0; left--) {
      GEMM_STEP(0)
      GEMM_NEXT(1)
    }
  }
  // C comes last: by then it has arrived from wherever it was, and nothing waits for it.
  if (bias) {
    EACH_COLUMN {
      V b = load(bias[j / NV] + j % NV * VL);
      EACH_ROW sum[r * panels * NV + j] += b;
    }
  }
  if (f->accumulate) {
    EACH_ROW EACH_COLUMN {
      REAL *to = c[j / NV] + r * ldc + j % NV * VL;
      store(to, sum[r * panels * NV + j] + load(to));
    }
  } else {
    EACH_ROW EACH_COLUMN store(c[j / NV] + r * ldc + j % NV * VL, sum[r * panels * NV + j]);
  }
}

// One function a number of rows for each number of panels; rows beyond the registers' are absent.
#define TILE_CASE(R, P, CALL) case R: if (R <= MOST_ROWS(P)) { CALL; } break;
#define GEMM_CASE(R, P) TILE_CASE(R, P, gemm_tile(R, P, f, a, w, panel_size, c, bias))
#define CASES_12(CASE, P)                                                                      \
  CASE(1, P) CASE(2, P) CASE(3, P) CASE(4, P) CASE(5, P) CASE(6, P)                            \
  CASE(7, P) CASE(8, P) CASE(9, P) CASE(10, P) CASE(11, P) CASE(12, P)
#define CASES_6(CASE, P)                                                                       \
  CASE(1, P) CASE(2, P) CASE(3, P) CASE(4, P) CASE(5, P) CASE(6, P)
#define CASES_3(CASE, P) CASE(1, P) CASE(2, P) CASE(3, P)
#define GEMM_FUNCTION(P, CASES)                                                                \
  static void gemm_##P(i64 rows, const GEMM_FIELDS *f, const REAL *a, const REAL *w,           \
                       i64 panel_size, REAL *const *c, const REAL *const *bias) {              \
    switch (rows) { CASES(GEMM_CASE, P) }                                                      \
  }
GEMM_FUNCTION(1, CASES_12)
GEMM_FUNCTION(2, CASES_12)
GEMM_FUNCTION(4, CASES_6)
GEMM_FUNCTION(8, CASES_3)

INLINE i64 smallest(i64 a, i64 b) { return a < b ? a : b; }

// Most rows of a tile of that many panels: what registers hold, and at most 12.
INLINE i64 tile_rows(i64 panels) {
  i64 most = panels == 1   ? MOST_ROWS(1)
             : panels == 2 ? MOST_ROWS(2)
             : panels == 4 ? MOST_ROWS(4)
                           : MOST_ROWS(8);
  return smallest(most, 12);
}

// How many panels a tile shall have: few rows need many columns to hide latency.
INLINE i64 tile_panels(i64 rows, i64 panels) {
  if (panels >= 8 && rows <= 3 && rows <= ACCUMULATORS / (NV * 8)) return 8;
  if (panels >= 4 && rows <= 6 && rows <= ACCUMULATORS / (NV * 4)) return 4;
  if (panels >= 2 && 2 * NV <= ACCUMULATORS / 4) return 2;
  return 1;
}

#define ROWS_AT_ONCE 120  // of A, that stay in cache while all panels pass by

static void gemm(const GEMM_FIELDS *f, i64 t) {
  const REAL *a = at(f->a_base, t * f->a_step);
  REAL *c = at(f->c_base, t * f->c_step);
  const REAL *w = at(f->panels, 0), *bias = at(f->bias, 0);
  i64 height = f->height ? f->height : f->segments * f->k, panel_size = height * LANES;
  i64 per_gate = (f->n + LANES - 1) / LANES, all = f->gates * per_gate;
  for (i64 top = 0; top < f->rows; top += ROWS_AT_ONCE) {
    i64 bottom = smallest(f->rows, top + ROWS_AT_ONCE);
    for (i64 q = 0, panels; q < all; q += panels) {
      panels = tile_panels(bottom - top, all - q);
      REAL *columns[MOST_PANELS];
      const REAL *biases[MOST_PANELS];
      for (i64 j = 0; j < panels; j++) {
        i64 g = (q + j) / per_gate, column = (q + j) % per_gate * LANES;
        columns[j] = c + g * f->c_gate_stride + column + top * f->ldc;
        biases[j] = bias + g * f->ldc + column;
      }
      i64 groups = (bottom - top + tile_rows(panels) - 1) / tile_rows(panels);
      for (i64 row = top; groups > 0; groups--) {
        i64 rows = (bottom - row + groups - 1) / groups;
        const REAL *rows_of_a = a + row * f->lda, *from = w + q * panel_size;
        const REAL *const *added = f->bias ? biases : 0;
        if (panels == 1) gemm_1(rows, f, rows_of_a, from, panel_size, columns, added);
        else if (panels == 2) gemm_2(rows, f, rows_of_a, from, panel_size, columns, added);
        else if (panels == 4) gemm_4(rows, f, rows_of_a, from, panel_size, columns, added);
        else gemm_8(rows, f, rows_of_a, from, panel_size, columns, added);
        row += rows;
        for (i64 j = 0; j < panels; j++) columns[j] += rows * f->ldc;
      }
    }
  }
}

// A^T G: `rows` columns of A by `panels` panels of G, over `depth` rows of both.
#define DEPTH 128

INLINE void gradient_tile(const int rows, const int panels, const REAL *a, i64 lda, const REAL *g,
                          i64 depth, REAL *out, i64 panel_size, int accumulate) {
  V sum[ACCUMULATORS + NV];
  if (accumulate) {
    EACH_ROW EACH_COLUMN sum[r * panels * NV + j] =
        load(out + j / NV * panel_size + r * LANES + j % NV * VL);
  } else {
    EACH_ROW EACH_COLUMN sum[r * panels * NV + j] = (V){0};
  }
  for (i64 d = 0; d < depth; d++, a += lda, g += panels * LANES) {
    V b[MOST_PANELS * NV];
    EACH_COLUMN b[j] = load(g + j * VL);
    EACH_ROW {
      V x = splat(a[r]);
      EACH_COLUMN sum[r * panels * NV + j] += x * b[j];
    }
  }
  EACH_ROW EACH_COLUMN
      store(out + j / NV * panel_size + r * LANES + j % NV * VL, sum[r * panels * NV + j]);
}

#define GRADIENT_CASE(R, P)                                                                    \
  TILE_CASE(R, P, gradient_tile(R, P, a, lda, g, depth, out, panel_size, accumulate))
#define GRADIENT_FUNCTION(P)                                                                   \
  static void gradient_##P(i64 rows, const REAL *a, i64 lda, const REAL *g, i64 depth,         \
                           REAL *out, i64 panel_size, int accumulate) {                        \
    switch (rows) { CASES_12(GRADIENT_CASE, P) }                                               \
  }
GRADIENT_FUNCTION(1)
GRADIENT_FUNCTION(2)

static void weight_gradient(const WEIGHT_GRADIENT_FIELDS *f) {
  REAL slice[DEPTH * 2 * LANES] __attribute__((aligned(64)));
  i64 height = f->height ? f->height : f->k, panel_size = height * LANES;
  i64 per_gate = (f->n + LANES - 1) / LANES, all = f->gates * per_gate;
  REAL *out = at(f->out_panels, 0);
  i64 tops = f->rows > 0 ? f->rows : 1;  // without rows the sum is zero
  for (i64 q = 0, panels; q < all; q += panels) {
    panels = all - q >= 2 && 2 * NV <= ACCUMULATORS / 4 ? 2 : 1;
    for (i64 top = 0; top < tops; top += DEPTH) {
      i64 depth = smallest(f->rows - top, DEPTH);
      for (i64 j = 0; j < panels; j++) {
        i64 gate = (q + j) / per_gate, column = (q + j) % per_gate * LANES;
        const REAL *g = at(f->g_base, gate * f->g_gate_stride + top * f->ldg + column);
        REAL *to = slice + j * LANES;
        I mask[NV];
        V sum[NV];
        UNROLL for (int v = 0; v < NV; v++) {
          mask[v] = first_lanes(f->n - column - v * VL);
          sum[v] = (V){0};
        }
        for (i64 d = 0; d < depth; d++, g += f->ldg, to += panels * LANES) {
          UNROLL for (int v = 0; v < NV; v++) {
            V x = where(mask[v], load(g + v * VL));
            sum[v] += x;
            store(to + v * VL, x);
          }
        }
        if (f->sums) {
          REAL *sums = at(f->sums, gate * f->ldg + column);
          UNROLL for (int v = 0; v < NV; v++) {
            if (top > 0 || f->accumulate) sum[v] += load(sums + v * VL);
            store(sums + v * VL, where(mask[v], sum[v]));
          }
        }
      }
      const REAL *a = at(f->a_base, top * f->lda);
      i64 groups = (f->k + tile_rows(panels) - 1) / tile_rows(panels);
      int accumulate = f->accumulate || top > 0;
      for (i64 row = 0; groups > 0; groups--) {
        i64 rows = (f->k - row + groups - 1) / groups;
        REAL *to = out + q * panel_size + row * LANES;
        (panels == 1 ? gradient_1 : gradient_2)(rows, a + row, f->lda, slice, depth, to, panel_size,
                                                accumulate);
        row += rows;
      }
    }
  }
}

#if VECTOR_BYTES == 64 && REAL_BITS == 32 && !defined(__clang__)
// The 16 x 16 transpose of what lies in 16 rows, by exchanging ever larger blocks.
INLINE void turn(const REAL *from, REAL *to) {
  V row[LANES];
  UNROLL for (int i = 0; i < LANES; i++) row[i] = load(from + i * LANES);
  UNROLL for (int apart = 1; apart < LANES; apart *= 2) {
    I upper = (lanes() & apart) != 0;
    I first = (upper & (lanes() - apart + LANES)) | (~upper & lanes());
    I second = (upper & (lanes() + LANES)) | (~upper & (lanes() + apart));
    UNROLL for (int i = 0; i < LANES; i++) {
      if (i & apart) continue;
      V a = row[i], b = row[i + apart];
      row[i] = __builtin_shuffle(a, b, first);
      row[i + apart] = __builtin_shuffle(a, b, second);
    }
  }
  UNROLL for (int i = 0; i < LANES; i++) store(to + i * LANES, row[i]);
}
#else
INLINE void turn(const REAL *from, REAL *to) {
  for (int i = 0; i < LANES; i++)
    for (int j = 0; j < LANES; j++) to[i * LANES + j] = from[j * LANES + i];
}
#endif

static void transpose_panels(const TRANSPOSE_PANELS_FIELDS *f) {
  i64 from_size = (f->source_height ? f->source_height : f->k) * LANES;
  i64 to_size = (f->destination_height ? f->destination_height : f->gates * f->n) * LANES;
  i64 per_gate = (f->n + LANES - 1) / LANES;
  for (i64 p = 0; p * LANES < f->k; p++) {
    i64 rows = smallest(f->k - p * LANES, LANES);
    for (i64 g = 0; g < f->gates; g++)
      for (i64 q = 0; q < per_gate; q++) {
        i64 columns = smallest(f->n - q * LANES, LANES);
        const REAL *from = at(f->source, (g * per_gate + q) * from_size + p * LANES * LANES);
        REAL *to = at(f->destination, p * to_size + (g * f->n + q * LANES) * LANES);
        if (rows == LANES && columns == LANES) {
          turn(from, to);
          continue;
        }
        for (i64 i = 0; i < columns; i++)
          for (i64 j = 0; j < LANES; j++) to[i * LANES + j] = j < rows ? from[j * LANES + i] : 0;
      }
  }
}

// ---------------------------------------------------------------------------------------------
// Sums over rows, and rows by number.

static void column_sum(const COLUMN_SUM_FIELDS *f) {
  for (i64 g = 0; g < f->gates; g++)
    for (i64 column = 0; column < f->n; column += VL) {
      const REAL *from = at(f->g_base, g * f->g_gate_stride + column);
      REAL *out = at(f->out, g * f->ldg + column);
      V sum = f->accumulate ? load(out) : (V){0};
      for (i64 top = 0; top < f->rows; top += DEPTH) {
        V part = {0};
        for (i64 row = top; row < smallest(f->rows, top + DEPTH); row++, from += f->ldg)
          part += load(from);
        sum += part;
      }
      store(out, where(first_lanes(f->n - column), sum));
    }
  for (i64 g = 0; g < f->gates; g++)
    for (i64 column = f->n; column % LANES; column++) *at(f->out, g * f->ldg + column) = 0;
}

static void row_gather(const ROW_GATHER_FIELDS *f, i64 t) {
  const i64 *index = (const i64 *)f->index + t * f->index_step;
  for (i64 g = 0; g < f->gates; g++) {
    const REAL *table = at(f->table, g * f->table_gate_stride);
    REAL *out = at(f->out, t * f->out_step + g * f->out_gate_stride);
    for (i64 row = 0; row < f->rows; row++, out += f->out_ld) {
      const REAL *from = table + index[row] * f->table_ld;
      i64 i = 0;
      for (; i + VL <= f->n; i += VL) store(out + i, load(from + i));
      for (; i < f->n; i++) out[i] = from[i];
    }
  }
}

static void row_scatter_add(const ROW_SCATTER_ADD_FIELDS *f, i64 t) {
  const i64 *index = (const i64 *)f->index + t * f->index_step;
  for (i64 g = 0; g < f->gates; g++) {
    REAL *table = at(f->table, g * f->table_gate_stride);
    const REAL *from = at(f->g_base, t * f->g_step + g * f->g_gate_stride);
    for (i64 row = 0; row < f->rows; row++, from += f->ldg) {
      REAL *to = table + index[row] * f->table_ld;
      i64 i = 0;
      for (; i + VL <= f->n; i += VL) store(to + i, load(to + i) + load(from + i));
      for (; i < f->n; i++) to[i] += from[i];
    }
  }
}

// ---------------------------------------------------------------------------------------------
// The head, the norm and the update.

// Vector i of a row of n numbers, with `other` beyond them.
INLINE V head_load(const REAL *row, i64 i, i64 n, REAL other) {
  if (i + VL <= n) return load(row + i);
  return pick(first_lanes(n - i), load(row + i), splat(other));
}

static void softmax_loss(const SOFTMAX_LOSS_FIELDS *f, RESULT *result) {
  const i64 *targets = (const i64 *)f->targets;
  const uint8_t *mask = (const uint8_t *)f->mask;
  REAL scale = (REAL)immediate(f->scale);
  i64 n = f->n;
  // Of several rows one logarithm is taken: each sum is between 1 and n.
  double product = 1, loss = 0;
  for (i64 row = 0; row < f->rows; row++) {
    REAL *x = at(f->logits, row * f->ld);
    if (mask && !mask[row]) {
      if (f->gradient) memset(x, 0, (size_t)((n + LANES - 1) / LANES * LANES) * sizeof(REAL));
      continue;
    }
    V highest = head_load(x, 0, n, (REAL)-INFINITY);
    for (i64 i = VL; i < n; i += VL) highest = larger(highest, head_load(x, i, n, (REAL)-INFINITY));
    REAL most = largest(highest), target = x[targets[row]];
    if (target == most) {
      I before = {0};
      for (i64 i = 0; i < targets[row]; i += VL)
        before |= (load(x + i) == most) & first_lanes(targets[row] - i);
      result->correct += !any(before);
    }
    result->scored++;
    V sum = {0};
    if (f->gradient) {
      for (i64 i = 0; i < n; i += VL) {
        V p = exp_v(head_load(x, i, n, (REAL)-INFINITY) - most);
        sum += p;
        store(x + i, p);
      }
    } else {
      for (i64 i = 0; i < n; i += VL) sum += exp_v(head_load(x, i, n, (REAL)-INFINITY) - most);
    }
    REAL whole = total(sum);
    loss += (double)most - (double)target;
    product *= (double)whole;
    if (product > 1e200 || !(product < INFINITY)) {
      loss += log(product);
      product = 1;
    }
    if (f->gradient) {
      REAL share = scale / whole;
      for (i64 i = 0; i < n; i += VL) store(x + i, load(x + i) * share);
      for (i64 i = (n + VL - 1) / VL * VL; i % LANES; i++) x[i] = 0;
      x[targets[row]] -= scale;
    }
  }
  result->loss += loss + log(product);
}

static void bernoulli_loss(const BERNOULLI_LOSS_FIELDS *f, RESULT *result) {
  const uint8_t *mask = (const uint8_t *)f->mask;
  REAL scale = (REAL)immediate(f->scale);
  i64 n = f->n, width = (n + LANES - 1) / LANES * LANES;
  for (i64 row = 0; row < f->rows; row++) {
    REAL *x = at(f->logits, row * f->ld);
    const REAL *z = at(f->targets, row * f->target_ld);
    if (mask && !mask[row]) {
      if (f->gradient) memset(x, 0, (size_t)width * sizeof(REAL));
      continue;
    }
    V loss = {0};
    I both = {0}, one = {0};
    for (i64 i = 0; i < width; i += VL) {
      I real = first_lanes(n - i);
      V logit = where(real, load(x + i)), target = where(real, load(z + i));
      // log(1 + exp(x)) - x z, whose first part is larger(x, 0) + log1p(exp(-|x|)).
      loss += where(real, (larger(logit, splat(0)) - logit * target) +
                              log1p_unit(exp_v(-absolute(logit))));
      I sounding = target > (REAL)0, predicted = logit > (REAL)0;
      both -= sounding & predicted;
      one -= sounding ^ predicted;
      if (f->gradient) store(x + i, where(real, (sigmoid_v(logit) - target) * scale));
    }
    result->loss += (double)total(loss);
    for (int i = 0; i < VL; i++) {
      result->correct += (double)both[i];
      result->wrong += (double)one[i];
    }
    result->scored++;
  }
}

static void square_norm(const SQUARE_NORM_FIELDS *f, RESULT *result) {
  // Squares of float are exact in double, and sums lose nothing that matters.
  typedef double D __attribute__((vector_size(VECTOR_BYTES)));
  typedef REAL PART __attribute__((vector_size(VECTOR_BYTES / sizeof(double) * sizeof(REAL)),
                                   aligned(sizeof(REAL)), may_alias));
  enum { WIDE = VECTOR_BYTES / sizeof(double) };
  D sum[4] = {{0}};
  double rest = 0;
  for (i64 row = 0; row < f->rows; row++) {
    const REAL *x = at(f->base, row * f->ld);
    i64 i = 0;
    for (; i + 4 * WIDE <= f->n; i += 4 * WIDE) {
      UNROLL for (int part = 0; part < 4; part++) {
        D wide = __builtin_convertvector(*(const PART *)(x + i + part * WIDE), D);
        sum[part] += wide * wide;
      }
    }
    for (; i < f->n; i++) rest += (double)x[i] * (double)x[i];
  }
  sum[0] += sum[1] + (sum[2] + sum[3]);
  for (int i = 0; i < WIDE; i++) rest += sum[0][i];
  result->square_norm += rest;
}

static void update(const STEP_FIELDS *f, const RESULT *result, double rate, double clip) {
  double norm = sqrt(result->square_norm);
  // As in the reference the squares must be finite as REAL.
  if (!((REAL)result->square_norm < INFINITY) || !(fabs(result->loss) < INFINITY) || norm == 0)
    return;
  REAL step = (REAL)(rate * (clip < norm ? clip / norm : 1));
  REAL *w = at(f->weights, 0);
  const REAL *g = at(f->gradients, 0);
  i64 i = 0;
  for (; i + VL <= f->count; i += VL) store(w + i, load(w + i) - load(g + i) * step);
  for (; i < f->count; i++) w[i] -= g[i] * step;
}

// ---------------------------------------------------------------------------------------------
// Items.

typedef struct {
  i64 kind;
  union {
    i64 f[23];
    POINTWISE_FIELDS pointwise;
    GEMM_FIELDS gemm;
    WEIGHT_GRADIENT_FIELDS weight_gradient;
    COLUMN_SUM_FIELDS column_sum;
    ROW_GATHER_FIELDS row_gather;
    ROW_SCATTER_ADD_FIELDS row_scatter_add;
    ZERO_FIELDS zero;
    COPY_FIELDS copy;
    LOOP_FIELDS loop;
    SOFTMAX_LOSS_FIELDS softmax_loss;
    BERNOULLI_LOSS_FIELDS bernoulli_loss;
    SQUARE_NORM_FIELDS square_norm;
    STEP_FIELDS step;
    TRANSPOSE_PANELS_FIELDS transpose_panels;
  };
} ITEM;

#if BFLOAT16
static void gemm_bfloat16(const GEMM_FIELDS *f, i64 t);
static void weight_gradient_bfloat16(const WEIGHT_GRADIENT_FIELDS *f);
#endif

typedef struct {
  const ITEM *items;
  const INSTRUCTION *instructions;
  RESULT *result;
  double rate, clip;
} CALL;

static i64 run_items(const CALL *call, i64 first, i64 count, i64 t, int inside) {
  for (i64 i = first; i < first + count; i++) {
    const ITEM *item = call->items + i;
    switch (item->kind) {
      case ITEM_POINTWISE: pointwise(&item->pointwise, call->instructions, t); break;
      case ITEM_GEMM: gemm(&item->gemm, t); break;
      case ITEM_WEIGHT_GRADIENT: weight_gradient(&item->weight_gradient); break;
      case ITEM_COLUMN_SUM: column_sum(&item->column_sum); break;
      case ITEM_ROW_GATHER: row_gather(&item->row_gather, t); break;
      case ITEM_ROW_SCATTER_ADD: row_scatter_add(&item->row_scatter_add, t); break;
      case ITEM_ZERO:
        memset(at(item->zero.base, t * item->zero.step), 0, (size_t)item->zero.bytes);
        break;
      case ITEM_COPY:
        memcpy(at(item->copy.destination, t * item->copy.destination_step),
               at(item->copy.source, t * item->copy.source_step), (size_t)item->copy.bytes);
        break;
      case ITEM_LOOP: {
        const LOOP_FIELDS *loop = &item->loop;
        if (inside) return i + 1;
        for (i64 s = 0; s < loop->steps; s++) {
          i64 now = loop->reverse ? loop->steps - 1 - s : s;
          i64 bad = run_items(call, loop->first, loop->count, now, 1);
          if (bad) return bad;
        }
        break;
      }
      case ITEM_SOFTMAX_LOSS: softmax_loss(&item->softmax_loss, call->result); break;
      case ITEM_BERNOULLI_LOSS: bernoulli_loss(&item->bernoulli_loss, call->result); break;
      case ITEM_SQUARE_NORM: square_norm(&item->square_norm, call->result); break;
      case ITEM_STEP: update(&item->step, call->result, call->rate, call->clip); break;
      case ITEM_TRANSPOSE_PANELS: transpose_panels(&item->transpose_panels); break;
#if BFLOAT16
      case ITEM_GEMM_BFLOAT16: gemm_bfloat16(&item->gemm, t); break;
      case ITEM_WEIGHT_GRADIENT_BFLOAT16:
        weight_gradient_bfloat16(&item->weight_gradient);
        break;
#endif
      default: return i + 1;
    }
  }
  return 0;
}

// Denormals count as zero while the runtime works: the mode is the thread's, so it is put back.
#if defined(__SSE2__)
typedef unsigned int MODE;
INLINE MODE flush_denormals(void) {
  MODE before = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(before | 0x8040);
  return before;
}
INLINE void restore_mode(MODE before) { __builtin_ia32_ldmxcsr(before); }
#elif defined(__aarch64__)
typedef uint64_t MODE;
INLINE MODE flush_denormals(void) {
  MODE before;
  __asm__ volatile("mrs %0, fpcr" : "=r"(before));
  __asm__ volatile("msr fpcr, %0" : : "r"(before | (1u << 24)));
  return before;
}
INLINE void restore_mode(MODE before) { __asm__ volatile("msr fpcr, %0" : : "r"(before)); }
#else
typedef int MODE;
INLINE MODE flush_denormals(void) { return 0; }
INLINE void restore_mode(MODE before) { (void)before; }
#endif

#define EXPORT __attribute__((visibility("default")))

// Runs items [first, first + count). Returns 0, or 1 + the number of an item that cannot be run.
EXPORT i64 run(const ITEM *items, i64 first, i64 count, const INSTRUCTION *instructions,
               RESULT *result, double rate, double clip) {
  CALL call = {items, instructions, result, rate, clip};
  MODE before = flush_denormals();
  i64 bad = run_items(&call, first, count, 0, 0);
  restore_mode(before);
  return bad;
}

EXPORT i64 block_size(void) { return BLOCK; }
EXPORT i64 real_size(void) { return sizeof(REAL); }
EXPORT i64 vector_size(void) { return VECTOR_BYTES; }
EXPORT i64 has_bfloat16(void) { return BFLOAT16; }

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
      UNROLL for (int i = 0; i < ACCUMULATORS; i++) sum[i] = sum[i] * x + y;
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
