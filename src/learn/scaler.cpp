#include "learn/scaler.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"

namespace drst {
namespace {

/// A spread below this share of the value itself is rounding noise of float32 rather than a signal: such an
/// input is scaled as if it varied by this much, so that a last-digit difference between two runtimes stays
/// one.
constexpr double least_spread = 1e-3;

struct Moments {
  double mean = 0;
  double deviation = 1;
};

/// Of one column of a row-major matrix.
Moments moments(const std::vector<float>& x, std::size_t rows, std::size_t width, std::size_t column) {
  Moments result;
  double sum = 0;
  for (std::size_t r = 0; r < rows; ++r) sum += static_cast<double>(x[r * width + column]);
  result.mean = sum / static_cast<double>(rows);
  double squares = 0;
  for (std::size_t r = 0; r < rows; ++r) {
    const double d = static_cast<double>(x[r * width + column]) - result.mean;
    squares += d * d;
  }
  result.deviation =
      std::max(std::sqrt(squares / static_cast<double>(rows)), least_spread * std::abs(result.mean));
  if (result.deviation < 1e-30) result.deviation = 1;  // all zero, or never there
  return result;
}

/// Stand-ins and the constants that replace what is still missing: the mean in the scale the network works
/// in.
void fit_imputation(Network& network, const std::vector<float>& raw, std::size_t rows) {
  const std::size_t width = network.inputs.size();
  for (std::size_t i = 0; i < width; ++i) {
    double sum = 0;
    std::size_t present = 0;
    for (std::size_t r = 0; r < rows; ++r) {
      const float cell = raw[r * width + i];
      if (std::isnan(cell)) continue;
      ++present;
      sum += network.log1p[i] != 0 ? std::log1p(static_cast<double>(cell)) : static_cast<double>(cell);
    }
    const double mean = present == 0 ? 0 : sum / static_cast<double>(present);
    network.impute[i] = static_cast<float>(network.log1p[i] != 0 ? std::expm1(mean) : mean);
  }
}

bool never_negative(const std::vector<float>& raw, std::size_t rows, std::size_t width, std::size_t column) {
  for (std::size_t r = 0; r < rows; ++r)
    if (raw[r * width + column] < 0) return false;
  return true;
}

}  // namespace

void fit_inputs(Network& network, const Dataset& data, std::span<const std::size_t> rows,
                const InputOptions& options) {
  const std::size_t width = data.inputs.size();
  if (rows.empty() || width == 0) throw InputError("there is no training row or no input to scale");
  std::vector<float> raw;
  raw.reserve(rows.size() * width);
  for (const std::size_t r : rows) {
    const auto values = data.row(r);
    raw.insert(raw.end(), values.begin(), values.end());
  }
  network.inputs = data.inputs;
  network.stand_in = stand_ins(data.inputs);
  if (std::all_of(network.stand_in.begin(), network.stand_in.end(), [](int32_t i) { return i < 0; }))
    network.stand_in.clear();
  network.impute.assign(width, 0);
  network.log1p.assign(width, 0);
  network.log_factor.clear();
  network.shift.assign(width, 0);
  network.scale.assign(width, 1);
  network.low.clear();
  network.high.clear();
  for (std::size_t i = 0; i < width; ++i)
    network.log1p[i] = options.log_inputs && never_negative(raw, rows.size(), width, i) ? 1 : 0;
  fit_imputation(network, raw, rows.size());

  // With shift 0 and scale 1 the network's own transformation shows what there is to standardise.
  std::vector<float> x(raw.size());
  transform_inputs(network, raw, rows.size(), x);
  std::vector<float> factors(width, 1);
  for (std::size_t i = 0; i < width; ++i) {
    const Moments m = moments(x, rows.size(), width, i);
    double shift = m.mean;
    if (network.log1p[i] !=
        0) {  // most of the mean goes under the logarithm, what rounding leaves stays here
      factors[i] = std::max(static_cast<float>(std::exp(-m.mean)), std::numeric_limits<float>::min());
      shift += std::log(static_cast<double>(factors[i]));
    }
    network.shift[i] = static_cast<float>(shift);
    network.scale[i] = static_cast<float>(1 / m.deviation);
  }
  if (std::any_of(factors.begin(), factors.end(), [](float factor) { return factor != 1; }))
    network.log_factor = std::move(factors);
  if (!options.clip) return;
  transform_inputs(network, raw, rows.size(), x);
  network.low.assign(x.begin(), x.begin() + static_cast<std::ptrdiff_t>(width));
  network.high = network.low;
  for (std::size_t k = 0; k < x.size(); ++k) {
    network.low[k % width] = std::min(network.low[k % width], x[k]);
    network.high[k % width] = std::max(network.high[k % width], x[k]);
  }
}

void widen_clipping(Network& network, const Dataset& data) {
  if (network.low.empty() || data.rows() == 0) return;
  std::vector<float> low;
  std::vector<float> high;
  low.swap(network.low);  // look at the values as they are without clipping
  high.swap(network.high);
  const std::size_t width = network.inputs.size();
  std::vector<float> x(data.x.size());
  transform_inputs(network, data.x, data.rows(), x);
  for (std::size_t k = 0; k < x.size(); ++k) {
    low[k % width] = std::min(low[k % width], x[k]);
    high[k % width] = std::max(high[k % width], x[k]);
  }
  network.low = std::move(low);
  network.high = std::move(high);
}

double target_floor(std::span<const float> y, double share) {
  std::vector<double> sizes;
  for (const float value : y) sizes.push_back(std::abs(static_cast<double>(value)));
  if (sizes.empty()) return 1;
  const auto middle = sizes.begin() + static_cast<std::ptrdiff_t>(sizes.size() / 2);
  std::nth_element(sizes.begin(), middle, sizes.end());
  const double floor = share * *middle;
  return floor > 0 ? floor : 1;
}

void fit_target(Network& network, std::span<const float> y, bool log_target, double floor) {
  const auto learned = [&](float value) {
    return log_target ? std::log(std::max(static_cast<double>(value), floor)) : static_cast<double>(value);
  };
  double mean = 0;
  for (const float value : y) mean += learned(value);
  mean /= static_cast<double>(y.size());
  double squares = 0;
  for (const float value : y) squares += (learned(value) - mean) * (learned(value) - mean);
  const double deviation = std::sqrt(squares / static_cast<double>(y.size()));
  network.output_shift = static_cast<float>(mean);
  network.output_scale =
      deviation > 1e-12 * std::max(std::abs(mean), 1.0) ? static_cast<float>(deviation) : 1.0F;
  network.exponential = log_target;
  network.non_negative =
      !log_target && std::all_of(y.begin(), y.end(), [](float value) { return value >= 0; });
}

std::vector<float> standardise_target(const Network& network, std::span<const float> y, double floor) {
  std::vector<float> z(y.size());
  for (std::size_t i = 0; i < y.size(); ++i) {
    const double value = network.exponential ? std::log(std::max(static_cast<double>(y[i]), floor))
                                             : static_cast<double>(y[i]);
    z[i] = static_cast<float>((value - static_cast<double>(network.output_shift)) /
                              static_cast<double>(network.output_scale));
  }
  return z;
}

}  // namespace drst
