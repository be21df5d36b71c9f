// Panels of transposed matrices.

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
#elif VECTOR_BYTES == 32 && REAL_BITS == 32 && !defined(__clang__)
// The same by four blocks of 8 x 8.
INLINE void turn(const REAL *from, REAL *to) {
  UNROLL for (int block = 0; block < 4; block++) {
    int down = block / 2 * VL, right = block % 2 * VL;
    V row[8];
    UNROLL for (int i = 0; i < 8; i++) row[i] = load(from + (down + i) * LANES + right);
    UNROLL for (int apart = 1; apart < 8; apart *= 2) {
      I upper = (lanes() & apart) != 0;
      I first = (upper & (lanes() - apart + VL)) | (~upper & lanes());
      I second = (upper & (lanes() + VL)) | (~upper & (lanes() + apart));
      UNROLL for (int i = 0; i < 8; i++) {
        if (i & apart) continue;
        V a = row[i], b = row[i + apart];
        row[i] = __builtin_shuffle(a, b, first);
        row[i + apart] = __builtin_shuffle(a, b, second);
      }
    }
    UNROLL for (int i = 0; i < 8; i++) store(to + (right + i) * LANES + down, row[i]);
  }
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
