// Products. A tile is `rows` rows of C by `panels` panels, held in registers throughout.

#define MOST_ROWS(PANELS) (ACCUMULATORS / (NV * (PANELS)) > 0 ? ACCUMULATORS / (NV * (PANELS)) : 1)
#define MOST_PANELS 8

// Number r of five rows that lie `ld` bytes apart, in a form that one instruction can address.
INLINE const REAL *row_of_five(const char *p, int r, i64 ld, i64 ld3) {
  i64 offset = r == 0 ? 0 : r == 1 ? ld : r == 2 ? 2 * ld : r == 3 ? ld3 : 4 * ld;
  return (const REAL *)(p + offset);
}

#define HIDE(x) __asm__("" : "+r"(x))  // keeps the compiler from making a pointer of every row
#define SUM(r, j) sum[(r) * panels * NV + (j)]
#define EACH_ROW UNROLL for (int r = 0; r < rows; r++)
#define EACH_COLUMN UNROLL for (int j = 0; j < panels * NV; j++)

INLINE void gemm_tile(const int rows, const int panels, const GEMM_FIELDS *f, const REAL *a,
                      const REAL *w, i64 panel_size, REAL *const *c, const REAL *const *bias) {
  V sum[ACCUMULATORS + NV];
  i64 ldc = f->ldc;
  EACH_ROW EACH_COLUMN SUM(r, j) = (V){0};
  if (f->accumulate) {
    EACH_ROW UNROLL for (int j = 0; j < panels; j++) __builtin_prefetch(c[j] + r * ldc, 1);
  }
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
      EACH_COLUMN SUM(r, j) = fused(x, b[j], SUM(r, j));                                       \
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
      EACH_ROW SUM(r, j) += b;
    }
  }
  if (f->accumulate) {
    EACH_ROW EACH_COLUMN {
      REAL *to = c[j / NV] + r * ldc + j % NV * VL;
      store(to, SUM(r, j) + load(to));
    }
  } else {
    EACH_ROW EACH_COLUMN store(c[j / NV] + r * ldc + j % NV * VL, SUM(r, j));
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
INLINE void gradient_tile(const int rows, const int panels, const REAL *a, i64 lda, const REAL *g,
                          i64 depth, REAL *out, i64 panel_size, int accumulate) {
  V sum[ACCUMULATORS + NV];
  if (accumulate) {
    EACH_ROW EACH_COLUMN SUM(r, j) =
        load(out + j / NV * panel_size + r * LANES + j % NV * VL);
  } else {
    EACH_ROW EACH_COLUMN SUM(r, j) = (V){0};
  }
  for (i64 d = 0; d < depth; d++, a += lda, g += panels * LANES) {
    V b[MOST_PANELS * NV];
    EACH_COLUMN b[j] = load(g + j * VL);
    EACH_ROW {
      V x = splat(a[r]);
      EACH_COLUMN SUM(r, j) = fused(x, b[j], SUM(r, j));
    }
  }
  EACH_ROW EACH_COLUMN
      store(out + j / NV * panel_size + r * LANES + j % NV * VL, SUM(r, j));
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

#undef MOST_ROWS
#undef MOST_PANELS
#undef HIDE
#undef SUM
#undef EACH_ROW
#undef EACH_COLUMN
#undef GEMM_STEP
#undef GEMM_NEXT
#undef TILE_CASE
#undef GEMM_CASE
#undef CASES_12
#undef CASES_6
#undef CASES_3
#undef GEMM_FUNCTION
#undef ROWS_AT_ONCE
#undef GRADIENT_CASE
#undef GRADIENT_FUNCTION
