// Yardsticks shared by the benches of networks: what this core can multiply and add, and what training needs.
#pragma once

#include <algorithm>
#include <chrono>
#include <limits>
#include <vector>

#include "nn/network.h"

namespace drst::bench {

/// Best of many runs of `body`, in seconds: other work on the machine only ever adds.
template <class Body>
double best_seconds(int repetitions, const Body& body) {
  double best = std::numeric_limits<double>::infinity();
  for (int i = 0; i < repetitions; ++i) {
    const auto start = std::chrono::steady_clock::now();
    body();
    best = std::min(best, std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  return best;
}

/// Keeps the compiler from dropping what nobody reads.
inline void keep(const void* p) { __asm__ volatile("" : : "g"(p) : "memory"); }

#if defined(__AVX512F__)
constexpr std::size_t kPeakLanes = 16;
#else
constexpr std::size_t kPeakLanes = 8;
#endif

/// Peak multiplications and additions a second of one core: independent sums in registers of the widest kind,
/// not fused, as in the whole project.
inline double peak_flops() {
  typedef float V
      __attribute__((vector_size(4 * kPeakLanes)));  // NOLINT(modernize-use-using): GCC drops the attribute
  V factor = V{} + 1.0F;
  __asm__ volatile("" : "+v"(factor));
  V total = {};
  constexpr int kRounds = 20'000;
  const double seconds = best_seconds(50, [&] {
    V sum[8] = {};
    V x = factor;
    for (int i = 0; i < kRounds; ++i) {
#if defined(__clang__)
#pragma unroll
#else
#pragma GCC unroll 8
#endif
      for (int j = 0; j < 8; ++j) {
        __asm__ volatile("" : "+v"(x));  // else all eight products are one
        sum[j] += x * factor;
      }
    }
    for (const V& s : sum) total += s;
  });
  keep(&total);
  return kRounds * 8.0 * kPeakLanes * 2 / seconds;
}

inline double products(const std::vector<Dense>& layers) {
  double sum = 0;
  for (const auto& layer : layers) sum += static_cast<double>(layer.inputs * layer.outputs);
  return sum;
}

/// One training step: forward, gradients of weights and activations (not of the raw inputs), Adam at ten
/// operations a parameter.
inline double step_flops(const std::vector<Dense>& layers, double rows) {
  const double inner = products(layers) - static_cast<double>(layers.front().weights.size());
  return rows * 2 * (2 * products(layers) + inner) + 10 * products(layers);
}

}  // namespace drst::bench
