// Products whose factors are rounded to bfloat16 and whose sums are float32. Two neighbours along
// the summed dimension make a pair, one 32-bit word; `vdpbf16ps` adds both products of each pair.
// A block of the left factor lies as panels of 16 rows, [rows / 16][pairs][16]; of the right one a
// few panels at a time, [pairs][panels][16]. A tile is half a left panel by up to three right ones.

#if BFLOAT16

#define PAIRS 128     // of the summed dimension that are in a block
#define LEFT_ROWS 352 // rows of the left factor that are in a block
#define TILE_ROWS (LANES / 2)
#define TILE_PANELS 3

typedef WORD IU __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(WORD)), may_alias));

INLINE V add_products(V sum, I a, I b) {
  __asm__("vdpbf16ps %2, %1, %0" : "+v"(sum) : "v"(a), "v"(b));
  return sum;
}
// The numbers of `low`, then those of `high`, to the nearest, ties to even.
INLINE I rounded(V low, V high) {
  I both;
  __asm__("vcvtne2ps2bf16 %2, %1, %0" : "=v"(both) : "v"(high), "v"(low));
  return both;
}
// Pairs of a number of `low` and one of `high`.
INLINE I interleaved(V low, V high) {
  static const uint16_t order[2 * LANES] = {0,  16, 1,  17, 2,  18, 3,  19, 4,  20, 5,
                                            21, 6,  22, 7,  23, 8,  24, 9,  25, 10, 26,
                                            11, 27, 12, 28, 13, 29, 14, 30, 15, 31};
  I both = rounded(low, high), found, by;
  memcpy(&by, order, sizeof by);
  __asm__("vpermw %2, %1, %0" : "=v"(found) : "v"(by), "v"(both));
  return found;
}

// Pairs of rows: 16 columns of `rows` rows, those beyond `columns` zero.
INLINE void pack_rows(const REAL *from, i64 ld, i64 rows, i64 columns, WORD *to, i64 step) {
  I real = first_lanes(columns);
  for (i64 row = 0; row < rows; row += 2, from += 2 * ld, to += step) {
    V low = where(real, load(from)), high = {0};
    if (row + 1 < rows) high = where(real, load(from + ld));
    *(IU *)to = interleaved(low, high);
  }
}

// Pairs of columns: a panel of up to 16 rows.
INLINE void pack_columns(const REAL *from, i64 ld, i64 rows, i64 columns, WORD *to) {
  for (i64 column = 0; column < columns; column += 2 * LANES, to += LANES * LANES) {
    REAL pairs[LANES * LANES] __attribute__((aligned(64))), turned[LANES * LANES];
    for (int row = 0; row < LANES; row++) {
      V low = {0}, high = {0};
      if (row < rows) {
        const REAL *at = from + row * ld + column;
        low = where(first_lanes(columns - column), load(at));
        if (column + LANES < columns)
          high = where(first_lanes(columns - column - LANES), load(at + LANES));
      }
      store(pairs + row * LANES, (V)rounded(low, high));
    }
    turn(pairs, turned);
    i64 count = smallest((columns - column + 1) / 2, LANES);
    memcpy(to, turned, (size_t)count * LANES * sizeof(WORD));
  }
}

#define EACH_TILE_ROW UNROLL for (int r = 0; r < TILE_ROWS; r++)
#define EACH_PANEL UNROLL for (int j = 0; j < panels; j++)

INLINE void pair_tile(const int panels, const WORD *a, const WORD *b, i64 pairs, i64 rows,
                      REAL *const *c, i64 ldc, const REAL *const *bias, int accumulate) {
  V sum[TILE_ROWS * TILE_PANELS];
  EACH_TILE_ROW EACH_PANEL sum[r * panels + j] = (V){0};
  for (; pairs > 0; pairs--, a += LANES, b += panels * LANES) {
    I right[TILE_PANELS];
    EACH_PANEL {
      right[j] = *(const IU *)(b + j * LANES);
      KEEP(right[j]);
    }
    EACH_TILE_ROW {
      I left = a[r] + (I){0};
      KEEP(left);
      EACH_PANEL sum[r * panels + j] = add_products(sum[r * panels + j], left, right[j]);
    }
  }
  if (bias) {
    EACH_PANEL {
      V added = load(bias[j]);
      EACH_TILE_ROW sum[r * panels + j] += added;
    }
  }
  EACH_TILE_ROW {
    if (r >= rows) break;
    EACH_PANEL {
      REAL *to = c[j] + r * ldc;
      store(to, accumulate ? sum[r * panels + j] + load(to) : sum[r * panels + j]);
    }
  }
}

#define PAIR_FUNCTION(P)                                                                       \
  static __attribute__((noinline)) void pair_tile_##P(                                         \
      const WORD *a, const WORD *b, i64 pairs, i64 rows, REAL *const *c, i64 ldc,              \
      const REAL *const *bias, int accumulate) {                                               \
    pair_tile(P, a, b, pairs, rows, c, ldc, bias, accumulate);                                 \
  }
PAIR_FUNCTION(1)
PAIR_FUNCTION(2)
PAIR_FUNCTION(3)

