// Pointwise kernels over `count` numbers, a multiple of LANES.

typedef void (*KERNEL)(REAL *o, const REAL *a, const REAL *b, const REAL *c, i64 count);

#define A load(a + i)
#define B load(b + i)
#define C load(c + i)
#define KERNEL(NAME, READS, SECOND, THIRD, ...)                                                \
  _Static_assert(ARITY_##NAME == READS, "cells/op.py gives " #NAME " other operands");         \
  static void set_##NAME(REAL *o, const REAL *a, const REAL *SECOND, const REAL *THIRD,        \
                         i64 count) {                                                          \
    (void)SECOND, (void)THIRD;                                                                 \
    for (i64 i = 0; i < count; i += VL) store(o + i, __VA_ARGS__);                             \
  }                                                                                            \
  static void add_##NAME(REAL *o, const REAL *a, const REAL *SECOND, const REAL *THIRD,        \
                         i64 count) {                                                          \
    (void)SECOND, (void)THIRD;                                                                 \
    for (i64 i = 0; i < count; i += VL) store(o + i, load(o + i) + (__VA_ARGS__));             \
  }
// Kernels that read A; A and B; A, B and C. The row of an operator says what these are.
#define KERNEL_1(NAME, ...) KERNEL(NAME, 1, second, third, __VA_ARGS__)
#define KERNEL_2(NAME, ...) KERNEL(NAME, 2, b, third, __VA_ARGS__)
#define KERNEL_3(NAME, ...) KERNEL(NAME, 3, b, c, __VA_ARGS__)

#define DIVISION_GUARD ((REAL)1e-6)

INLINE V guard(V b) {
  V out = pick(b < (REAL)0, splat(-DIVISION_GUARD), splat(DIVISION_GUARD));
  return pick(absolute(b) <= DIVISION_GUARD, out, b);
}
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
  return a * (s * fused(b, (REAL)1 - s, splat(1)));
}
INLINE V gelu(V a) {
  V density;
  return a * normal_v(a, &density);
}
INLINE V d_gelu(V a, V b) {
  V density, below = normal_v(b, &density);
  return a * fused(b * (REAL)0.3989422804014327, density, below);
}

KERNEL_1(COPY, A)
KERNEL_1(NEGATE, -A)
KERNEL_1(ONE_MINUS, (REAL)1 - A)
KERNEL_2(ADD, A + B)
KERNEL_2(SUBTRACT, A - B)
KERNEL_2(MULTIPLY, A * B)
KERNEL_2(DIVIDE, A / guard(B))
KERNEL_2(MAXIMUM, pick(second_is_larger(A, B), B, A))
KERNEL_2(MINIMUM, pick(second_is_smaller(A, B), B, A))
KERNEL_3(MULTIPLY_ADD, fused(A, B, C))
KERNEL_3(MULTIPLY_SUBTRACT, fused_minus(C, A, B))
KERNEL_3(BLEND, A * B + ((REAL)1 - A) * C)
KERNEL_1(TANH, tanh_v(A))
KERNEL_1(SIGMOID, sigmoid_v(A))
KERNEL_1(RELU, pick(A < (REAL)0, splat(0), A))
KERNEL_1(EXP, exp_v(A))
KERNEL_1(LOGSIGMOID, -softplus_v(-A))
KERNEL_1(SOFTPLUS, softplus_v(A))
KERNEL_1(SILU, A * sigmoid_v(A))
KERNEL_1(SQUARE_ROOT, root(A))
KERNEL_1(SIN, sine(A, 0))
KERNEL_1(COS, sine(A, 1))
KERNEL_2(D_TANH, A * fused_minus(splat(1), B, B))
KERNEL_2(D_SIGMOID, A * (B * ((REAL)1 - B)))
KERNEL_2(D_RELU, where(~(B <= (REAL)0), A))
KERNEL_2(D_LOGSIGMOID, -A * expm1_negative(B))
KERNEL_2(D_SOFTPLUS, -A * expm1_negative(-B))
KERNEL_2(D_SILU, d_silu(A, B))
KERNEL_2(D_SQUARE_ROOT, where(~(B <= (REAL)0), A * (REAL)0.5 / B))
KERNEL_2(D_SIN, A * sine(B, 1))
KERNEL_2(D_COS, -A * sine(B, 0))
KERNEL_2(D_DIVIDE_A, A / guard(B))
KERNEL_3(D_DIVIDE_B, where(~(absolute(B) <= DIVISION_GUARD), -A * C / guard(B)))
KERNEL_3(D_MAXIMUM_A, where(~second_is_larger(B, C), A))
KERNEL_3(D_MAXIMUM_B, where(second_is_larger(B, C), A))
KERNEL_3(D_MINIMUM_A, where(~second_is_smaller(B, C), A))
KERNEL_3(D_MINIMUM_B, where(second_is_smaller(B, C), A))
KERNEL_1(ABS, absolute(A))
KERNEL_2(D_ABS, pick(B > (REAL)0, A, where(B < (REAL)0, -A)))
KERNEL_1(SOFTSIGN, A / ((REAL)1 + absolute(A)))
KERNEL_2(D_SOFTSIGN, A / (((REAL)1 + absolute(B)) * ((REAL)1 + absolute(B))))
KERNEL_1(GELU, gelu(A))
KERNEL_2(D_GELU, d_gelu(A, B))
KERNEL_1(LEAKY_RELU, pick(A > (REAL)0, A, A * (REAL)0.01))
KERNEL_2(D_LEAKY_RELU, pick(B > (REAL)0, A, A * (REAL)0.01))
KERNEL_1(ELU, pick(A > (REAL)0, A, expm1_negative(smaller(A, splat(0)))))
KERNEL_2(D_ELU, pick(B > (REAL)0, A, A * exp_v(B)))

