// The hot-swap slot between one guard (writer) and one consumer (reader), without a lock on the record path.
//
// The guard puts a loaded, verified, warmed model into `offered_`; the consumer looks between batches (one
// atomic exchange) and takes ownership; the model it replaces goes into `retired_`, which the guard empties
// and frees, so that no destructor runs on the record path. An offer that was not yet taken and is replaced
// by a newer one is freed by the guard. Exactly one guard thread and one consumer thread. (GCC 12's
// atomic<shared_ptr> takes a lock and ThreadSanitizer reports it.)
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "learn/model.h"

namespace drst {

struct ServedModel {
  std::shared_ptr<const Model> model;
  std::unique_ptr<Model::Scratch> scratch;
  std::string release;  ///< model key
  double load_ms = 0;
  bool rollback = false;
};

class ModelSlot {
 public:
  ModelSlot() = default;
  ModelSlot(const ModelSlot&) = delete;
  ModelSlot& operator=(const ModelSlot&) = delete;
  ~ModelSlot() {
    delete offered_.load();
    delete retired_.load();
  }

  // guard's side
  void offer(std::unique_ptr<ServedModel> model) {
    delete offered_.exchange(model.release(), std::memory_order_acq_rel);
  }
  void free_retired() { delete retired_.exchange(nullptr, std::memory_order_acq_rel); }

  // consumer's side
  /// The newest offer, if there is one that was not taken before.
  std::unique_ptr<ServedModel> take() {
    if (offered_.load(std::memory_order_relaxed) == nullptr) return nullptr;
    return std::unique_ptr<ServedModel>(offered_.exchange(nullptr, std::memory_order_acq_rel));
  }
  /// Hands back a replaced model; false if the guard has not yet freed the one before (try again at the next
  /// batch; keep it meanwhile).
  bool retire(std::unique_ptr<ServedModel>& model) {
    ServedModel* expected = nullptr;
    if (!retired_.compare_exchange_strong(expected, model.get(), std::memory_order_acq_rel)) return false;
    (void)model.release();
    return true;
  }

 private:
  std::atomic<ServedModel*> offered_{nullptr};
  std::atomic<ServedModel*> retired_{nullptr};
};

}  // namespace drst
