// The place of whoever appends a run's records: a run has one producer or collector.
//
// It is the only member of a group of the run's name on the run's topic. A dead process's place is free at
// once; one that hangs loses it after 30 s. One thread.
#pragma once

#include <memory>
#include <string>

#include "base/time.h"
#include "stream/log.h"

namespace drst {

class RunPlace {
 public:
  /// Log and clock must outlive it.
  RunPlace(Log& log, const Clock& clock, std::string topic, int partitions, std::string run_id);
  /// Takes the place, or stays in it; to be called before each append. Creates the topic. Throws PlaceTaken
  /// where another has it, LeaseLost where it went meanwhile: what is in the log by then must be read again
  /// after the next call, which asks for the place anew.
  void keep();
  void leave();

 private:
  Log& log_;
  const Clock& clock_;
  std::string topic_;
  int partitions_;
  std::string run_id_;
  std::unique_ptr<Consumer> member_;
  Time next_poll_{};
  Batch unused_;
};

}  // namespace drst
