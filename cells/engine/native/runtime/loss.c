// The losses of the readout, and their gradients in place of the logits.

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
      loss += natural_log(product);
      product = 1;
    }
    if (f->gradient) {
      REAL share = scale / whole;
      for (i64 i = 0; i < n; i += VL) store(x + i, load(x + i) * share);
      for (i64 i = (n + VL - 1) / VL * VL; i % LANES; i++) x[i] = 0;
      x[targets[row]] -= scale;
    }
  }
  result->loss += loss + natural_log(product);
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
      loss += where(real, fused_minus(larger(logit, splat(0)), logit, target) +
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
