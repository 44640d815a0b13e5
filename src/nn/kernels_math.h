// Vector arithmetic of one instruction set: included by kernels.cpp inside a namespace, with DRST_LANES
// floats to a vector. Not a header of its own, hence no include guard: it is compiled once an instruction
// set.
//
// exp and log follow S. Moshier's Cephes (single precision: expf, logf); erf is fitted by tools/fit_erf.py.
// Each stays within a few units in the last place of the double-precision function, which kernels_test.cpp
// checks.

constexpr std::size_t kLanes = DRST_LANES;
typedef float V
    __attribute__((vector_size(4 * DRST_LANES)));  // NOLINT(modernize-use-using): GCC drops the attribute
typedef int32_t I __attribute__((vector_size(4 * DRST_LANES)));  // NOLINT(modernize-use-using)
typedef uint8_t Bytes __attribute__((vector_size(DRST_LANES)));  // NOLINT(modernize-use-using)

DRST_INLINE V load(const float* p) {
  V v;
  __builtin_memcpy(&v, p, sizeof v);
  return v;
}
DRST_INLINE void store(float* p, V v) { __builtin_memcpy(p, &v, sizeof v); }
DRST_INLINE V all(float x) { return x - V{}; }
DRST_INLINE V as_float(I v) { return reinterpret_cast<V>(v); }
DRST_INLINE I as_int(V v) { return reinterpret_cast<I>(v); }
DRST_INLINE V smaller(V a, V b) { return a < b ? a : b; }
DRST_INLINE V larger(V a, V b) { return a > b ? a : b; }
DRST_INLINE V magnitude(V v) { return as_float(as_int(v) & 0x7fffffff); }

/// Horner's rule, highest power first.
template <std::size_t N>
DRST_INLINE V polynomial(V x, const float (&c)[N]) {
  V sum = all(c[0]);
  DRST_UNROLL
  for (std::size_t i = 1; i < N; ++i) sum = sum * x + c[i];
  return sum;
}

DRST_INLINE V vexp(V x) {
  constexpr float kRound = 0x1.8p23F;  // adding it rounds to an integer, found in the low bits
  x = smaller(larger(x, all(-87.3F)), all(88.3F));
  const V shifted = x * 1.44269504F + kRound;
  const V n = shifted - kRound;
  const V r = x - n * 0.693359375F - n * -2.12194440e-4F;
  const V p = polynomial(r, {1.9875691500e-4F, 1.3981999507e-3F, 8.3334519073e-3F, 4.1665795894e-2F,
                             1.6666665459e-1F, 5.0000001201e-1F});
  const V power = as_float((as_int(shifted) - as_int(all(kRound)) + 127) << 23);
  return (p * r * r + r + 1.0F) * power;
}

/// x positive and normal, or infinite.
DRST_INLINE V vlog(V x) {
  const I bits = as_int(x);
  const I exponent = (bits - 0x3f3504f3) >> 23;  // so that the mantissa lies in [sqrt(1/2), sqrt(2))
  const V e = __builtin_convertvector(exponent, V);
  const V f = as_float(bits - (exponent << 23)) - 1.0F;
  const V f2 = f * f;
  const V p = polynomial(
      f, {7.0376836292e-2F, -1.1514610310e-1F, 1.1676998740e-1F, -1.2420140846e-1F, 1.4249322787e-1F,
          -1.6668057665e-1F, 2.0000714765e-1F, -2.4999993993e-1F, 3.3333331174e-1F});
  const V tail = f * f2 * p + e * -2.12194440e-4F - f2 * 0.5F;
  return x == __builtin_inff() ? x : f + tail + e * 0.693359375F;
}

struct ErfParts {
  V erf;
  V gauss;  ///< exp(-u^2)
};
DRST_INLINE ErfParts verf(V u) {
  const V z = u * u;
  const V a = magnitude(u);
  const V near = u * polynomial(z, {7.889153494e-05F, -8.020852110e-04F, 5.189536605e-03F, -2.685444616e-02F,
                                    1.128360033e-01F, -3.761262596e-01F, 1.128379107e+00F});
  const V gauss = vexp(-z);
  const V q = polynomial(smaller(a, all(4.0F)) - 1.0F,
                         {-3.888841602e-04F, 3.282936523e-03F, -1.313397475e-02F, 3.560873494e-02F,
                          -7.863512635e-02F, 1.542864740e-01F, -2.732075751e-01F, 4.275835454e-01F});
  const V far = 1.0F - gauss * q;
  const V signed_far = as_float(as_int(far) | (as_int(u) & as_int(all(-0.0F))));
  return {a < 1.0F ? near : signed_far, gauss};
}

DRST_INLINE V root(V v) {
#if !defined(__SSE2__)
  for (std::size_t i = 0; i < kLanes; ++i) v[i] = __builtin_sqrtf(v[i]);
  return v;
#elif DRST_LANES == 16
  return reinterpret_cast<V>(_mm512_sqrt_ps(reinterpret_cast<__m512>(v)));
#elif DRST_LANES == 8
  return reinterpret_cast<V>(_mm256_sqrt_ps(reinterpret_cast<__m256>(v)));
#else
  return reinterpret_cast<V>(_mm_sqrt_ps(reinterpret_cast<__m128>(v)));
#endif
}

/// x[i] = f(x[i]); the rest that fills no vector goes through a padded copy.
template <class F>
DRST_INLINE void each(float* x, std::size_t n, const F& f) {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(x + i, f(load(x + i)));
  if (i < n) {
    float rest[kLanes] = {};
    __builtin_memcpy(rest, x + i, (n - i) * sizeof(float));
    store(rest, f(load(rest)));
    __builtin_memcpy(x + i, rest, (n - i) * sizeof(float));
  }
}
/// The same with a second array.
template <class F>
DRST_INLINE void each(float* x, const float* y, std::size_t n, const F& f) {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) store(x + i, f(load(x + i), load(y + i)));
  if (i < n) {
    float rest[kLanes] = {};
    float other[kLanes] = {};
    __builtin_memcpy(rest, x + i, (n - i) * sizeof(float));
    __builtin_memcpy(other, y + i, (n - i) * sizeof(float));
    store(rest, f(load(rest), load(other)));
    __builtin_memcpy(x + i, rest, (n - i) * sizeof(float));
  }
}
