#include "trees/kernels.h"

#include <algorithm>

#if !defined(__clang__)
// No vector crosses a function that is not inlined, so their calling convention does not matter.
#pragma GCC diagnostic ignored "-Wpsabi"
#endif

// GCC takes `unroll` one way, clang (fuzzing, tidy) another.
#define DRST_INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define DRST_UNROLL _Pragma("unroll")
#else
#define DRST_UNROLL _Pragma("GCC unroll 8")
#endif

namespace drst::trees {

namespace {

#if defined(DRST_MULTIVERSION) && defined(__x86_64__) && !defined(__clang__)

namespace baseline {
#define DRST_LANES 4
#define DRST_TILE 2
#include "trees/kernels_impl.h"
#undef DRST_TILE
#undef DRST_LANES
constexpr SplitKernels kTable = {bounds, sums};
}  // namespace baseline

#pragma GCC push_options
#pragma GCC target("avx2")
namespace avx2 {
#define DRST_LANES 8
#define DRST_TILE 2
#include "trees/kernels_impl.h"
#undef DRST_TILE
#undef DRST_LANES
constexpr SplitKernels kTable = {bounds, sums};
}  // namespace avx2
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512dq,avx512bw,avx512vl")
namespace avx512 {
#define DRST_LANES 16
#define DRST_TILE 4
#include "trees/kernels_impl.h"
#undef DRST_TILE
#undef DRST_LANES
constexpr SplitKernels kTable = {bounds, sums};
}  // namespace avx512
#pragma GCC pop_options

const SplitKernels& choose() {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl"))
    return avx512::kTable;
  return __builtin_cpu_supports("avx2") ? avx2::kTable : baseline::kTable;
}

#else

namespace native {
#if defined(__AVX512F__)
#define DRST_LANES 16
#define DRST_TILE 4
#elif defined(__AVX2__)
#define DRST_LANES 8
#define DRST_TILE 2
#else
#define DRST_LANES 4
#define DRST_TILE 2
#endif
#include "trees/kernels_impl.h"
#undef DRST_TILE
#undef DRST_LANES
constexpr SplitKernels kTable = {bounds, sums};
}  // namespace native

const SplitKernels& choose() { return native::kTable; }

#endif

}  // namespace

const SplitKernels& split_kernels() {
  static const SplitKernels& table = choose();
  return table;
}

}  // namespace drst::trees
