// A tool that runs and writes lines, as a source. Its follower is read some twenty times an interval on a
// thread of its own, so that it is known when a line came, and a file system that hangs stalls nobody.
// Internal to this room.
#pragma once

#include <cstdint>

#include "collect/line_parser.h"
#include "collect/source.h"

namespace drst {

/// Which tick gets which row. The tool's clock and the grid's beat: now and then a tick finds no new row, and
/// another one two. A row that is still fresh therefore counts once more where nothing newer has come. Of two
/// new rows the newest counts: a sum of counts would be one row of twice the length, which no model has seen.
class RowChoice {
 public:
  explicit RowChoice(double stale_intervals) : stale_(stale_intervals) {}
  bool gives(const LineRow& newest, const Tick& tick);

 private:
  double stale_;
  std::uint64_t number_ = 0;
  int times_ = 0;
};

}  // namespace drst
