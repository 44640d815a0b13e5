#include "trees/table.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/text.h"
#include "trees/kernels.h"

namespace drst {

namespace {

[[noreturn]] void refuse(const std::string& what) { throw InputError("training of trees: " + what); }

/// Numbers of the rows that count.
std::vector<std::size_t> weighty_rows(const TrainTable& table) {
  const std::size_t rows = table.y.size();
  const std::size_t inputs = table.inputs.size();
  if (inputs == 0 || inputs > TreeEnsemble::most_inputs)
    refuse(to_text(inputs) + " inputs, possible are 1 to " + to_text(TreeEnsemble::most_inputs));
  if (table.x.size() / inputs != rows || table.x.size() % inputs != 0)
    refuse(to_text(rows) + " targets, but " + to_text(table.x.size()) + " values of " + to_text(inputs) +
           " inputs");
  if (!table.weight.empty() && table.weight.size() != rows)
    refuse(to_text(table.weight.size()) + " weights for " + to_text(rows) + " rows");
  if (!table.stand_in.empty() && table.stand_in.size() != inputs) refuse("stand_in of another size");
  if (!table.impute.empty() && table.impute.size() != inputs) refuse("impute of another size");
  for (const int32_t other : table.stand_in)
    if (other < -1 || other >= static_cast<int64_t>(inputs)) refuse("a stand-in is no input");
  std::vector<std::size_t> kept;
  for (std::size_t r = 0; r < rows; ++r) {
    const float weight = table.weight.empty() ? 1 : table.weight[r];
    if (!std::isfinite(weight) || weight < 0)
      refuse("the weight of row " + to_text(r) + " is negative or not finite");
    if (weight == 0) continue;
    if (!std::isfinite(table.y[r])) refuse("the target of row " + to_text(r) + " is not finite");
    kept.push_back(r);
  }
  if (kept.empty()) refuse("no row has a positive weight");
  return kept;
}

float within_float(float x) {
  constexpr float most = std::numeric_limits<float>::max();
  return std::clamp(x, -most, most);
}

/// Lower median of what is there; 0 where nothing is.
float median(const TrainTable& table, const std::vector<std::size_t>& kept, std::size_t column,
             std::vector<float>& scratch) {
  scratch.clear();
  for (const std::size_t r : kept) {
    const float x = table.x[r * table.inputs.size() + column];
    if (!std::isnan(x)) scratch.push_back(within_float(x));
  }
  if (scratch.empty()) return 0;
  const auto middle = scratch.begin() + static_cast<std::ptrdiff_t>((scratch.size() - 1) / 2);
  std::nth_element(scratch.begin(), middle, scratch.end());
  return *middle;
}

void fill_targets(const TrainTable& table, const std::vector<std::size_t>& kept, TrainRows& out) {
  double weights = 0;
  double sum = 0;
  const auto weight = [&](std::size_t r) {
    return table.weight.empty() ? 1.0 : static_cast<double>(table.weight[r]);
  };
  for (const std::size_t r : kept) {
    weights += weight(r);
    sum += weight(r) * static_cast<double>(table.y[r]);
  }
  out.mean = static_cast<double>(static_cast<float>(sum / weights));  // as the ensemble's base holds it
  double squares = 0;
  for (const std::size_t r : kept) {
    const double d = static_cast<double>(table.y[r]) - out.mean;
    squares += weight(r) * d * d;
  }
  out.deviation = std::sqrt(squares / weights);
  if (!(out.deviation > 0)) out.deviation = 1;
  const double share = static_cast<double>(kept.size()) / weights;
  for (const std::size_t r : kept) {
    out.weight.push_back(std::max(static_cast<float>(weight(r) * share), std::numeric_limits<float>::min()));
    out.target.push_back(static_cast<float>((static_cast<double>(table.y[r]) - out.mean) / out.deviation));
  }
}

}  // namespace

TrainRows prepare_rows(const TrainTable& table) {
  const auto kept = weighty_rows(table);
  const std::size_t inputs = table.inputs.size();
  TrainRows out;
  out.rows = kept.size();
  out.stride = (inputs + trees::kColumnBlock - 1) / trees::kColumnBlock * trees::kColumnBlock;
  out.impute = table.impute;
  if (out.impute.empty()) {
    std::vector<float> scratch;
    for (std::size_t i = 0; i < inputs; ++i) out.impute.push_back(median(table, kept, i, scratch));
  }
  fill_targets(table, kept, out);
  out.x.assign(out.rows * out.stride, 0);
  float* to = out.x.data();
  for (const std::size_t r : kept) {
    const float* raw = table.x.data() + r * inputs;
    for (std::size_t i = 0; i < inputs; ++i) {
      float value = raw[i];
      if (std::isnan(value) && !table.stand_in.empty() && table.stand_in[i] >= 0)
        value = raw[table.stand_in[i]];
      to[i] = within_float(std::isnan(value) ? out.impute[i] : value);
    }
    to += out.stride;
  }
  return out;
}

}  // namespace drst
