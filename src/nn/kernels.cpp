#include "nn/kernels.h"

#include <vector>

#if !defined(__clang__)
// No vector crosses a function that is not inlined, so their calling convention does not matter.
#pragma GCC diagnostic ignored "-Wpsabi"
// GCC 12's _mm512_sqrt_ps starts from a deliberately undefined register.
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#if defined(__x86_64__)
#include <immintrin.h>
// Keeps a value loaded once in a register; else the compiler loads it again as the operand of each
// multiplication.
#define DRST_IN_REGISTER(v) __asm__("" : "+x"(v))
#else
#define DRST_IN_REGISTER(v) (void)(v)
#endif

// GCC takes `unroll` and lambda attributes one way, clang (fuzzing, tidy) another.
#define DRST_INLINE static inline __attribute__((always_inline))
#define DRST_INLINE_LAMBDA __attribute__((always_inline))
#if defined(__clang__)
#define DRST_UNROLL _Pragma("unroll")
#else
#define DRST_UNROLL _Pragma("GCC unroll 16")
#endif

namespace drst::nn {

#define DRST_KERNELS(name)                                                                              \
  constexpr Kernels kTable = {name,     gemm,      dot,  transform, relu,        gelu,      gelu_slope, \
                              multiply, relu_mask, adam, transpose, exponential, logarithm, error_function}

namespace {

#if defined(DRST_MULTIVERSION) && defined(__x86_64__) && !defined(__clang__)

namespace baseline {
#define DRST_LANES 4
#include "nn/kernels_math.h"
//
#include "nn/kernels_impl.h"
DRST_KERNELS("x86-64-v2");
#undef DRST_LANES
}  // namespace baseline

#pragma GCC push_options
#pragma GCC target("avx2")
namespace avx2 {
#define DRST_LANES 8
#include "nn/kernels_math.h"
//
#include "nn/kernels_impl.h"
DRST_KERNELS("avx2");
#undef DRST_LANES
}  // namespace avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl")
namespace avx512 {
#define DRST_LANES 16
#include "nn/kernels_math.h"
//
#include "nn/kernels_impl.h"
DRST_KERNELS("avx512");
#undef DRST_LANES
}  // namespace avx512
#pragma GCC pop_options

std::vector<const Kernels*> versions() {
  std::vector<const Kernels*> found;
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    found.push_back(&avx512::kTable);
  if (__builtin_cpu_supports("avx2")) found.push_back(&avx2::kTable);
  found.push_back(&baseline::kTable);
  return found;
}

#else

namespace native {
#if defined(__AVX512F__)
#define DRST_LANES 16
#elif defined(__AVX2__)
#define DRST_LANES 8
#else
#define DRST_LANES 4
#endif
#include "nn/kernels_math.h"
//
#include "nn/kernels_impl.h"
DRST_KERNELS("native");
#undef DRST_LANES
}  // namespace native

std::vector<const Kernels*> versions() { return {&native::kTable}; }

#endif

}  // namespace

std::span<const Kernels* const> supported_kernels() {
  static const std::vector<const Kernels*> found = versions();
  return found;
}

const Kernels& kernels() {
  static const Kernels& best = *supported_kernels().front();
  return best;
}

}  // namespace drst::nn
