// From tables to what training works on: float32 rows in raw units, by input names, with targets, weights and
// experiments.
//
// Inputs are table columns and, as "<column>@-1", the previous row's value of a column, never across the
// start of an experiment (NaN there). KPIs are never inputs. Rows without a target are left out after lags
// were taken, so that a hole in the labels is no hole in the counters. Plain data, one thread while it is
// made.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "table/table.h"

namespace drst {

struct Dataset {
  std::vector<std::string> inputs;
  std::vector<float> x;             ///< rows x inputs, row-major; NaN = missing
  std::vector<float> y;             ///< target, finite
  std::vector<float> weight;        ///< empty: all 1
  std::vector<std::size_t> starts;  ///< first rows of experiments, ascending from 0
  std::size_t without_target = 0;   ///< rows of the table that were left out

  [[nodiscard]] std::size_t rows() const { return y.size(); }
  [[nodiscard]] std::span<const float> row(std::size_t r) const {
    return {x.data() + r * inputs.size(), inputs.size()};
  }
};

/// A counter as models take it: one beyond float32 is as good as missing, NaN.
float to_cell(double value);

/// "a@-1" -> "a"; empty if `input` is no lag.
std::string_view lagged_column(std::string_view input);

/// All columns of the table that may be inputs: every one that is not a KPI, then (if `lags`) each once more
/// as "<column>@-1".
std::vector<std::string> candidate_inputs(const Table& table, const std::vector<std::string>& kpis,
                                          const std::string& target, bool lags);

/// InputError if the table lacks the target (naming near columns) or has no row with a finite target. Inputs
/// that the table lacks are NaN throughout.
Dataset make_dataset(const Table& table, const std::vector<std::string>& inputs, const std::string& target);

/// The same rows with other inputs (a subset or a permutation by name; unknown names are NaN throughout).
Dataset with_inputs(const Dataset& data, const std::vector<std::string>& inputs);

/// The rows `rows` (ascending); starts follow.
Dataset take_rows(const Dataset& data, std::span<const std::size_t> rows);

/// `more` appended, as a new experiment; inputs must be the same.
void append_rows(Dataset& data, const Dataset& more);

/// Position of the current sample of each lag input (-1: none): Network::stand_in.
std::vector<int32_t> stand_ins(const std::vector<std::string>& inputs);

/// SHA-256 over names, values, targets, weights and experiments: the lineage's `data_sha256`.
std::string data_digest(const Dataset& data);

}  // namespace drst
