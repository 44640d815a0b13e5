// The kernels of one instruction set (see kernels.h): included by kernels.cpp after kernels_math.h in the
// same namespace.

/// R rows by C vectors of columns, all sums in registers.
template <std::size_t R, std::size_t C>
DRST_INLINE void block(Strided a, const float* b, std::size_t ldb, const float* bias, float* c,
                       std::size_t ldc, std::size_t inner) {
  V sum[R][C];
  DRST_UNROLL
  for (std::size_t j = 0; j < C; ++j) {
    const V start = bias != nullptr ? load(bias + j * kLanes) : V{};
    DRST_UNROLL
    for (std::size_t r = 0; r < R; ++r) sum[r][j] = start;
  }
  const float* x = a.data;
  for (std::size_t k = 0; k < inner; ++k, x += a.step, b += ldb) {
    V w[C];
    DRST_UNROLL
    for (std::size_t j = 0; j < C; ++j) {
      w[j] = load(b + j * kLanes);
      if constexpr (R > 1) DRST_IN_REGISTER(w[j]);
    }
    DRST_UNROLL
    for (std::size_t r = 0; r < R; ++r) {
      const float v = x[r * a.row];
      DRST_UNROLL
      for (std::size_t j = 0; j < C; ++j) sum[r][j] += v * w[j];
    }
  }
  DRST_UNROLL
  for (std::size_t r = 0; r < R; ++r) {
    DRST_UNROLL
    for (std::size_t j = 0; j < C; ++j) store(c + r * ldc + j * kLanes, sum[r][j]);
  }
}

/// All rows of C vectors of columns. Blocks of four rows fill the registers of AVX2 and hide the latency of
/// the sums.
template <std::size_t C>
DRST_INLINE void panel(Strided a, const float* b, std::size_t ldb, const float* bias, float* c,
                       std::size_t ldc, std::size_t rows, std::size_t inner) {
  std::size_t m = 0;
  for (; m + 4 <= rows; m += 4) {
    block<4, C>(a, b, ldb, bias, c, ldc, inner);
    a.data += 4 * a.row;
    c += 4 * ldc;
  }
  for (; m < rows; ++m) {
    block<1, C>(a, b, ldb, bias, c, ldc, inner);
    a.data += a.row;
    c += ldc;
  }
}

void gemm(Strided a, const float* b, std::size_t ldb, const float* bias, float* c, std::size_t ldc,
          std::size_t rows, std::size_t inner, std::size_t columns) {
  std::size_t n = 0;
  const auto bias_at = [&] { return bias != nullptr ? bias + n : nullptr; };
  if (rows == 1) {  // one row: many columns at once, else each sum would wait for its own last addition
    for (; n + 8 * kLanes <= columns; n += 8 * kLanes)
      block<1, 8>(a, b + n, ldb, bias_at(), c + n, ldc, inner);
    for (; n + 4 * kLanes <= columns; n += 4 * kLanes)
      block<1, 4>(a, b + n, ldb, bias_at(), c + n, ldc, inner);
  }
  for (; n + 2 * kLanes <= columns; n += 2 * kLanes)
    panel<2>(a, b + n, ldb, bias_at(), c + n, ldc, rows, inner);
  for (; n + kLanes <= columns; n += kLanes) panel<1>(a, b + n, ldb, bias_at(), c + n, ldc, rows, inner);
  for (; n < columns; ++n) {
    for (std::size_t m = 0; m < rows; ++m) {
      float sum = bias != nullptr ? bias[n] : 0.0F;
      for (std::size_t k = 0; k < inner; ++k) sum += a.data[m * a.row + k * a.step] * b[k * ldb + n];
      c[m * ldc + n] = sum;
    }
  }
}

void dot(const float* x, std::size_t ldx, const float* w, float bias, float* out, std::size_t rows,
         std::size_t inner) {
  constexpr std::size_t kParts = 8;  // whatever the vector length, or machines would differ
  constexpr std::size_t kPart = kLanes < kParts ? kLanes : kParts;
  typedef float Part __attribute__((vector_size(4 * kPart)));  // NOLINT(modernize-use-using)
  for (std::size_t m = 0; m < rows; ++m, x += ldx) {
    Part sum[kParts / kPart] = {};
    std::size_t k = 0;
    for (; k + kParts <= inner; k += kParts) {
      DRST_UNROLL
      for (std::size_t j = 0; j < kParts / kPart; ++j) {
        Part xs;
        Part ws;
        __builtin_memcpy(&xs, x + k + j * kPart, sizeof xs);
        __builtin_memcpy(&ws, w + k + j * kPart, sizeof ws);
        sum[j] += xs * ws;
      }
    }
    float s[kParts];
    __builtin_memcpy(s, sum, sizeof s);
    for (std::size_t j = 0; k < inner; ++k, ++j) s[j] += x[k] * w[k];
    out[m] = bias + (((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7])));
  }
}

