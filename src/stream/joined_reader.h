// A topic and its late labels as one ordered sequence (SPEC 4): what monitor and retrainer read.
//
// Reads <topic> as the only member of a group, merges partitions by row (else send_ts) with bounded
// reordering (merge.h), follows <topic>-labels, and hands out samples in stream order and labels as they
// arrive. Labels inline in a sample come with it. A row that was handed out, or a label of it, is not handed
// out again. Records and sentinels of other runs are ignored; `ended()` when every partition has shown the
// run's. Unusable records are counted and skipped (consumers dead-letter them): no JSON, or far fewer
// features than the records before it. A record without any finite feature is unusable, too, but handed out
// as `blank`: counters that vanish all at once are a drift, and who follows the stream must not take them for
// silence. Positions of what has been handed out can be saved and restored, so that a restarted owner repeats
// the same sequence: samples, their columns and what counts as unusable depend only on stream order, never on
// what had arrived when. That is why columns that are new in a record are appended in the order of their
// names. One thread.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/time.h"
#include "stream/log.h"
#include "stream/record.h"
#include "stream/settings.h"

namespace drst {

struct JoinedReaderOptions {
  std::string topic = "latencyTopic";
  std::string group;
  std::string member;
  std::string lane;    ///< whose labels are read (stream/lane.h)
  std::string run_id;  ///< empty: taken from the first record with one
  ReaderSettings settings;
  WireLimits limits;
};

class JoinedReader {
 public:
  struct Item {
    enum class Kind { sample, label } kind = Kind::sample;
    std::string id;
    int64_t row = -1;
    Time send_ts{};
    std::string stage;
    std::vector<double> values;  ///< samples: one for each of columns() at that time, lags included
    std::optional<double> label;
    /// A sample of no counter: nobody predicts it, and there is nothing to learn from it.
    bool blank = false;
  };
  /// The topic may appear later. Log and clock must outlive the reader.
  JoinedReader(Log& log, const Clock& clock, const JoinedReaderOptions& options);
  ~JoinedReader();

  /// The next item, if one is due. A label that was appended before a sample is handed out before it.
  std::optional<Item> next();
  /// All names seen, lags included; only grows.
  [[nodiscard]] const std::vector<std::string>& columns() const;
  [[nodiscard]] const std::string& run_id() const;
  /// Whether records or labels came since the last call, usable or not: a stream of unusable ones is not
  /// silent.
  [[nodiscard]] bool heard();
  [[nodiscard]] bool ended() const;  ///< all sentinels seen and everything handed out
  /// What has not come yet and who sends it, until the first sample is handed out; "" from then on.
  [[nodiscard]] std::string lacks() const;
  /// The run that had ended before this reader came, which was told no run: its sentinels are all that every
  /// partition still holds.
  [[nodiscard]] std::optional<std::string> ended_before() const;
  struct Counts {
    uint64_t samples = 0;  ///< but for the blank ones, which are unusable
    uint64_t labels = 0, unusable = 0, late = 0, duplicates = 0, foreign_sentinels = 0;
    uint64_t foreign = 0;  ///< records and labels of other runs
    /// Labels, inline or late, that cannot be used (those of other lanes only: no count).
    uint64_t bad_labels = 0;
  };
  [[nodiscard]] Counts counts() const;

  /// Where a successor must start to get exactly what this one has not yet handed out. Opaque text.
  [[nodiscard]] std::string positions() const;
  /// Before the first next(). InputError if the text is not from positions() of a reader of this topic.
  void restore(const std::string& positions);
  /// Commits the group's offsets up to what has been handed out, never past the run's sentinel (for lag
  /// metrics; call after effects are durable). False: the lease is lost.
  bool commit();
  /// Throws LeaseLost if this reader had partitions and has lost them to another (Consumer::holds()): to be
  /// called before each write that only the one reader of the group may do.
  void need_lease();
  /// Whether it has ever been let into its group.
  [[nodiscard]] bool joined() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drst