// All rows of a left block by some panels.
static void multiply_pairs(i64 panels, const WORD *left, const WORD *right, i64 pairs, i64 rows,
                           REAL *const *c, i64 ldc, const REAL *const *bias, int accumulate) {
  REAL *to[TILE_PANELS];
  for (i64 j = 0; j < panels; j++) to[j] = c[j];
  for (i64 row = 0; row < rows; row += TILE_ROWS) {
    const WORD *a = left + row / LANES * pairs * LANES + row % LANES;
    (panels == 1   ? pair_tile_1
     : panels == 2 ? pair_tile_2
                   : pair_tile_3)(a, right, pairs, rows - row, to, ldc, bias, accumulate);
    for (i64 j = 0; j < panels; j++) to[j] += TILE_ROWS * ldc;
  }
}

// The next of `left` panels, so that no tile is much narrower than the others.
INLINE i64 next_panels(i64 left) {
  i64 tiles = (left + TILE_PANELS - 1) / TILE_PANELS;
  return (left + tiles - 1) / tiles;
}

static __attribute__((noinline)) void gemm_bfloat16(const GEMM_FIELDS *f, i64 t) {
  WORD left[LEFT_ROWS * PAIRS] __attribute__((aligned(64)));
  WORD right[TILE_PANELS * LANES * PAIRS] __attribute__((aligned(64)));
  i64 panel_size = (f->height ? f->height : f->segments * f->k) * LANES;
  i64 per_gate = (f->n + LANES - 1) / LANES, all = f->gates * per_gate;
  for (i64 top = 0; top < f->rows; top += LEFT_ROWS) {
    i64 rows = smallest(f->rows - top, LEFT_ROWS);
    for (i64 s = 0; s < f->segments; s++)
      for (i64 start = 0; start < f->k; start += 2 * PAIRS) {
        i64 depth = smallest(f->k - start, 2 * PAIRS), pairs = (depth + 1) / 2;
        const REAL *a = at(f->a_base, t * f->a_step + s * f->a_segment_stride + top * f->lda + start);
        for (i64 row = 0; row < rows; row += LANES)
          pack_columns(a + row * f->lda, f->lda, rows - row, depth, left + row * pairs);
        int begins = s == 0 && start == 0;
        for (i64 q = 0, panels; q < all; q += panels) {
          panels = next_panels(all - q);
          REAL *c[TILE_PANELS];
          const REAL *bias[TILE_PANELS];
          for (i64 j = 0; j < panels; j++) {
            i64 gate = (q + j) / per_gate, column = (q + j) % per_gate * LANES;
            c[j] = at(f->c_base, t * f->c_step + gate * f->c_gate_stride + top * f->ldc + column);
            bias[j] = at(f->bias, gate * f->ldc + column);
            const REAL *w = at(f->panels, (q + j) * panel_size + (s * f->k + start) * LANES);
            pack_rows(w, LANES, depth, LANES, right + j * LANES, panels * LANES);
          }
          multiply_pairs(panels, left, right, pairs, rows, c, f->ldc, begins && f->bias ? bias : 0,
                         f->accumulate || !begins);
        }
      }
  }
}

static __attribute__((noinline)) void weight_gradient_bfloat16(
    const WEIGHT_GRADIENT_FIELDS *f) {
  WORD left[LEFT_ROWS * PAIRS] __attribute__((aligned(64)));
  WORD right[TILE_PANELS * LANES * PAIRS] __attribute__((aligned(64)));
  i64 panel_size = (f->height ? f->height : f->k) * LANES;
  i64 per_gate = (f->n + LANES - 1) / LANES, all = f->gates * per_gate;
  i64 ends = f->rows > 0 ? f->rows : 1;  // without rows the sum is zero
  if (f->sums) {
    COLUMN_SUM_FIELDS sum = {.g_base = f->g_base, .g_gate_stride = f->g_gate_stride,
                             .gates = f->gates, .n = f->n, .ldg = f->ldg, .rows = f->rows,
                             .out = f->sums, .accumulate = f->accumulate};
    column_sum(&sum);
  }
  for (i64 first = 0; first < f->k; first += LEFT_ROWS) {
    i64 columns = smallest(f->k - first, LEFT_ROWS);
    for (i64 top = 0; top < ends; top += 2 * PAIRS) {
      i64 depth = smallest(f->rows - top, 2 * PAIRS), pairs = (depth + 1) / 2;
      const REAL *a = at(f->a_base, top * f->lda + first);
      for (i64 column = 0; column < columns; column += LANES)
        pack_rows(a + column, f->lda, depth, columns - column, left + column * pairs, LANES);
      for (i64 q = 0, panels; q < all; q += panels) {
        panels = next_panels(all - q);
        REAL *c[TILE_PANELS];
        for (i64 j = 0; j < panels; j++) {
          i64 gate = (q + j) / per_gate, column = (q + j) % per_gate * LANES;
          c[j] = at(f->out_panels, (q + j) * panel_size + first * LANES);
          const REAL *g = at(f->g_base, gate * f->g_gate_stride + top * f->ldg + column);
          pack_rows(g, f->ldg, depth, f->n - column, right + j * LANES, panels * LANES);
        }
        multiply_pairs(panels, left, right, pairs, columns, c, LANES, 0,
                       f->accumulate || top > 0);
      }
    }
  }
}

#undef PAIRS
#undef LEFT_ROWS
#undef TILE_ROWS
#undef TILE_PANELS
#undef EACH_TILE_ROW
#undef EACH_PANEL
#undef PAIR_FUNCTION

#endif