/// One vector of inputs from column `i`: NaN -> impute, log1p where wanted, standardise, clip.
DRST_INLINE V standardise(const InputTransform& t, std::size_t i, V x) {
  Bytes flags;
  __builtin_memcpy(&flags, t.log1p + i, sizeof flags);
  x = x != x ? load(t.impute + i) : x;
  V above_one = larger(x, V{}) + 1.0F;
  if (t.log_factor != nullptr) above_one *= load(t.log_factor + i);
  const V logarithm = vlog(above_one);
  x = __builtin_convertvector(flags, I) != 0 ? logarithm : x;
  x = (x - load(t.shift + i)) * load(t.scale + i);
  return t.low == nullptr ? x : smaller(larger(x, load(t.low + i)), load(t.high + i));
}

void transform(const InputTransform& t, const float* raw, std::size_t rows, float* out) {
  if (t.inputs >= kLanes) {
    for (std::size_t m = 0; m < rows; ++m, raw += t.inputs, out += t.inputs) {
      std::size_t i = 0;
      for (; i + kLanes <= t.inputs; i += kLanes) store(out + i, standardise(t, i, load(raw + i)));
      if (i < t.inputs) {  // the last vector overlaps the one before
        i = t.inputs - kLanes;
        store(out + i, standardise(t, i, load(raw + i)));
      }
    }
    return;
  }
  float impute[kLanes] = {};
  float shift[kLanes] = {};
  float scale[kLanes] = {};
  float factor[kLanes] = {};
  float low[kLanes] = {};
  float high[kLanes] = {};
  uint8_t log1p[kLanes] = {};
  const std::size_t bytes = t.inputs * sizeof(float);
  __builtin_memcpy(impute, t.impute, bytes);
  __builtin_memcpy(shift, t.shift, bytes);
  __builtin_memcpy(scale, t.scale, bytes);
  __builtin_memcpy(log1p, t.log1p, t.inputs);
  if (t.log_factor != nullptr) __builtin_memcpy(factor, t.log_factor, bytes);
  if (t.low != nullptr) {
    __builtin_memcpy(low, t.low, bytes);
    __builtin_memcpy(high, t.high, bytes);
  }
  const InputTransform padded{impute, log1p, t.log_factor == nullptr ? nullptr : factor,
                              shift,  scale, t.low == nullptr ? nullptr : low,
                              high,   kLanes};
  for (std::size_t m = 0; m < rows; ++m) {
    float row[kLanes] = {};
    __builtin_memcpy(row, raw + m * t.inputs, bytes);
    store(row, standardise(padded, 0, load(row)));
    __builtin_memcpy(out + m * t.inputs, row, bytes);
  }
}

void relu(float* x, std::size_t n) {
  each(x, n, [](V v) DRST_INLINE_LAMBDA { return v < 0.0F ? V{} : v; });  // NaN stays NaN
}

DRST_INLINE V gauss_cdf(const ErfParts& parts) { return (parts.erf + 1.0F) * 0.5F; }

void gelu(float* x, std::size_t n) {
  each(x, n, [](V v) DRST_INLINE_LAMBDA { return v * gauss_cdf(verf(v * 0.707106781F)); });
}

void gelu_slope(float* x, float* slope, std::size_t n) {
  const auto both = [](float* value, float* derivative) DRST_INLINE_LAMBDA {
    const V v = load(value);
    const ErfParts parts = verf(v * 0.707106781F);
    const V cdf = gauss_cdf(parts);
    store(derivative, cdf + v * parts.gauss * 0.398942280F);
    store(value, v * cdf);
  };
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) both(x + i, slope + i);
  if (i < n) {
    float rest[kLanes] = {};
    float derivative[kLanes];
    __builtin_memcpy(rest, x + i, (n - i) * sizeof(float));
    both(rest, derivative);
    __builtin_memcpy(x + i, rest, (n - i) * sizeof(float));
    __builtin_memcpy(slope + i, derivative, (n - i) * sizeof(float));
  }
}

