// What an EmbeddedLog shares with its consumers, and the source it gives them. Inside of embedded_log.h.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "stream/embedded_log.h"
#include "stream/group_consumer.h"
#include "stream/log_environment.h"
#include "stream/wait_marks.h"

namespace drst {

struct EmbeddedLog::Core {
  Core(const std::filesystem::path& folder, const Clock& clock_, Durability durability,
       const LogSettings& settings_)
      : environment(LogEnvironment::open(folder, durability, settings_)),
        clock(clock_),
        settings(settings_) {}

  std::shared_ptr<LogEnvironment> environment;
  const Clock& clock;
  LogSettings settings;
  WaitMarks marks;

  std::mutex mutex;  // guards what follows
  std::map<std::string, int, std::less<>>
      partitions;  // topics are never changed, so what was read once holds
  std::vector<std::unique_ptr<LogEnvironment::ReadTransaction>> idle_readers;

  /// Of a topic, 0 if there is none.
  int partition_count(const std::string& topic);
  int partition_count(const std::string& topic, LogEnvironment::ReadTransaction& reader);
};

/// A read transaction from the core's stock, begun; goes back when it is done with.
class EmbeddedSnapshot {
 public:
  explicit EmbeddedSnapshot(EmbeddedLog::Core& core);
  EmbeddedSnapshot(const EmbeddedSnapshot&) = delete;
  EmbeddedSnapshot& operator=(const EmbeddedSnapshot&) = delete;
  ~EmbeddedSnapshot();
  LogEnvironment::ReadTransaction* operator->() { return reader_.get(); }
  LogEnvironment::ReadTransaction& operator*() { return *reader_; }

 private:
  EmbeddedLog::Core& core_;
  std::unique_ptr<LogEnvironment::ReadTransaction> reader_;
};

/// The key of a group's state in the `groups` table.
std::string group_key(std::string_view group, std::string_view topic);

std::unique_ptr<ConsumerSource> make_embedded_source(std::shared_ptr<EmbeddedLog::Core> core,
                                                     const ConsumerOptions& options);

}  // namespace drst
