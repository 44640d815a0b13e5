// n log2 n for whole numbers, in fixed point: the only table the divergences of this room need.
//
// Sums of these entries are sums of integers, so they do not depend on the order of additions and do not
// drift, however many records come and go. The scale is the largest power of two for which any sum that
// arises (at most twice the largest entry) fits into 63 bits. Immutable after construction; any thread may
// read.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace drst {

class XLogX {
 public:
  /// Entries for 0..largest.
  explicit XLogX(std::size_t largest) {
    const double top = value(static_cast<double>(largest));
    while (std::ldexp(top, bits_) >= 0x1p61) --bits_;
    unit_ = std::ldexp(1.0, -bits_);
    entries_.reserve(largest + 1);
    for (std::size_t n = 0; n <= largest; ++n)
      entries_.push_back(
          static_cast<int64_t>(std::llround(std::ldexp(value(static_cast<double>(n)), bits_))));
  }
  [[nodiscard]] int64_t operator[](std::size_t n) const { return entries_[n]; }
  [[nodiscard]] const int64_t* data() const { return entries_.data(); }
  [[nodiscard]] double to_double(int64_t sum) const { return static_cast<double>(sum) * unit_; }

 private:
  static double value(double n) { return n > 0 ? n * std::log2(n) : 0; }
  int bits_ = 52;
  double unit_ = 1;
  std::vector<int64_t> entries_;
};

}  // namespace drst
