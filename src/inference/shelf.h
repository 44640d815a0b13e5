// The models that are alive in one consumer, by the SHA-256 of their files, so that the same file is held and
// predicted with once.
//
// The frozen baseline and the first live release are the same bytes; a release that the judge promotes was
// served as a line before. Who loads one of those gets the model that is there, and the predictor knows by
// the pointer that it need not ask twice (predictor.h). A shelf keeps nothing alive. Thread-safe, by locks
// that only loading takes: consumer and guard load at the same time when they start, and the second of two
// that want the same model waits for the first instead of reading the file again.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "learn/model.h"

namespace drst {

class ModelShelf {
 public:
  /// The living model of that digest, else what `load` makes. What `load` throws leaves no trace.
  std::shared_ptr<const Model> get(const std::string& sha256,
                                   const std::function<std::shared_ptr<const Model>()>& load);
  /// Digests that are remembered: of living models, and of those that died since the last get().
  [[nodiscard]] std::size_t size() const;

 private:
  struct Place {
    std::mutex loading;                // held by who loads, without mutex_
    std::weak_ptr<const Model> model;  // guarded by mutex_, as all that follows
    int users = 0;                     // calls of get() under way: it must stay
  };
  class Use;
  mutable std::mutex mutex_;
  std::map<std::string, Place> places_;
};

}  // namespace drst
