// All components of a run in one process: the producer, and of each target what its lane needs
// (stream/lane.h).
//
// A lane is complete in itself and shares the producer's two topics only, so what happens in one lane changes
// nothing in another: the first lane of a run with several targets predicts what a run with that target alone
// does, bit for bit. Components of further lanes are called "<lane>/<name>". Made, and read, by one thread;
// who steps the parts is drive.h's business.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "inference/consumer.h"
#include "pipeline/config.h"
#include "pipeline/drive.h"
#include "store/prefix_store.h"
#include "telemetry/recorder.h"

namespace drst {

/// One target's.
class LaneLoop {
 public:
  struct World {
    Log& log;
    ObjectStore& store;  ///< the whole one
    const Clock& clock;
    bool is_virtual;
    Recorder& recorder;
  };
  /// `offline`: what its retrainer refits on; `history`: the same, for its monitor. All of `world` must
  /// outlive it.
  LaneLoop(const Config& config, const std::string& lane, const World& world, const std::string& run_id,
           Table offline, std::shared_ptr<const DriftHistory> history);
  ~LaneLoop();
  void add_to(LoopParts& parts);

 private:
  struct Member;
  Component* shown(Component& component);

  std::string lane_;
  PrefixStore store_;
  std::vector<std::unique_ptr<Member>> members_;
  std::vector<std::unique_ptr<Component>> observers_;
  std::vector<std::unique_ptr<Component>> shown_;  // the others under the lane's name
};

class ClosedLoop {
 public:
  ClosedLoop(const Config& config, const LaneLoop::World& world, const std::string& run_id,
             const Table& offline, std::vector<StageTable> stages);
  [[nodiscard]] LoopParts parts();
  [[nodiscard]] const Producer& producer() const { return *producer_; }

 private:
  std::unique_ptr<Producer> producer_;
  std::vector<std::unique_ptr<LaneLoop>> lanes_;
};

}  // namespace drst
