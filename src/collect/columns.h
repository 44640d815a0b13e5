// The columns of a source: what it measures by the names that things have there, those that are wanted, and
// what they are called in the row. Not thread-safe.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "collect/chain.h"
#include "collect/settings.h"

namespace drst {

/// What stands before each column of the source: "eth0_", "port0_", "pcm_", "firewall_"; "" where the type
/// names its columns itself.
std::string column_prefix(const SourceSpec& spec);
/// What a column of the source is called in the row. The keys of `rename` are columns with or without the
/// prefix, as `columns` of the chain file has them.
std::string row_name(const SourceSpec& spec, const std::string& column);

class ColumnSet {
 public:
  /// With `spec.columns` the columns are those, in that order, from the start; else they grow.
  ColumnSet(const SourceSpec& spec, const CollectSettings& settings);

  /// Where the value of `column` (without the prefix) belongs; a new column if all are wanted and there is
  /// room. nullopt: not wanted, or beyond collect.max_columns.
  std::optional<std::size_t> place(std::string_view column);
  /// Names in the order of places, with the prefix. They are never changed or removed.
  [[nodiscard]] const std::vector<std::string>& names() const { return names_; }
  [[nodiscard]] bool all_wanted() const { return all_wanted_; }
  /// Wanted ones that `place` was never asked for, and how many were left out; "" if neither.
  [[nodiscard]] std::string words() const;

 private:
  std::string prefix_;
  bool all_wanted_;
  std::size_t most_;
  std::size_t left_out_ = 0;
  std::vector<std::string> names_;
  std::vector<char> met_;
  std::unordered_map<std::string, std::size_t> places_;  ///< without the prefix; `none` for those left out
};

/// "a; b", without those that are empty: what SourceState::words is made of.
std::string join_words(const std::vector<std::string>& parts);

}  // namespace drst
