// Matching a record's columns to a model's inputs by name, and telling what is missing. One thread.
//
// The map from input to column is made once a model and columns version, not once a record. A missing
// "<column>@-1" is filled with the current sample's value of that column (SPEC 4: what a producer without
// lags leaves out), and else stays NaN, which the model imputes. Lags are never counted as missing.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace drst {

class InputMap {
 public:
  /// `columns`: names by position, as the decoder gives them.
  void rebuild(const std::vector<std::string>& inputs, const std::vector<std::string>& columns);
  [[nodiscard]] std::size_t size() const { return sources_.size(); }
  /// Fills `out` (size() values, NaN = missing) from a record's values. Returns how many current-sample
  /// inputs are missing.
  uint32_t gather(std::span<const double> values, float* out);
  /// Inputs (by index) that were missing for the first time since rebuild() or the last clear_news().
  [[nodiscard]] const std::vector<uint32_t>& news() const { return news_; }
  void clear_news() { news_.clear(); }

 private:
  struct Source {
    int32_t column = -1;    // -1: the stream has no such column (yet)
    int32_t fallback = -1;  // lags: the current sample's column
    bool lag = false;
    bool told = false;  // that it was missing
  };
  std::vector<Source> sources_;
  std::vector<uint32_t> news_;
};

}  // namespace drst
