#include "nn/kernels.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/random.h"

namespace drst::nn {
namespace {

std::vector<float> noise(std::size_t n, uint64_t seed) {
  Random random(seed);
  std::vector<float> values(n);
  for (float& v : values) v = static_cast<float>(random.normal());
  return values;
}

/// Largest error of `f` against `exact` on points spread over [low, high], relative to max(|exact|, floor).
double largest_error(void (*f)(float*, std::size_t), double (*exact)(double), double low, double high,
                     double floor) {
  std::vector<float> x;
  for (int i = 0; i <= 200'000; ++i) x.push_back(static_cast<float>(low + (high - low) * i / 200'000.0));
  auto y = x;
  f(y.data(), y.size());
  double worst = 0;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const double truth = exact(static_cast<double>(x[i]));
    worst = std::max(worst, std::abs(static_cast<double>(y[i]) - truth) / std::max(std::abs(truth), floor));
  }
  return worst;
}

/// Every version that this processor runs: one in a build for the machine at hand, up to three in a packaged
/// one.
class Versions : public ::testing::TestWithParam<const Kernels*> {
 protected:
  const Kernels& version = *GetParam();
};
INSTANTIATE_TEST_SUITE_P(Kernels, Versions,
                         ::testing::ValuesIn(supported_kernels().begin(), supported_kernels().end()),
                         [](const ::testing::TestParamInfo<const Kernels*>& tested) {
                           std::string name;
                           for (const char* c = tested.param->instructions; *c != 0; ++c)
                             name += *c == '-' ? '_' : *c;
                           return name;
                         });

TEST_P(Versions, SpecialFunctionsAreAsGoodAsFloat) {
  EXPECT_LT(largest_error(version.exp, std::exp, -87, 88, 0), 2e-7);
  EXPECT_LT(largest_error(version.log, std::log, 1, 4, 1e-6), 2e-7);
  EXPECT_LT(largest_error(version.log, std::log, 1, 1e12, 0), 2e-7);
  EXPECT_LT(largest_error(version.erf, std::erf, -6, 6, 1e-6), 2e-7);
  EXPECT_LT(largest_error(version.erf, std::erf, -1e-3, 1e-3, 1e-9), 2e-7);
}

TEST_P(Versions, SpecialFunctionsAtTheEdges) {
  const float inf = std::numeric_limits<float>::infinity();
  float x[] = {inf, 1, 1e38F};
  version.log(x, 3);
  EXPECT_EQ(x[0], inf);
  EXPECT_EQ(x[1], 0);
  EXPECT_NEAR(x[2], std::log(1e38F), 1e-5);
  float e[] = {inf, -inf, 0, 100, -1e30F};
  version.erf(e, 5);
  EXPECT_EQ(e[0], 1);
  EXPECT_EQ(e[1], -1);
  EXPECT_EQ(e[2], 0);
  EXPECT_EQ(e[3], 1);
  EXPECT_EQ(e[4], -1);
}

TEST_P(Versions, GeluSlopeIsTheDerivativeOfGelu) {
  std::vector<float> x;
  for (int i = -80; i <= 80; ++i) x.push_back(static_cast<float>(i) * 0.1F);
  auto value = x;
  std::vector<float> slope(x.size());
  version.gelu_slope(value.data(), slope.data(), x.size());
  auto plain = x;
  version.gelu(plain.data(), plain.size());
  EXPECT_EQ(plain, value);
  const auto gelu = [](double v) { return v / 2 * (1 + std::erf(v / std::sqrt(2.0))); };
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto v = static_cast<double>(x[i]);
    EXPECT_NEAR(static_cast<double>(value[i]), gelu(v), 1e-6);
    EXPECT_NEAR(static_cast<double>(slope[i]), (gelu(v + 1e-5) - gelu(v - 1e-5)) / 2e-5, 1e-6);
  }
}

