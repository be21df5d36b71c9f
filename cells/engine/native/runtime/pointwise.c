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

KERNEL_OF(COPY, A)
KERNEL_OF(NEGATE, -A)
KERNEL_OF(ONE_MINUS, (REAL)1 - A)
KERNEL_OF(ADD, A + B)
KERNEL_OF(SUBTRACT, A - B)
KERNEL_OF(MULTIPLY, A * B)
KERNEL_OF(DIVIDE, A / guard(B))
KERNEL_OF(MAXIMUM, pick(second_is_larger(A, B), B, A))
KERNEL_OF(MINIMUM, pick(second_is_smaller(A, B), B, A))
KERNEL_OF(MULTIPLY_ADD, fused(A, B, C))
KERNEL_OF(MULTIPLY_SUBTRACT, fused_minus(C, A, B))
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
KERNEL_OF(D_TANH, A * fused_minus(splat(1), B, B))
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

// The rows of the table are those of `Code` in `tape.py`, in order: a kernel that is missing above,
// or one too many, does not compile.
#define ROW(NAME) [OP_##NAME] = {set_##NAME, add_##NAME},
static const KERNEL KERNELS[][2] = {EACH_OP(ROW)};
_Static_assert(sizeof KERNELS / sizeof *KERNELS == OP_COUNT, "one row for each operation");

#undef A
#undef B
#undef C
#undef KERNEL_OF
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
