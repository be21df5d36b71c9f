// The norm of the gradient, and the update.

// gcc converts half a vector at a time.
#if REAL_BITS == 32 && VECTOR_BYTES == 32 && !defined(__clang__)
#define WIDENED(part) __builtin_ia32_cvtps2pd256(part)
#elif REAL_BITS == 32 && VECTOR_BYTES == 64 && !defined(__clang__)
#define WIDENED(part) __builtin_ia32_cvtps2pd512_mask(part, (D){0}, (unsigned char)-1, 4)
#else
#define WIDENED(part) __builtin_convertvector(part, D)
#endif

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
        D wide = WIDENED(*(const PART *)(x + i + part * WIDE));
        sum[part] += wide * wide;
      }
    }
    for (; i < f->n; i++) rest += (double)x[i] * (double)x[i];
  }
  sum[0] += sum[1] + (sum[2] + sum[3]);
  for (int i = 0; i < WIDE; i++) rest += sum[0][i];
  result->square_norm += rest;
}

// Plain gradient descent.
static void sgd(const STEP_FIELDS *f, REAL step) {
  REAL *w = at(f->weights, 0);
  const REAL *g = at(f->gradients, 0);
  i64 i = 0;
  for (; i + VL <= f->count; i += VL) store(w + i, load(w + i) - load(g + i) * step);
  for (; i < f->count; i++) w[i] -= g[i] * step;
}

// Adam, and AdamW where the decay is `decoupled` from the gradient. `own` are the numbers of an
// update: beta1, beta2, eps, weight decay, 1 - beta1^t, sqrt(1 - beta2^t).
static void adam(const ADAM_FIELDS *f, double rate, double shrink) {
  const double *own = (const double *)f->own;
  REAL *w = at(f->weights, 0), *mean = at(f->mean, 0), *square = at(f->square, 0);
  const REAL *g = at(f->gradients, 0);
  REAL keep_mean = (REAL)own[0], take_mean = (REAL)(1 - own[0]);
  REAL keep_square = (REAL)own[1], take_square = (REAL)(1 - own[1]);
  REAL eps = (REAL)own[2], corrected = (REAL)own[5], step = (REAL)(rate / own[4]);
  REAL scale = (REAL)shrink, decay = f->decoupled ? 0 : (REAL)own[3];
  REAL kept = f->decoupled ? (REAL)(1 - rate * own[3]) : 1;
  // `count` is a multiple of LANES, as all rows and panels are.
  for (i64 i = 0; i < f->count; i += VL) {
    V weight = load(w + i), gradient = load(g + i) * scale + weight * decay;
    V m = load(mean + i) * keep_mean + gradient * take_mean;
    V s = load(square + i) * keep_square + gradient * gradient * take_square;
    store(mean + i, m);
    store(square + i, s);
    store(w + i, weight * kept - m / (root(s) / corrected + eps) * step);
  }
}

// Loss and norm are finite: as in the reference the squares must be so as REAL.
static int can_learn(const RESULT *result) {
  return (REAL)result->square_norm < INFINITY && fabs(result->loss) < INFINITY;
}

// What the gradient is shrunk by.
static double shrinkage(const RESULT *result, double clip) {
  double norm = sqrt(result->square_norm);
  return clip < norm ? clip / norm : 1;
}

static void update(const STEP_FIELDS *f, const RESULT *result, double rate, double clip) {
  if (!can_learn(result) || result->square_norm == 0) return;
  sgd(f, (REAL)(rate * shrinkage(result, clip)));
}

static void update_adam(const ADAM_FIELDS *f, const RESULT *result, double rate, double clip) {
  if (can_learn(result)) adam(f, rate, shrinkage(result, clip));
}

#undef WIDENED
