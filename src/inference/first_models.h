// What a consumer waits for before it joins its group: the frozen baseline and a first adaptive model. One
// thread.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "base/time.h"
#include "inference/settings.h"
#include "inference/slot.h"
#include "registry/registry.h"
#include "store/store.h"

namespace drst {

class FirstModels {
 public:
  FirstModels(ObjectStore& store, const Clock& clock, const InferenceSettings& settings, std::string waiting,
              ModelSlot& slot);
  /// Looks for what is still missing, for the baseline at most once in poll_interval_s. True: both are there.
  bool ready();
  std::unique_ptr<ServedModel> baseline, adaptive;

  /// Says once what is waited for.
  void complain(const std::string& about);
  [[nodiscard]] std::string missing() const;  ///< what is waited for, and what to do

 private:
  void look_for_baseline();

  ObjectStore& store_;
  const Clock& clock_;
  Registry registry_;
  ModelSlot& slot_;
  std::string waiting_;
  std::size_t batch_;
  ModelLimits limits_;
  Duration interval_;
  std::optional<Time> next_try_;
  std::string complaint_;
};

}  // namespace drst
