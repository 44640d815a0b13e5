// The inside of Monitor, shared by monitor.cpp (what it does), monitor_save.cpp (what outlives it) and
// monitor_publish.cpp (what it tells).
#pragma once

#include <optional>
#include <string>

#include "base/patience.h"
#include "base/waiting.h"
#include "drift/detector.h"
#include "drift/error_watch.h"
#include "drift/monitor.h"
#include "drift/signal_history.h"
#include "drift/snapshot.h"
#include "registry/handover.h"
#include "store/leased_store.h"
#include "stream/joined_reader.h"

namespace drst {

struct Monitor::State {
  State(Log& l, ObjectStore& s, const Clock& c, DriftSettings settings_, MonitorOptions options_);

  Step step();
  void handle(JoinedReader::Item& item);
  void warn_of_history(int64_t row);
  [[nodiscard]] int64_t unread() const;  // records of the topic that are still to come, or more
  void raise(const Alarm& alarm, const JoinedReader::Item& item);
  void look_at_lock();
  void acknowledge();
  void finish(const std::string& reason);
  void leave(const std::string& reason);
  [[nodiscard]] std::string event_id(int64_t row) const;

  // monitor_save.cpp
  void save();
  void load();
  void forget_other_run();
  // monitor_publish.cpp
  void publish_signal();
  void publish_done(const std::string& reason);

  Log& log;
  LeasedStore store;  // for all that is written
  const Clock& clock;
  DriftSettings settings;
  MonitorOptions options;
  Handover handover;
  JoinedReader reader;
  DriftDetector detector;
  ErrorWatch errors;
  SnapshotWindow window;
  SignalHistory history;
  Counts counts;
  std::string event;    // of the alarm that stands; empty: none
  std::string cleared;  // event whose flags are to be removed: acknowledged in the saved state, maybe not yet
                        // in the store
  std::vector<std::string> history_lacked;  // what was warned of last
  std::string end_reason;                   // not empty: the stream has ended
  std::optional<SignalPoint> latest;
  uint64_t unsaved = 0;  // records since the last save
  bool finished = false;
  int lost_commits = 0;
  Patience patience;
  Waiting waiting;
  Time last_published{};
};

}  // namespace drst