// FILL is handed a block that holds its number.
#define set_FILL set_COPY
#define add_FILL add_COPY

// The rows of the table are those of `CODES` in `tape.py`, which follow from `cells/op.py`, in order:
// a kernel that is missing above, one too many, or one with other operands does not compile.
#define ROW(NAME) [OP_##NAME] = {set_##NAME, add_##NAME},
static const KERNEL KERNELS[][2] = {EACH_OP(ROW)};
_Static_assert(sizeof KERNELS / sizeof *KERNELS == OP_COUNT, "one row for each operation");

#undef A
#undef B
#undef C
#undef KERNEL
#undef KERNEL_1
#undef KERNEL_2
#undef KERNEL_3
#undef DIVISION_GUARD
#undef set_FILL
#undef add_FILL
#undef ROW
#undef LIBM

#define BLOCK 1024  // numbers that one instruction takes before the next one reads them

// Returns whether all instructions are in the table.
static int pointwise(const POINTWISE_FIELDS *f, const INSTRUCTION *instructions, i64 t) {
  const INSTRUCTION *first = instructions + f->first, *end = first + f->count;
  i64 blocks = (f->elements + BLOCK - 1) / BLOCK;
  if (blocks == 0) return 1;
  i64 size = (f->elements / LANES + blocks - 1) / blocks * LANES;
  for (i64 e = 0; e < f->elements; e += size) {
    i64 count = f->elements - e < size ? f->elements - e : size;
    for (const INSTRUCTION *s = first; s < end; s++) {
      i64 code = s->op & (ACCUMULATE - 1), accumulate = s->op / ACCUMULATE;
      if (code >= OP_COUNT || accumulate < 0 || accumulate > 1) return 0;
      KERNEL kernel = KERNELS[code][accumulate];
      if (code == OP_FILL) {
        REAL value[LANES];
        for (int i = 0; i < LANES; i++) value[i] = (REAL)immediate(s->a.base);
        REAL *o = element(&s->out, t, e);
        for (i64 i = 0; i < count; i += LANES) kernel(o + i, value, value, value, LANES);
        continue;
      }
      kernel(element(&s->out, t, e), element(&s->a, t, e), element(&s->b, t, e), element(&s->c, t, e),
             count);
    }
  }
  return 1;
}
