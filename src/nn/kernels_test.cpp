#include "nn/kernels.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

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

TEST(Kernels, SpecialFunctionsAreAsGoodAsFloat) {
  const auto& k = kernels();
  EXPECT_LT(largest_error(k.exp, std::exp, -87, 88, 0), 2e-7);
  EXPECT_LT(largest_error(k.log, std::log, 1, 4, 1e-6), 2e-7);
  EXPECT_LT(largest_error(k.log, std::log, 1, 1e12, 0), 2e-7);
  EXPECT_LT(largest_error(k.erf, std::erf, -6, 6, 1e-6), 2e-7);
  EXPECT_LT(largest_error(k.erf, std::erf, -1e-3, 1e-3, 1e-9), 2e-7);
}

TEST(Kernels, SpecialFunctionsAtTheEdges) {
  const float inf = std::numeric_limits<float>::infinity();
  float x[] = {inf, 1, 1e38F};
  kernels().log(x, 3);
  EXPECT_EQ(x[0], inf);
  EXPECT_EQ(x[1], 0);
  EXPECT_NEAR(x[2], std::log(1e38F), 1e-5);
  float e[] = {inf, -inf, 0, 100, -1e30F};
  kernels().erf(e, 5);
  EXPECT_EQ(e[0], 1);
  EXPECT_EQ(e[1], -1);
  EXPECT_EQ(e[2], 0);
  EXPECT_EQ(e[3], 1);
  EXPECT_EQ(e[4], -1);
}

TEST(Kernels, GeluSlopeIsTheDerivativeOfGelu) {
  std::vector<float> x;
  for (int i = -80; i <= 80; ++i) x.push_back(static_cast<float>(i) * 0.1F);
  auto value = x;
  std::vector<float> slope(x.size());
  kernels().gelu_slope(value.data(), slope.data(), x.size());
  auto plain = x;
  kernels().gelu(plain.data(), plain.size());
  EXPECT_EQ(plain, value);
  const auto gelu = [](double v) { return v / 2 * (1 + std::erf(v / std::sqrt(2.0))); };
  for (std::size_t i = 0; i < x.size(); ++i) {
    const auto v = static_cast<double>(x[i]);
    EXPECT_NEAR(static_cast<double>(value[i]), gelu(v), 1e-6);
    EXPECT_NEAR(static_cast<double>(slope[i]), (gelu(v + 1e-5) - gelu(v - 1e-5)) / 2e-5, 1e-6);
  }
}

TEST(Kernels, GemmMatchesTheDefinitionForAllShapesAndIsTheSameForEveryBlocking) {
  for (const std::size_t rows : {1U, 2U, 3U, 4U, 5U, 9U}) {
    for (const std::size_t columns : {1U, 2U, 7U, 8U, 9U, 16U, 24U, 31U, 64U, 100U}) {
      for (const std::size_t inner : {1U, 2U, 10U, 33U}) {
        const auto a = noise(rows * inner, 1);
        const auto b = noise(inner * columns, 2);
        const auto bias = noise(columns, 3);
        std::vector<float> c(rows * columns);
        kernels().gemm({a.data(), inner, 1}, b.data(), columns, bias.data(), c.data(), columns, rows, inner,
                       columns);
        std::vector<float> turned(a.size());
        kernels().transpose(a.data(), inner, turned.data(), rows, rows, inner);
        std::vector<float> from_turned(c.size());
        kernels().gemm({turned.data(), 1, rows}, b.data(), columns, bias.data(), from_turned.data(), columns,
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

TEST(Kernels, DotIgnoresZeroPadding) {
  for (const std::size_t n : {1U, 7U, 8U, 10U, 31U, 64U}) {
    auto x = noise(n, 4);
    auto w = noise(n, 5);
    float plain = 0;
    kernels().dot(x.data(), n, w.data(), 0.5F, &plain, 1, n);
    double truth = 0.5;
    for (std::size_t i = 0; i < n; ++i) truth += static_cast<double>(x[i]) * static_cast<double>(w[i]);
    EXPECT_NEAR(static_cast<double>(plain), truth, 1e-5);
    x.resize(n + 16);
    w.resize(n + 16);
    float padded = 0;
    kernels().dot(x.data(), n + 16, w.data(), 0.5F, &padded, 1, n + 16);
    EXPECT_EQ(plain, padded);
  }
}

TEST(Kernels, TransposeOfOddShapes) {
  for (const std::size_t rows : {1U, 3U, 4U, 6U, 17U}) {
    for (const std::size_t columns : {1U, 4U, 5U, 12U}) {
      const auto in = noise(rows * columns, 6);
      std::vector<float> out(in.size());
      kernels().transpose(in.data(), columns, out.data(), rows, rows, columns);
      for (std::size_t r = 0; r < rows; ++r)
        for (std::size_t c = 0; c < columns; ++c) ASSERT_EQ(out[c * rows + r], in[r * columns + c]);
    }
  }
}

}  // namespace
}  // namespace drst::nn
