#include "learn/dataset.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "learn/row_weights.h"

namespace drst {
namespace {

constexpr std::string_view lag_mark = "@-1";
constexpr float missing = std::numeric_limits<float>::quiet_NaN();

void fill_column(const Table& table, const std::string& input, const std::vector<std::size_t>& rows,
                 std::size_t position, Dataset& data) {
  const std::string_view lagged = lagged_column(input);
  const auto column = table.find(lagged.empty() ? std::string_view(input) : lagged);
  const std::size_t width = data.inputs.size();
  for (std::size_t i = 0; i < rows.size(); ++i) {
    float cell = missing;
    if (column && lagged.empty()) cell = to_cell(table.at(rows[i], *column));
    if (column && !lagged.empty() && table.has_previous(rows[i]))
      cell = to_cell(table.at(rows[i] - 1, *column));
    data.x[i * width + position] = cell;
  }
}

/// Experiments of the kept rows: a new one wherever a start of the source lies between two of them.
std::vector<std::size_t> starts_of(const std::vector<std::size_t>& source_starts,
                                   std::span<const std::size_t> rows) {
  std::vector<std::size_t> starts;
  std::size_t next = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    bool begins = i == 0;
    while (next < source_starts.size() && source_starts[next] <= rows[i]) {
      begins = true;
      ++next;
    }
    if (begins) starts.push_back(i);
  }
  return starts;
}

}  // namespace

float to_cell(double value) {
  const auto cell = static_cast<float>(value);
  return std::isfinite(cell) ? cell : missing;
}

std::string_view lagged_column(std::string_view input) {
  if (input.size() <= lag_mark.size() || input.substr(input.size() - lag_mark.size()) != lag_mark) return {};
  return input.substr(0, input.size() - lag_mark.size());
}

std::vector<std::string> candidate_inputs(const Table& table, const std::vector<std::string>& kpis,
                                          const std::string& target, bool lags) {
  std::vector<std::string> inputs;
  for (const auto& name : table.names())
    if (name != target && std::find(kpis.begin(), kpis.end(), name) == kpis.end()) inputs.push_back(name);
  if (lags) {
    const std::size_t columns = inputs.size();
    for (std::size_t i = 0; i < columns; ++i) inputs.push_back(inputs[i] + std::string(lag_mark));
  }
  return inputs;
}

Dataset make_dataset(const Table& table, const std::vector<std::string>& inputs, const std::string& target) {
  const auto truth = table.column(std::string_view(target));
  Dataset data;
  data.inputs = inputs;
  const auto rows = rows_with_target(table, target);
  data.without_target = table.rows() - rows.size();
  for (const std::size_t r : rows) data.y.push_back(static_cast<float>(truth[r]));
  if (rows.empty())
    throw InputError("the target column '" + target + "' has no finite value in " + to_text(table.rows()) +
                     " rows; name another with model.targets or give a table that holds it");
  data.x.resize(rows.size() * inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) fill_column(table, inputs[i], rows, i, data);
  data.starts = starts_of(table.experiment_starts(), rows);
  return data;
}

Dataset with_inputs(const Dataset& data, const std::vector<std::string>& inputs) {
  std::unordered_map<std::string_view, std::size_t> position;
  for (std::size_t i = 0; i < data.inputs.size(); ++i) position.emplace(data.inputs[i], i);
  Dataset result;
  result.inputs = inputs;
  result.y = data.y;
  result.weight = data.weight;
  result.starts = data.starts;
  result.without_target = data.without_target;
  result.x.assign(data.rows() * inputs.size(), missing);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto found = position.find(inputs[i]);
    if (found == position.end()) continue;
    for (std::size_t r = 0; r < data.rows(); ++r)
      result.x[r * inputs.size() + i] = data.x[r * data.inputs.size() + found->second];
  }
  return result;
}

Dataset take_rows(const Dataset& data, std::span<const std::size_t> rows) {
  Dataset result;
  result.inputs = data.inputs;
  result.x.reserve(rows.size() * data.inputs.size());
  for (const std::size_t r : rows) {
    const auto values = data.row(r);
    result.x.insert(result.x.end(), values.begin(), values.end());
    result.y.push_back(data.y[r]);
    if (!data.weight.empty()) result.weight.push_back(data.weight[r]);
  }
  result.starts = starts_of(data.starts, rows);
  return result;
}

void append_rows(Dataset& data, const Dataset& more) {
  if (data.inputs != more.inputs) throw InputError("rows with other inputs cannot be appended to a data set");
  if (more.rows() == 0) return;
  const std::size_t before = data.rows();
  if (data.weight.empty() != more.weight.empty()) data.weight.resize(before, 1.0F);
  data.x.insert(data.x.end(), more.x.begin(), more.x.end());
  data.y.insert(data.y.end(), more.y.begin(), more.y.end());
  data.weight.insert(data.weight.end(), more.weight.begin(), more.weight.end());
  if (!data.weight.empty()) data.weight.resize(data.rows(), 1.0F);
  for (const std::size_t start : more.starts) data.starts.push_back(before + start);
}

std::vector<int32_t> stand_ins(const std::vector<std::string>& inputs) {
  std::unordered_map<std::string_view, int32_t> position;
  for (std::size_t i = 0; i < inputs.size(); ++i) position.emplace(inputs[i], static_cast<int32_t>(i));
  std::vector<int32_t> result(inputs.size(), -1);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const auto found = position.find(lagged_column(inputs[i]));
    if (!lagged_column(inputs[i]).empty() && found != position.end()) result[i] = found->second;
  }
  return result;
}

std::string data_digest(const Dataset& data) {
  std::string bytes;
  for (const auto& input : data.inputs) bytes += input + '\n';
  const auto add = [&bytes](const auto& values) {
    bytes += to_text(values.size()) + '\n';
    bytes.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(values[0]));
  };
  add(data.x);
  add(data.y);
  add(data.weight);
  add(data.starts);
  return sha256_hex(bytes);
}

}  // namespace drst
