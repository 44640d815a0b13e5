// A topic and its late labels as one ordered sequence (SPEC 4): what monitor and retrainer read.
//
// Reads <topic> as the only member of a group, merges partitions by row (else send_ts) with bounded reordering (merge.h), follows
// <topic>-labels, and hands out samples in stream order and labels as they arrive. Labels inline in a sample come with it. Sentinels of other
// runs are ignored; `ended()` when every partition has shown the run's. Unusable records are counted and skipped (consumers dead-letter them).
// Positions of what has been handed out can be saved and restored, so that a restarted owner repeats the same sequence. One thread.
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

namespace drst {

struct JoinedReaderOptions {
  std::string topic = "latencyTopic";
  std::string group;
  std::string member;
  std::string run_id;                ///< empty: taken from the first record with one
  std::size_t reorder_bound = 1024;  ///< records
  double max_missing_fraction = 0.5; ///< a record with more missing current-sample columns is unusable
  Duration lease = std::chrono::seconds(10);
};

class JoinedReader {
 public:
  struct Item {
    enum class Kind { sample, label } kind = Kind::sample;
    std::string id;
    int64_t row = -1;
    Time send_ts{};
    std::string stage;
    std::vector<double> values;      ///< samples: one for each of columns() at that time, lags included
    std::optional<double> label;
  };
  JoinedReader(Log& log, const Clock& clock, const JoinedReaderOptions& options);
  ~JoinedReader();

  /// The next item, if one is due. Labels that arrived come before samples that are due at the same call.
  std::optional<Item> next();
  [[nodiscard]] const std::vector<std::string>& columns() const;  ///< all names seen, lags included; only grows
  [[nodiscard]] const std::string& run_id() const;
  [[nodiscard]] bool ended() const;                               ///< all sentinels seen and everything handed out
  struct Counts {
    uint64_t samples = 0, labels = 0, unusable = 0, late = 0, duplicates = 0, foreign_sentinels = 0;
  };
  [[nodiscard]] Counts counts() const;

  /// Where a successor must start to get exactly what this one has not yet handed out. Opaque text.
  [[nodiscard]] std::string positions() const;
  void restore(const std::string& positions);
  /// Commits the group's offsets up to what has been handed out (for lag metrics; call after effects are durable). False: the lease is lost.
  bool commit();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace drst
