// Where collected rows go.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"

namespace drst {

/// One second, or whatever the interval is, of a chain.
struct CollectedRow {
  std::int64_t tick = 0;  ///< of the grid
  Time at{};              ///< the wall clock's
  bool follows = false;   ///< the row before it is that of the tick before: nothing is missing between them
  std::vector<double> values;  ///< one a column; NaN: missing
  std::vector<double> shares;  ///< of the interval in which it was measured; NaN: not known
};

/// One thread at a time. Throws where a row could not be taken: DiskFullError, LeaseLost and
/// Error(unreachable) where another try may do it, anything else where it is of no use.
class RowSink {
 public:
  virtual ~RowSink() = default;
  /// Before the first row, and again when names were appended.
  virtual void begin(const std::vector<std::string>& columns) = 0;
  virtual void put(const CollectedRow& row) = 0;
  /// After the last row; `ended`: the collection came to its own end, nobody goes on with it.
  virtual void finish(bool ended) = 0;
};

/// Hands rows to `sink` on a thread of its own, so that a log or a disk that is away never delays a tick. At
/// most `most_rows` wait; beyond them the oldest is dropped and counted, and the row after it does not
/// `follow`. What may be tried again is tried again, each second, and said once; anything else is thrown by
/// the next call.
class QueuedSink final : public RowSink {
 public:
  QueuedSink(RowSink& sink, std::size_t most_rows);
  ~QueuedSink() override;
  void begin(const std::vector<std::string>& columns) override;
  void put(const CollectedRow& row) override;
  /// Waits until all rows are taken, as long as `patience_s`; then FailedError says how many were not.
  void finish(bool ended) override;

  void set_patience(double patience_s) { patience_s_ = patience_s; }
  [[nodiscard]] std::int64_t dropped() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
  double patience_s_ = 5;
};

}  // namespace drst
