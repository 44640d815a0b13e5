// The kernels of one instruction set (see kernels.h): included by kernels.cpp inside a namespace, with
// DRST_LANES floats to a vector and DRST_TILE vectors to a block of columns. Not a header of its own, hence
// no include guard: it is compiled once an instruction set.

constexpr std::size_t kLanes = DRST_LANES;
typedef float V
    __attribute__((vector_size(4 * DRST_LANES)));  // NOLINT(modernize-use-using): GCC drops the attribute
typedef int32_t I __attribute__((vector_size(4 * DRST_LANES)));  // NOLINT(modernize-use-using)

DRST_INLINE V load(const float* p) {
  V v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
DRST_INLINE void store(float* p, V v) { __builtin_memcpy(p, &v, sizeof v); }
DRST_INLINE V all(float x) { return x - V{}; }
DRST_INLINE V where(I mask, V v) { return reinterpret_cast<V>(mask & reinterpret_cast<I>(v)); }

template <std::size_t C>
DRST_INLINE void bounds_of_block(const float* x, std::size_t stride, std::span<const uint32_t> rows,
                                 float* low, float* high) {
  V least[C];
  V most[C];
  DRST_UNROLL
  for (std::size_t c = 0; c < C; ++c) least[c] = most[c] = load(x + rows[0] * stride + c * kLanes);
  for (const std::size_t row : rows) {
    DRST_UNROLL
    for (std::size_t c = 0; c < C; ++c) {
      const V v = load(x + row * stride + c * kLanes);
      least[c] = v < least[c] ? v : least[c];
      most[c] = v > most[c] ? v : most[c];
    }
  }
  DRST_UNROLL
  for (std::size_t c = 0; c < C; ++c) {
    store(low + c * kLanes, least[c]);
    store(high + c * kLanes, most[c]);
  }
}

void bounds(const float* x, std::size_t stride, std::span<const uint32_t> rows, float* low, float* high) {
  std::size_t c = 0;
  for (; c + DRST_TILE * kLanes <= stride; c += DRST_TILE * kLanes)
    bounds_of_block<DRST_TILE>(x + c, stride, rows, low + c, high + c);
  for (; c < stride; c += kLanes) bounds_of_block<1>(x + c, stride, rows, low + c, high + c);
}

template <std::size_t C>
DRST_INLINE void sums_of_block(const float* x, std::size_t stride, std::span<const uint32_t> rows,
                               const float* cut, const float* weighted_target, const float* weight,
                               const SplitSums& out, std::size_t column) {
  V t[C];
  V targets[C] = {};
  V weights[C] = {};
  V counts[C] = {};
  DRST_UNROLL
  for (std::size_t c = 0; c < C; ++c) t[c] = load(cut + column + c * kLanes);
  const V one = all(1);
  for (const std::size_t row : rows) {
    const float* values = x + row * stride + column;
    const V target = all(weighted_target[row]);
    const V w = all(weight[row]);
    DRST_UNROLL
    for (std::size_t c = 0; c < C; ++c) {
      const I left = load(values + c * kLanes) <= t[c];
      targets[c] += where(left, target);
      weights[c] += where(left, w);
      counts[c] += where(left, one);
    }
  }
  DRST_UNROLL
  for (std::size_t c = 0; c < C; ++c) {
    const std::size_t at = column + c * kLanes;
    store(out.targets + at, load(out.targets + at) + targets[c]);
    store(out.weights + at, load(out.weights + at) + weights[c]);
    store(out.counts + at, load(out.counts + at) + counts[c]);
  }
}

void sums(const float* x, std::size_t stride, std::span<const uint32_t> rows, const float* cut,
          const float* weighted_target, const float* weight, const SplitSums& out) {
  for (float* sum : {out.targets, out.weights, out.counts}) std::fill(sum, sum + stride, 0.0F);
  constexpr std::size_t kChunk = 512;  // rows that one chain of float32 additions may hold
  for (std::size_t first = 0; first < rows.size(); first += kChunk) {
    const auto some = rows.subspan(first, std::min(kChunk, rows.size() - first));
    std::size_t c = 0;
    for (; c + DRST_TILE * kLanes <= stride; c += DRST_TILE * kLanes)
      sums_of_block<DRST_TILE>(x, stride, some, cut, weighted_target, weight, out, c);
    for (; c < stride; c += kLanes) sums_of_block<1>(x, stride, some, cut, weighted_target, weight, out, c);
  }
}
