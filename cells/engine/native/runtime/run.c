// Items, and what the library exports.

typedef struct {
  i64 kind;
  union {
    i64 f[ITEM_FIELDS];
    POINTWISE_FIELDS pointwise;
    GEMM_FIELDS gemm;
    WEIGHT_GRADIENT_FIELDS weight_gradient;
    COLUMN_SUM_FIELDS column_sum;
    ROW_GATHER_FIELDS row_gather;
    ROW_SCATTER_ADD_FIELDS row_scatter_add;
    ZERO_FIELDS zero;
    COPY_FIELDS copy;
    LOOP_FIELDS loop;
    SOFTMAX_LOSS_FIELDS softmax_loss;
    BERNOULLI_LOSS_FIELDS bernoulli_loss;
    SQUARE_NORM_FIELDS square_norm;
    STEP_FIELDS step;
    ADAM_FIELDS adam;
    TRANSPOSE_PANELS_FIELDS transpose_panels;
  };
} ITEM;
_Static_assert(sizeof(ITEM) == (1 + ITEM_FIELDS) * sizeof(i64), "as in tape.py");

typedef struct {
  const ITEM *items;
  const INSTRUCTION *instructions;
  RESULT *result;
  double rate, clip;
} CALL;

static i64 run_items(const CALL *call, i64 first, i64 count, i64 t, int inside) {
  for (i64 i = first; i < first + count; i++) {
    const ITEM *item = call->items + i;
    switch (item->kind) {
      case ITEM_POINTWISE:
        if (!pointwise(&item->pointwise, call->instructions, t)) return i + 1;
        break;
      case ITEM_GEMM: gemm(&item->gemm, t); break;
      case ITEM_WEIGHT_GRADIENT: weight_gradient(&item->weight_gradient); break;
      case ITEM_COLUMN_SUM: column_sum(&item->column_sum); break;
      case ITEM_ROW_GATHER: row_gather(&item->row_gather, t); break;
      case ITEM_ROW_SCATTER_ADD: row_scatter_add(&item->row_scatter_add, t); break;
      case ITEM_ZERO:
        memset(at(item->zero.base, t * item->zero.step), 0, (size_t)item->zero.bytes);
        break;
      case ITEM_COPY:
        memcpy(at(item->copy.destination, t * item->copy.destination_step),
               at(item->copy.source, t * item->copy.source_step), (size_t)item->copy.bytes);
        break;
      case ITEM_LOOP: {
        const LOOP_FIELDS *loop = &item->loop;
        if (inside) return i + 1;
        for (i64 s = 0; s < loop->steps; s++) {
          i64 now = loop->reverse ? loop->steps - 1 - s : s;
          i64 bad = run_items(call, loop->first, loop->count, now, 1);
          if (bad) return bad;
        }
        break;
      }
      case ITEM_SOFTMAX_LOSS: softmax_loss(&item->softmax_loss, call->result); break;
      case ITEM_BERNOULLI_LOSS: bernoulli_loss(&item->bernoulli_loss, call->result); break;
      case ITEM_SQUARE_NORM: square_norm(&item->square_norm, call->result); break;
      case ITEM_STEP: update(&item->step, call->result, call->rate, call->clip); break;
      case ITEM_ADAM: update_adam(&item->adam, call->result, call->rate, call->clip); break;
      case ITEM_TRANSPOSE_PANELS: transpose_panels(&item->transpose_panels); break;
#if BFLOAT16
      case ITEM_GEMM_BFLOAT16: gemm_bfloat16(&item->gemm, t); break;
      case ITEM_WEIGHT_GRADIENT_BFLOAT16:
        weight_gradient_bfloat16(&item->weight_gradient);
        break;
#endif
      default: return i + 1;
    }
  }
  return 0;
}

// Denormals count as zero while the runtime works: the mode is the thread's, so it is put back.
#if defined(__SSE2__)
typedef unsigned int MODE;
INLINE MODE flush_denormals(void) {
  MODE before = __builtin_ia32_stmxcsr();
  __builtin_ia32_ldmxcsr(before | 0x8040);
  return before;
}
INLINE void restore_mode(MODE before) { __builtin_ia32_ldmxcsr(before); }
#elif defined(__aarch64__)
typedef uint64_t MODE;
INLINE MODE flush_denormals(void) {
  MODE before;
  __asm__ volatile("mrs %0, fpcr" : "=r"(before));
  __asm__ volatile("msr fpcr, %0" : : "r"(before | (1u << 24)));
  return before;
}
INLINE void restore_mode(MODE before) { __asm__ volatile("msr fpcr, %0" : : "r"(before)); }
#else
typedef int MODE;
INLINE MODE flush_denormals(void) { return 0; }
INLINE void restore_mode(MODE before) { (void)before; }
#endif

// Runs items [first, first + count). Returns 0, or 1 + the number of an item that cannot be run.
EXPORT i64 run(const ITEM *items, i64 first, i64 count, const INSTRUCTION *instructions,
               RESULT *result, double rate, double clip) {
  CALL call = {items, instructions, result, rate, clip};
  MODE before = flush_denormals();
  i64 bad = run_items(&call, first, count, 0, 0);
  restore_mode(before);
  return bad;
}

EXPORT i64 block_size(void) { return BLOCK; }
EXPORT i64 real_size(void) { return sizeof(REAL); }
EXPORT i64 vector_size(void) { return VECTOR_BYTES; }
EXPORT i64 has_bfloat16(void) { return BFLOAT16; }