TEST_P(Versions, GemmMatchesTheDefinitionForAllShapesAndIsTheSameForEveryBlocking) {
  for (const std::size_t rows : {1U, 2U, 3U, 4U, 5U, 9U}) {
    for (const std::size_t columns : {1U, 2U, 7U, 8U, 9U, 16U, 24U, 31U, 64U, 100U}) {
      for (const std::size_t inner : {1U, 2U, 10U, 33U}) {
        const auto a = noise(rows * inner, 1);
        const auto b = noise(inner * columns, 2);
        const auto bias = noise(columns, 3);
        std::vector<float> c(rows * columns);
        version.gemm({a.data(), inner, 1}, b.data(), columns, bias.data(), c.data(), columns, rows, inner,
                     columns);
        std::vector<float> turned(a.size());
        version.transpose(a.data(), inner, turned.data(), rows, rows, inner);
        std::vector<float> from_turned(c.size());
        version.gemm({turned.data(), 1, rows}, b.data(), columns, bias.data(), from_turned.data(), columns,
                     rows, inner, columns);
        EXPECT_EQ(c, from_turned);
        for (std::size_t m = 0; m < rows; ++m) {
          for (std::size_t n = 0; n < columns; ++n) {
            float sum = bias[n];
            for (std::size_t k = 0; k < inner; ++k) sum += a[m * inner + k] * b[k * columns + n];
            ASSERT_EQ(c[m * columns + n], sum) << rows << ' ' << columns << ' ' << inner;
          }
        }
      }
    }
  }
}

TEST_P(Versions, DotIgnoresZeroPadding) {
  for (const std::size_t n : {1U, 7U, 8U, 10U, 31U, 64U}) {
    auto x = noise(n, 4);
    auto w = noise(n, 5);
    float plain = 0;
    version.dot(x.data(), n, w.data(), 0.5F, &plain, 1, n);
    double truth = 0.5;
    for (std::size_t i = 0; i < n; ++i) truth += static_cast<double>(x[i]) * static_cast<double>(w[i]);
    EXPECT_NEAR(static_cast<double>(plain), truth, 1e-5);
    x.resize(n + 16);
    w.resize(n + 16);
    float padded = 0;
    version.dot(x.data(), n + 16, w.data(), 0.5F, &padded, 1, n + 16);
    EXPECT_EQ(plain, padded);
  }
}

TEST_P(Versions, TransposeOfOddShapes) {
  for (const std::size_t rows : {1U, 3U, 4U, 6U, 17U}) {
    for (const std::size_t columns : {1U, 4U, 5U, 12U}) {
      const auto in = noise(rows * columns, 6);
      std::vector<float> out(in.size());
      version.transpose(in.data(), columns, out.data(), rows, rows, columns);
      for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < columns; ++c) ASSERT_EQ(out[c * rows + r], in[r * columns + c]);
    }
  }
}

/// The bits of everything that a version computes, on inputs that fill vectors of every length and leave
/// rests.
class Bits {
 public:
  explicit Bits(const Kernels& kernels) : k_(kernels) {
    for (const std::size_t rows : {1U, 2U, 4U, 7U}) {
      for (const std::size_t inner : {1U, 10U, 33U}) {
        for (const std::size_t columns : {1U, 4U, 9U, 17U, 24U, 64U, 135U}) gemm(rows, inner, columns);
        dot(rows, inner);
      }
    }
    for (const std::size_t inputs : {1U, 3U, 4U, 7U, 9U, 15U, 16U, 21U, 60U}) transform(inputs);
    for (const std::size_t n : {1U, 3U, 4U, 6U, 8U, 13U, 16U, 31U, 64U, 100U}) element_wise(n);
  }
  [[nodiscard]] const std::vector<uint32_t>& all() const { return bits_; }
  [[nodiscard]] std::string digest() const {
    return sha256_hex({reinterpret_cast<const char*>(bits_.data()), bits_.size() * sizeof(uint32_t)});
  }

 private:
  /// Numbers that no mathematical library has a part in.
  std::vector<float> numbers(std::size_t n, double low = -3, double high = 3) {
    std::vector<float> values(n);
    for (float& v : values) v = static_cast<float>(random_.uniform(low, high));
    return values;
  }
  void keep(const std::vector<float>& values) {
    for (const float v : values) bits_.push_back(std::bit_cast<uint32_t>(v));
  }

