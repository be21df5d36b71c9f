// What `tape.py` describes, in C: instructions, references and results. Its `prelude()` comes before
// this file, and the files of this folder follow it as one translation unit, in the order of
// `build.SOURCES`; once for float and once for double (-DREAL_BITS=32 or 64).
//
// With -DPORTABLE=1 nothing may depend on compiler, C library or CPU: vectors have 32 bytes, products
// are fused with sums where `fused` says so and nowhere else, and `elementary.c` takes the place of
// the C library.

#include <math.h>
#include <string.h>

#ifndef PORTABLE
#define PORTABLE 0
#endif
#if PORTABLE
#include <immintrin.h>
#endif

typedef int64_t i64;

#define EXPORT __attribute__((visibility("default")))
#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 32")
#endif

#if REAL_BITS == 32
typedef float REAL;
typedef int32_t WORD;
typedef uint32_t UWORD;
#define MANTISSA 23
#define LIBM(name) name##f
#else
typedef double REAL;
typedef int64_t WORD;
typedef uint64_t UWORD;
#define MANTISSA 52
#define LIBM(name) name
#endif

#define DEPTH 128  // rows whose sum is taken before it is added to that of the rows before them

typedef struct {
  i64 base, step, walk;
} REF;

typedef struct {
  i64 op;
  REF out, a, b, c;
} INSTRUCTION;
_Static_assert(sizeof(INSTRUCTION) == INSTRUCTION_BYTES, "as in tape.py");

typedef struct {
  double loss, correct, wrong;
  i64 scored;
  double square_norm;
} RESULT;
_Static_assert(sizeof(RESULT) == RESULT_BYTES, "as in tape.py");

INLINE i64 smallest(i64 a, i64 b) { return a < b ? a : b; }
INLINE REAL *at(i64 base, i64 offset) { return (REAL *)base + offset; }
INLINE REAL *element(const REF *r, i64 t, i64 e) {
  return (REAL *)r->base + (t * r->step + e * r->walk);
}
INLINE double immediate(i64 bits) {
  double x;
  memcpy(&x, &bits, sizeof x);
  return x;
}
