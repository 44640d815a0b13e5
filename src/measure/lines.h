// The lines of a measured file, as every reader of this room wants them: without line ends, byte order mark
// and blank lines, one side of a Git conflict, and each oddity counted. Nothing is copied; the bytes must
// outlive it. Not thread-safe.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "measure/dirt.h"

namespace drst {

/// Which side of a Git conflict is kept where a file holds both: between <<<<<<< and ======= (ours), or
/// between ======= and >>>>>>> (theirs).
enum class ConflictSide { ours, theirs };

class Lines {
 public:
  Lines(std::string_view bytes, FileDirt& dirt, ConflictSide side);
  /// False at the end.
  bool next(std::string_view& line);
  /// Of the line that next() gave, from 1.
  [[nodiscard]] std::uint64_t number() const { return number_; }
  /// That line was the file's last and had no line end: it may be cut.
  [[nodiscard]] bool unfinished() const { return unfinished_; }

 private:
  [[nodiscard]] bool kept() const;
  bool is_marker(std::string_view line);

  enum class Part { outside, ours, base, theirs };
  const char* at_;
  const char* end_;
  FileDirt& dirt_;
  ConflictSide side_;
  Part part_ = Part::outside;
  std::uint64_t number_ = 0;
  bool unfinished_ = false;
};

/// Cuts `line` at each `separator` (not empty) into `fields`; returns how many there are, which may be more
/// than fit.
std::size_t split_fields(std::string_view line, std::string_view separator,
                         std::span<std::string_view> fields);

/// A cell with a number and nothing else but blanks around it; NaN if it is none. Correctly rounded.
double cell_number(std::string_view cell);

/// The difference of two counters modulo 2^64, as tools print it: close below 2^64, or, where the tool scales
/// what it prints (`decimals`: the cell has a decimal point), below 2^64 / 1e3, 1e6 or 1e9. What lay below
/// zero by rounding only (half a unit of two decimals) is 0; anything else is missing (NaN), and so is what
/// exceeds `most`. Other numbers, and NaN, are returned as they are.
double without_wrap(double value, bool decimals, double most, std::uint64_t line, FileDirt& dirt);

}  // namespace drst