void multiply(float* d, const float* slope, std::size_t n) {
  each(d, slope, n, [](V a, V b) DRST_INLINE_LAMBDA { return a * b; });
}

void relu_mask(float* d, const float* a, std::size_t n) {
  each(d, a, n, [](V g, V v) DRST_INLINE_LAMBDA { return v > 0.0F ? g : V{}; });
}

void adam(const AdamStep& s, float* parameters, const float* gradients, float* first, float* second,
          std::size_t n) {
  const auto step = [&s](float* parameter, const float* gradient, float* m1, float* m2) DRST_INLINE_LAMBDA {
    const V p = load(parameter);
    const V g = load(gradient) + p * s.weight_decay;
    const V m = load(m1) * s.beta1 + g * (1.0F - s.beta1);
    const V v = load(m2) * s.beta2 + g * g * (1.0F - s.beta2);
    store(m1, m);
    store(m2, v);
    store(parameter, p - m * s.step_size / (root(v) * s.inverse_root_bias + s.epsilon));
  };
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) step(parameters + i, gradients + i, first + i, second + i);
  if (i < n) {
    const std::size_t bytes = (n - i) * sizeof(float);
    float p[kLanes] = {};
    float g[kLanes] = {};
    float m1[kLanes] = {};
    float m2[kLanes] = {};
    __builtin_memcpy(p, parameters + i, bytes);
    __builtin_memcpy(g, gradients + i, bytes);
    __builtin_memcpy(m1, first + i, bytes);
    __builtin_memcpy(m2, second + i, bytes);
    step(p, g, m1, m2);
    __builtin_memcpy(parameters + i, p, bytes);
    __builtin_memcpy(first + i, m1, bytes);
    __builtin_memcpy(second + i, m2, bytes);
  }
}

void transpose(const float* in, std::size_t ldi, float* out, std::size_t ldo, std::size_t rows,
               std::size_t columns) {
  typedef float Quad __attribute__((vector_size(16)));  // NOLINT(modernize-use-using)
  const std::size_t whole_rows = rows / 4 * 4;
  const std::size_t whole_columns = columns / 4 * 4;
  for (std::size_t r = 0; r < whole_rows; r += 4) {
    for (std::size_t c = 0; c < whole_columns; c += 4) {
      Quad q[4];
      DRST_UNROLL
      for (std::size_t i = 0; i < 4; ++i) __builtin_memcpy(&q[i], in + (r + i) * ldi + c, sizeof(Quad));
      const Quad low01 = __builtin_shufflevector(q[0], q[1], 0, 4, 1, 5);
      const Quad high01 = __builtin_shufflevector(q[0], q[1], 2, 6, 3, 7);
      const Quad low23 = __builtin_shufflevector(q[2], q[3], 0, 4, 1, 5);
      const Quad high23 = __builtin_shufflevector(q[2], q[3], 2, 6, 3, 7);
      q[0] = __builtin_shufflevector(low01, low23, 0, 1, 4, 5);
      q[1] = __builtin_shufflevector(low01, low23, 2, 3, 6, 7);
      q[2] = __builtin_shufflevector(high01, high23, 0, 1, 4, 5);
      q[3] = __builtin_shufflevector(high01, high23, 2, 3, 6, 7);
      DRST_UNROLL
      for (std::size_t i = 0; i < 4; ++i) __builtin_memcpy(out + (c + i) * ldo + r, &q[i], sizeof(Quad));
    }
    for (std::size_t c = whole_columns; c < columns; ++c)
      for (std::size_t i = r; i < r + 4; ++i) out[c * ldo + i] = in[i * ldi + c];
  }
  for (std::size_t r = whole_rows; r < rows; ++r)
    for (std::size_t c = 0; c < columns; ++c) out[c * ldo + r] = in[r * ldi + c];
}

void exponential(float* x, std::size_t n) {
  each(x, n, [](V v) DRST_INLINE_LAMBDA { return vexp(v); });
}
void logarithm(float* x, std::size_t n) {
  each(x, n, [](V v) DRST_INLINE_LAMBDA { return vlog(v); });
}
void error_function(float* x, std::size_t n) {
  each(x, n, [](V v) DRST_INLINE_LAMBDA { return verf(v).erf; });
}
