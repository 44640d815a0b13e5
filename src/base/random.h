// Seeded randomness, the same on every machine: xoshiro256++ (Blackman and Vigna, "Scrambled linear
// pseudorandom number generators", ACM TOMS 2021), seeded by splitmix64. The standard library's distributions
// differ between implementations, so the few we need are here. Not for secrets. One generator belongs to one
// thread.
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace drst {

inline uint64_t splitmix64(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15ULL);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
  return z ^ (z >> 31);
}

class Random {
 public:
  using result_type = uint64_t;
  explicit Random(uint64_t seed) {
    for (auto& word : state_) word = splitmix64(seed);
  }
  /// An independent generator for a named purpose, so that one consumer of numbers never shifts another's.
  [[nodiscard]] Random fork(uint64_t purpose) const {
    return Random(state_[0] ^ (purpose * 0xd1342543de82ef95ULL + 0x632be59bd9b4e019ULL));
  }
  static constexpr uint64_t min() { return 0; }
  static constexpr uint64_t max() { return ~uint64_t{0}; }

  uint64_t operator()() {
    const uint64_t result = rotl(state_[0] + state_[3], 23) + state_[0];
    const uint64_t t = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= t;
    state_[3] = rotl(state_[3], 45);
    return result;
  }
  /// Uniform in [0, 1), 53 bits.
  double uniform() { return static_cast<double>((*this)() >> 11) * 0x1.0p-53; }
  double uniform(double low, double high) { return low + (high - low) * uniform(); }
  /// Uniform in [0, n), n > 0; Lemire's multiply-shift with rejection, so without bias.
  uint64_t below(uint64_t n) {
    __extension__ using u128 = unsigned __int128;
    auto product = static_cast<u128>((*this)()) * n;
    auto low = static_cast<uint64_t>(product);
    if (low < n) {
      const uint64_t threshold = (0 - n) % n;
      while (low < threshold) {
        product = static_cast<u128>((*this)()) * n;
        low = static_cast<uint64_t>(product);
      }
    }
    return static_cast<uint64_t>(product >> 64);
  }
  bool chance(double probability) { return uniform() < probability; }
  /// Standard normal (Box-Muller; keeps the second value).
  double normal() {
    if (has_spare_) {
      has_spare_ = false;
      return spare_;
    }
    double u = 0;
    do u = uniform();
    while (u <= 0);
    const double radius = std::sqrt(-2 * std::log(u));
    const double angle = 6.283185307179586 * uniform();
    spare_ = radius * std::sin(angle);
    has_spare_ = true;
    return radius * std::cos(angle);
  }
  double exponential(double rate) { return -std::log1p(-uniform()) / rate; }
  template <class It>
  void shuffle(It first, It last) {
    for (auto i = last - first; i > 1; --i)
      std::swap(first[i - 1], first[static_cast<std::ptrdiff_t>(below(static_cast<uint64_t>(i)))]);
  }

 private:
  static constexpr uint64_t rotl(uint64_t x, int k) { return (x << k) | (x >> (64 - k)); }
  uint64_t state_[4];
  double spare_ = 0;
  bool has_spare_ = false;
};

}  // namespace drst
