// The norm of the gradient, and the update.

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

// Plain gradient descent.
static void sgd(const STEP_FIELDS *f, REAL step) {
  REAL *w = at(f->weights, 0);
  const REAL *g = at(f->gradients, 0);
  i64 i = 0;
  for (; i + VL <= f->count; i += VL) store(w + i, load(w + i) - load(g + i) * step);
  for (; i < f->count; i++) w[i] -= g[i] * step;
}

static void update(const STEP_FIELDS *f, const RESULT *result, double rate, double clip) {
  double norm = sqrt(result->square_norm);
  // As in the reference the squares must be finite as REAL.
  if (!((REAL)result->square_norm < INFINITY) || !(fabs(result->loss) < INFINITY) || norm == 0)
    return;
  sgd(f, (REAL)(rate * (clip < norm ? clip / norm : 1)));
}
