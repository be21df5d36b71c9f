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
