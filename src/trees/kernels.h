// The two loops in which randomised trees spend their time, for internal use of this room.
//
// Both go over the rows of a node, a list of row numbers, and treat all columns alike, so the vector lanes
// lie across columns and rows need not be sorted or copied: that beats looking at the chosen columns alone,
// which are scattered. One source (kernels_impl.h) is compiled for the instructions at hand; a packaged build
// (DRST_MULTIVERSION) chooses at run time, as nn/kernels.h does. Every version gives the same bits: a
// column's sum is one chain over the rows in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace drst::trees {

constexpr std::size_t kColumnBlock = 16;  ///< `stride` is a multiple of it

struct SplitSums {
  float* targets;  ///< per column: sum of weight * target where x <= cut
  float* weights;  ///< per column: sum of weight there
  float* counts;   ///< per column: number of rows there
};

struct SplitKernels {
  /// low, high [stride]: least and greatest value of each column of x (rows of `stride` floats, no NaN).
  void (*bounds)(const float* x, std::size_t stride, std::span<const uint32_t> rows, float* low, float* high);
  /// cut [stride]; weighted_target and weight by row number.
  void (*sums)(const float* x, std::size_t stride, std::span<const uint32_t> rows, const float* cut,
               const float* weighted_target, const float* weight, const SplitSums& out);
};

/// The best version that this processor runs.
const SplitKernels& split_kernels();

}  // namespace drst::trees