  void gemm(std::size_t rows, std::size_t inner, std::size_t columns) {
    const auto a = numbers(rows * inner);
    const auto b = numbers(inner * columns);
    const auto bias = numbers(columns);
    std::vector<float> c(rows * columns);
    for (const float* start : {bias.data(), static_cast<const float*>(nullptr)}) {
      k_.gemm({a.data(), inner, 1}, b.data(), columns, start, c.data(), columns, rows, inner, columns);
      keep(c);
    }
  }
  void dot(std::size_t rows, std::size_t inner) {
    const auto x = numbers(rows * inner);
    const auto w = numbers(inner);
    std::vector<float> out(rows);
    k_.dot(x.data(), inner, w.data(), 0.5F, out.data(), rows, inner);
    keep(out);
  }
  void transform(std::size_t inputs) {
    const std::size_t rows = 5;
    auto raw = numbers(rows * inputs, -1e5, 2e6);
    for (float& v : raw)
      if (random_.chance(0.1)) v = std::numeric_limits<float>::quiet_NaN();
    const auto impute = numbers(inputs, 0, 1e6);
    const auto factor = numbers(inputs, 1e-6, 1);
    const auto shift = numbers(inputs);
    const auto scale = numbers(inputs, 1e-6, 1);
    const auto low = numbers(inputs, -2, 0);
    const auto high = numbers(inputs, 0, 2);
    std::vector<uint8_t> log1p(inputs);
    for (auto& flag : log1p) flag = random_.chance(0.5) ? 1 : 0;
    std::vector<float> out(raw.size());
    for (const bool factors : {false, true}) {
      for (const bool clipped : {false, true}) {
        k_.transform({impute.data(), log1p.data(), factors ? factor.data() : nullptr, shift.data(),
                      scale.data(), clipped ? low.data() : nullptr, clipped ? high.data() : nullptr, inputs},
                     raw.data(), rows, out.data());
        keep(out);
      }
    }
  }
  void element_wise(std::size_t n) {
    for (const auto function : {k_.relu, k_.gelu, k_.exp, k_.erf}) {
      auto x = numbers(n, -7, 7);
      function(x.data(), n);
      keep(x);
    }
    auto x = numbers(n, 1, 1e6);
    k_.log(x.data(), n);
    keep(x);
    auto slope = numbers(n);
    k_.gelu_slope(x.data(), slope.data(), n);
    keep(x);
    keep(slope);
    k_.multiply(x.data(), slope.data(), n);
    keep(x);
    k_.relu_mask(slope.data(), numbers(n).data(), n);
    keep(slope);
    auto parameters = numbers(n);
    auto first = numbers(n, -0.1, 0.1);
    auto second = numbers(n, 0, 0.1);
    k_.adam({0.9F, 0.999F, 1e-8F, 1e-4F, 3e-3F, 4.0F}, parameters.data(), numbers(n).data(), first.data(),
            second.data(), n);
    keep(parameters);
    keep(first);
    keep(second);
    const auto in = numbers(5 * n);
    std::vector<float> out(in.size());
    k_.transpose(in.data(), n, out.data(), 5, 5, n);
    keep(out);
  }

  const Kernels& k_;
  Random random_{7};
  std::vector<uint32_t> bits_;
};

TEST_P(Versions, GiveTheSameBitsAsTheSimplest) {
  const Bits mine(version), simplest(*supported_kernels().back());
  EXPECT_GT(mine.all().size(), 10'000U);
  EXPECT_EQ(mine.all(), simplest.all());
}

TEST_P(Versions, GiveTheSameBitsInEveryBuild) {
  // Of no meaning but to be the same for every processor, compiler and build; a change of arithmetic changes
  // it.
  EXPECT_EQ(Bits(version).digest(), "79779be5bb0895b85b3402801af338687204808e066ecd9434d2f53f95322c7d");
}

TEST(Kernels, TheBestVersionIsTaken) {
  ASSERT_FALSE(supported_kernels().empty());
  EXPECT_EQ(&kernels(), supported_kernels().front());
#if defined(DRST_MULTIVERSION) && defined(__x86_64__) && !defined(__clang__)
  std::vector<std::string> names;
  for (const auto* version : supported_kernels()) names.emplace_back(version->instructions);
  std::vector<std::string> expected = {"x86-64-v2"};
  if (__builtin_cpu_supports("avx2")) expected.insert(expected.begin(), "avx2");
  if (__builtin_cpu_supports("avx512vl")) expected.insert(expected.begin(), "avx512");
  EXPECT_EQ(names, expected);
#else
  EXPECT_EQ(supported_kernels().size(), 1U);
#endif
}

}  // namespace
}  // namespace drst::nn
